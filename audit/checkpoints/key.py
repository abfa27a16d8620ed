"""What is made of CHECKPOINT_KEY: the pair that signs checkpoints, and the seal of a verification under way.

The public half of the pair may be given to anybody, and should be kept elsewhere, too.
"""

import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from audit.checkpoints.signed import public_text


def signing_key() -> Ed25519PrivateKey:
    """The key pair that CHECKPOINT_KEY stands for: the same text is always the same pair."""
    return Ed25519PrivateKey.from_private_bytes(_derived(b"lswpanel audit checkpoints"))


def public_key() -> str:
    """What whoever checks a file of checkpoints needs, as text."""
    return public_text(signing_key())


def place_seal(chain: int, sequence: int, row_hash: str) -> str:
    """Shows that a worker found the chain good up to there, so that nobody else can have the rest verified only."""
    message = f"{chain}\n{sequence}\n{row_hash}".encode()
    return hmac.digest(_derived(b"lswpanel verification place"), message, "sha256").hex()


def _derived(purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose).derive(settings.CHECKPOINT_KEY.encode())
