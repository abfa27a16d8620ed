"""Values that look random and are the same on every run, in any order of asking."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

_T = TypeVar("_T")
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def digest(*parts: object, size: int = 8) -> bytes:
    """`size` bytes that depend on `parts` and on nothing else."""
    return blake2b("\x1f".join(str(part) for part in parts).encode(), digest_size=size).digest()


def fraction(*parts: object) -> float:
    """A number from 0 up to, but not including, 1."""
    return int.from_bytes(digest(*parts, size=6)) / 2**48


def between(low: int, high: int, *parts: object) -> int:
    """A whole number from `low` to `high`, both included."""
    return low + int(fraction(*parts) * (high - low + 1))


def pick(choices: Sequence[_T], *parts: object) -> _T:
    """One of `choices`, which must not be empty."""
    return choices[between(0, len(choices) - 1, *parts)]


def password(*parts: object) -> str:
    """Sixteen letters and digits. For made-up machines only: whoever knows `parts` knows the password."""
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest(*parts, size=16))


def uuid(*parts: object) -> str:
    """Text in the form of a UUID."""
    text = digest(*parts, size=16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
