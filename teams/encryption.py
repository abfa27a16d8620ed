"""The key ring: AES-256-GCM for what must be read back, such as API keys (K1).

ENCRYPTION_KEYS lists keys as `material` or `remark:material`, separated by commas; the first encrypts, all decrypt.
The id of a key comes from the key itself, so it stays when the ring is edited: keys may be moved, and the remark, which
is for people, may be added, changed and left out.
A text looks like `v1.<key id>.<base64 of nonce and ciphertext>`, and is bound to the team, the row and the field it
was made for: moved anywhere else it does not open.
"""

import base64
import binascii
import hashlib
import os
import uuid
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = "v1"
NONCE_BYTES = 12


class DecryptionError(ValueError):
    """The text does not open: another place, another key, or damage. Says which key id was wanted, nothing else."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret belongs: all three are bound into the ciphertext as associated data."""

    team: uuid.UUID
    row: uuid.UUID
    field: str


def ring() -> dict[str, bytes]:
    """The keys by their id, the one that encrypts first."""
    return _parse(settings.ENCRYPTION_KEYS)


def key_id_of(text: str) -> str:
    """The id of the key that `text` was sealed with; empty when it is no sealed text."""
    version, _, rest = text.partition(".")
    return rest.partition(".")[0] if version == VERSION else ""


def encrypt(plain: str, place: Place) -> str:
    """`plain` sealed for `place` with the first key of the ring and a fresh nonce."""
    key_id, key = next(iter(ring().items()))
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain.encode(), _associated(key_id, place))
    return f"{VERSION}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(text: str, place: Place) -> str:
    """The plain text of `text`; raises DecryptionError when it was not made for `place` with a key of the ring."""
    version, _, rest = text.partition(".")
    key_id, _, body = rest.partition(".")
    key = ring().get(key_id)
    if version != VERSION or key is None:
        raise DecryptionError(f"No key {key_id!r} in the ring for this text.")
    try:
        raw = base64.urlsafe_b64decode(body.encode())
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated(key_id, place)).decode()
    except (InvalidTag, ValueError, binascii.Error):
        raise DecryptionError(f"The text does not open with key {key_id!r} in this place.") from None


def fingerprint(plain: str, place: Place) -> str:
    """Eight hex digits that tell two secrets apart and reveal nothing of either (K3)."""
    _, key = next(reversed(ring().items()))
    mark = HKDF(SHA256(), length=4, salt=None, info=b"lswpanel fingerprint" + place.team.bytes)
    return mark.derive(key + plain.encode()).hex()


def _associated(key_id: str, place: Place) -> bytes:
    parts = (VERSION.encode(), key_id.encode(), place.team.bytes, place.row.bytes, place.field.encode())
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


@lru_cache(maxsize=4)
def _parse(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for entry in text.replace(",", " ").split():
        material = entry.rpartition(":")[2]
        raw = base64.urlsafe_b64decode(material + "=" * (-len(material) % 4))
        key = HKDF(SHA256(), length=32, salt=None, info=b"lswpanel key ring").derive(raw)
        keys[hashlib.sha256(key).hexdigest()[:8]] = key
    return keys
