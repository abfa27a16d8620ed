"""What must hold before the panel serves anybody; Django runs these before every command.

Their tag lets a start ask these alone: what Django checks beside them is about our code, and `make test` asks it.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from servers.leaseweb import check_base_url

# A dot in it would make what it seals unreadable: dots divide the parts of a sealed text.
KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
NAMES_RULE = "the name before a key consists of letters, digits, - and _, and no two keys have the same one."
# Of 32 random bytes fewer different ones than this are as good as impossible.
LEAST_VARIETY = 16
TAG = "lswpanel"


@register(TAG)
def upstream_url(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    try:
        check_base_url(settings.LEASEWEB_API_URL)
    except ValueError as error:
        return [Error(f"LEASEWEB_API_URL: {error}", id="lswpanel.E001")]
    return []


@register(TAG)
def strong_secrets(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    given = [(name, getattr(settings, name)) for name in ("SECRET_KEY", "CHECKPOINT_KEY")]
    given += [("AUDIT_KEYS", entry.rpartition(":")[2]) for entry in _entries(settings.AUDIT_KEYS) or [""]]
    return [
        Error(f"{name} is too weak: give at least 32 random characters.", id="lswpanel.E003")
        for name, value in given
        if len(value) < 32 or len(set(value)) < 10
    ]


@register(TAG)
def encryption_ring(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    entries = [entry.rpartition(":") for entry in _entries(settings.ENCRYPTION_KEYS)]
    if not entries or min(_size(material) for _, _, material in entries) < 32:
        return [
            Error("ENCRYPTION_KEYS: every key is base64 of at least 32 random bytes.", id="lswpanel.E004")
        ]
    names = [name for name, colon, _ in entries if colon]
    if len(set(names)) < len(names) or not all(KEY_NAME.fullmatch(name) for name in names):
        return [Error(f"ENCRYPTION_KEYS: {NAMES_RULE}", id="lswpanel.E005")]
    return []


def _entries(ring: str) -> list[str]:
    return ring.replace(",", " ").split()


def _size(material: str) -> int:
    """How many bytes the base64 holds; 0 when it is none, or when they are too much alike to be random."""
    try:
        raw = base64.b64decode(material + "=" * (-len(material) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return 0
    return len(raw) if len(set(raw)) >= LEAST_VARIETY else 0
