"""Tells whether the secrets that this process was given are those that the database is used with.

The database keeps a value derived one-way from each of them. The table belongs to the project and not to an app: it
covers the secrets of all of them, and only a start asks it.
"""

from collections.abc import Iterator

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

import audit.keys
from lswpanel.models import KeyCheck
from lswpanel.starting import WAY_OUT
from servers import resealing
from teams import encryption

VALUE_BYTES = 16


def refuse_others() -> None:
    """Raises ImproperlyConfigured, one sentence that names the secret, when one is not the database's."""
    for problem in problems():
        raise ImproperlyConfigured(problem)


def problems() -> Iterator[str]:
    """What is wrong with the secrets of this process, a sentence each; nothing in a database without check values."""
    known = registered()
    for name, values in given().items():
        before = known.get(name, set())
        if before and before.isdisjoint(values):
            yield f"{name} is not the one that this database is used with{_kept_in(name)}; {WAY_OUT}."
        elif name == "AUDIT_KEYS" and not before.issubset(values):
            yield f"{name} lacks a key that the audit trail is sealed with{_kept_in(name)}; {WAY_OUT}."
    if known:
        yield from _lost_encryption_keys()


def register() -> None:
    """Remember the secrets that this process was given; those that are known already stay as they are."""
    KeyCheck.objects.bulk_create(
        [KeyCheck(secret=secret, value=value) for secret, values in given().items() for value in values],
        ignore_conflicts=True,
    )


def registered() -> dict[str, set[str]]:
    """The values that the database keeps, by secret; none as long as it was not prepared."""
    if KeyCheck._meta.db_table not in connection.introspection.table_names():
        return {}
    known: dict[str, set[str]] = {}
    for secret, value in KeyCheck.objects.values_list("secret", "value"):
        known.setdefault(secret, set()).add(value)
    return known


def given() -> dict[str, list[str]]:
    """The value of each key that this process was given, by secret."""
    rings = {name: [getattr(settings, name).encode()] for name in settings.SECRETS}
    rings["ENCRYPTION_KEYS"] = list(encryption.ring().values())
    rings["AUDIT_KEYS"] = list(audit.keys.ring().values())
    return {name: [_value(name, key) for key in keys] for name, keys in rings.items()}


def _lost_encryption_keys() -> Iterator[str]:
    lost = sorted({encryption.key_id_of(api_key.sealed) for api_key in resealing.unreadable()})
    if lost:
        where = _kept_in("ENCRYPTION_KEYS")
        yield f"ENCRYPTION_KEYS lacks the key {lost[0]}, which API keys are sealed with{where}; {WAY_OUT}."


def _kept_in(secret: str) -> str:
    path = settings.SECRET_FILES.get(secret)
    return f" ({path})" if path else ""


def _value(secret: str, key: bytes) -> str:
    info = b"lswpanel key check " + secret.encode()
    return HKDF(SHA256(), length=VALUE_BYTES, salt=None, info=info).derive(key).hex()
