"""What must hold before the panel serves anybody; Django runs these before every command.

Their tag lets a start ask these alone: what Django checks beside them is about our code, and `make test` asks it.
"""

import base64
import binascii
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from lswpanel import environment, keyfiles, starting
from servers.leaseweb import check_base_url

# A random text of 32 characters, or 32 random bytes, hardly ever have fewer different ones than this.
TEXT_VARIETY, BYTES_VARIETY = 10, 16
LEAST_SIZE = 32
RINGS = ("ENCRYPTION_KEYS", "AUDIT_KEYS")
TAG = "lswpanel"


@register(TAG)
def upstream_url(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    try:
        check_base_url(settings.LEASEWEB_API_URL)
    except ValueError as error:
        return [Error(f"LEASEWEB_API_URL: {error}", id="lswpanel.E001")]
    return []


@register(TAG)
def hurry_in_rehearsals_only(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """A shortened deadline gives up on a job that the real Leaseweb is still working on."""
    host = urlsplit(settings.LEASEWEB_API_URL).hostname or ""
    if settings.TIME_SCALE == 1 or environment.is_loopback(host):
        return []
    return [Error("TIME_SCALE: keep 1, or rehearse with a simulated Leaseweb.", id="lswpanel.E007")]


@register(TAG)
def secrets_are_there(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    try:
        starting.refuse_missing_secrets()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="lswpanel.E002")]
    return []


@register(TAG)
def strong_secrets(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} is too weak: give at least 32 random characters.", id="lswpanel.E003")
        for name in ("SECRET_KEY", "AUDIT_KEYS", "CHECKPOINT_KEY")
        for key in keys_in(name)
        if len(key) < LEAST_SIZE or not _is_random(key.encode(), variety=TEXT_VARIETY)
    ]


@register(TAG)
def encryption_ring(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    keys = [_decoded(key) for key in keys_in("ENCRYPTION_KEYS")]
    if all(len(key) >= LEAST_SIZE and _is_random(key, variety=BYTES_VARIETY) for key in keys):
        return []
    return [Error("ENCRYPTION_KEYS: every key is base64 of at least 32 random bytes.", id="lswpanel.E004")]


@register(TAG)
def secrets_of_their_own(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Whoever learns one must not have another with it."""
    kept = [(name, key.rstrip("=")) for name in settings.SECRETS for key in keys_in(name)]
    return [
        Error(f"{one} and {other} hold the same key: give each one of its own.", id="lswpanel.E005")
        for (one, key), (other, same) in itertools.combinations(kept, 2)
        if key == same
    ]


@register(TAG)
def closed_secret_files(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """In the data folder the panel can ask for it; the modes of mounted secrets are often not the operator's choice."""
    return [
        _open_file(name, path)
        for name, path in settings.SECRET_FILES.items()
        if path.exists() and keyfiles.open_to_others(path)
    ]


def _open_file(name: str, path: Path) -> CheckMessage:
    said = f"{name}: others may read or write {path}; give it to the panel's user and `chmod 600 {path}`."
    if path.resolve().is_relative_to(settings.DATA_DIR):
        return Error(said, id="lswpanel.E006")
    return Warning(said, id="lswpanel.W001")


def keys_in(name: str) -> list[str]:
    """The keys of a secret, without the remarks of a ring; none of one that is missing, which is another's to tell."""
    if name in starting.missing_secrets():
        return []
    if name not in RINGS:
        return [getattr(settings, name)]
    return [entry.rpartition(":")[2] for entry in getattr(settings, name).replace(",", " ").split()] or [""]


def _decoded(key: str) -> bytes:
    """The bytes that the base64 holds; none when it is no base64."""
    try:
        return base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_random(key: bytes, *, variety: int) -> bool:
    """False for what chance does not make: few different bytes, one piece again and again, bytes in their order."""
    half = len(key) // 2
    in_order = sum(abs(one - next_one) <= 1 for one, next_one in itertools.pairwise(key))
    repeated = any(key[size:] == key[:-size] for size in range(1, half + 1))
    return len(set(key)) >= variety and not repeated and in_order < half
