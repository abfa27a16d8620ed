"""The ring of keys that seal the trail (A3).

AUDIT_KEYS lists keys as `name:material` or bare `material`, separated by commas; the first seals, all verify. The id
that entries carry comes from the key itself, so that no order and no name in the setting ever changes it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


@dataclass(frozen=True, slots=True)
class Seal:
    """A keyed hash and the id of the key that made it."""

    key_id: str
    mac: str


def seal(message: str) -> Seal:
    """Show with the first key of the ring that this panel wrote `message`."""
    key_id, key = next(iter(ring().items()))
    return Seal(key_id, _mac(key, message))


def fits(message: str, made: Seal) -> bool:
    """Whether `made` seals `message` under a key of the ring; a key that is not in it seals nothing."""
    key = ring().get(made.key_id)
    return key is not None and same(made.mac, _mac(key, message))


def known(key_id: str) -> bool:
    """Whether a key of the ring has this id."""
    return key_id in ring()


def same(one: str, other: str) -> bool:
    """Compares in a time that tells nothing of where two seals differ."""
    # JSON in the database may hold half a character, which has no bytes of its own.
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))


def _mac(key: bytes, message: str) -> str:
    return hmac.digest(key, message.encode(), hashlib.sha256).hex()


def ring() -> dict[str, bytes]:
    """The keys by their id, the one that seals first."""
    return _parse(settings.AUDIT_KEYS)


@lru_cache(maxsize=4)
def _parse(text: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in text.replace(",", " ").split():
        material = entry.rpartition(":")[2].encode()
        key = HKDF(SHA256(), length=32, salt=None, info=b"lswpanel audit trail").derive(material)
        found[hashlib.sha256(b"id\n" + key).hexdigest()[:8]] = key
    return found
