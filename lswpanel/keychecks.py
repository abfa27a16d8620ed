"""Tells whether the secrets that this process was given are those that the database is used with.

The database keeps a value derived one-way from each of them. The table belongs to the project and not to an app: it
covers the secrets of all of them, and only a start asks it.
"""

from collections.abc import Collection

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

import audit.keys
from audit.models import AuditEvent
from lswpanel.models import KeyCheck
from lswpanel.starting import WAY_OUT, missing_secrets
from servers import resealing
from teams import encryption

VALUE_BYTES = 16


def refuse_others() -> None:
    """Raises ImproperlyConfigured, one sentence that names the secret, when one is not the database's."""
    for name, problem in problems().items():
        raise ImproperlyConfigured(f"{name} {problem}{_kept_in(name)}; {WAY_OUT}.")


def refuse_unprepared() -> None:
    """Raises ImproperlyConfigured for a database without the panel's tables."""
    if not _prepared():
        raise ImproperlyConfigured(
            "There is no panel in this database: point DATABASE_URL to that of yours, or run `manage.py prepare`, "
            "which makes a new one."
        )


def problems() -> dict[str, str]:
    """What is wrong with secrets of this process, by name; nothing in a database without check values."""
    known = registered()
    found = {name: _problem(name, known.get(name, set()), values) for name, values in given().items()}
    if known and not found["ENCRYPTION_KEYS"] and (lost := resealing.unreadable()):
        key_id = encryption.key_id_of(lost[0].sealed)
        found["ENCRYPTION_KEYS"] = f"lacks the key {key_id}, which API keys are sealed with"
    return {name: problem for name, problem in found.items() if problem}


def _prepared() -> bool:
    return KeyCheck._meta.db_table in connection.introspection.table_names()


def _problem(name: str, known: set[str], values: list[str]) -> str:
    if known and known.isdisjoint(values):
        return "is not the one that this database is used with"
    if name == "AUDIT_KEYS" and not known.issubset(values) and _sealed_with_another():
        return "lacks a key that the audit trail is sealed with"
    return ""


def _sealed_with_another() -> bool:
    """Asked only when a key has left the ring: it looks through the whole trail."""
    return AuditEvent.objects.exclude(key_id__in=audit.keys.ring()).exists()


def register() -> None:
    """Remember the secrets that this process was given; those that are known already stay as they are."""
    KeyCheck.objects.bulk_create(
        [KeyCheck(secret=secret, value=value) for secret, values in given().items() for value in values],
        ignore_conflicts=True,
    )


def registered() -> dict[str, set[str]]:
    """The values that the database keeps, by secret; none as long as it was not prepared."""
    if not _prepared():
        return {}
    known: dict[str, set[str]] = {}
    for secret, value in KeyCheck.objects.values_list("secret", "value"):
        known.setdefault(secret, set()).add(value)
    return known


def replace(names: Collection[str]) -> None:
    """Forget the values of secrets that are lost, and remember those that took their place."""
    for name, values in given().items():
        if name in names:
            KeyCheck.objects.filter(secret=name).exclude(value__in=values).delete()
    register()


def given() -> dict[str, list[str]]:
    """The value of each key that this process was given, by secret; none of a secret that is missing."""
    missing = missing_secrets()
    return {
        name: [] if name in missing else [_value(name, key) for key in _keys(name)]
        for name in settings.SECRETS
    }


def _keys(name: str) -> list[bytes]:
    if name == "ENCRYPTION_KEYS":
        return list(encryption.ring().values())
    if name == "AUDIT_KEYS":
        return list(audit.keys.ring().values())
    return [getattr(settings, name).encode()]


def _kept_in(secret: str) -> str:
    path = settings.SECRET_FILES.get(secret)
    return f" ({path})" if path else ""


def _value(secret: str, key: bytes) -> str:
    info = b"lswpanel key check " + secret.encode()
    return HKDF(SHA256(), length=VALUE_BYTES, salt=None, info=info).derive(key).hex()
