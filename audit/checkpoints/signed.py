"""A checkpoint as text. Plain Python, so that it can be checked on a machine that holds the public key alone.

A line is the content, a space, and the Ed25519 signature of the content in base64. The content is JSON without spaces:
`type`, `number` (from 1, without gaps), `at` (UTC), `previous` (SHA-256 of the content before, zeros for the first),
`key` (the public key of who signed it), `chains`, a list of [chain, sequence, row hash], and perhaps `anew`: why
checkpoints begin anew here, with a number of their own. Such a one is the first of its file.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TYPE = "lswpanel-audit-checkpoint-1"
NOTHING_BEFORE = "0" * 64
Head = tuple[int, str]


class BadCheckpointError(ValueError):
    """A line that is no checkpoint, or one that does not belong where it stands; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One checkpoint. `heads` says for each chain how many entries it had, and the hash of the last one."""

    number: int
    at: str
    previous: str
    key: str
    heads: dict[int, Head]
    content: str
    signature: str
    anew: str = ""

    @property
    def line(self) -> str:
        return f"{self.content} {self.signature}"

    @property
    def digest(self) -> str:
        """What the next checkpoint names as `previous`."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def entries(self) -> int:
        """How many entries all chains had together."""
        return sum(sequence for sequence, _ in self.heads.values())

    def signed_by(self, public_key: str) -> bool:
        """Whether the holder of that key signed it. Raises ValueError for a text that is no public key."""
        try:
            public(public_key).verify(base64.b64decode(self.signature), self.content.encode())
        except (InvalidSignature, binascii.Error):
            return False
        return True


def public(text: str) -> Ed25519PublicKey:
    """The key of a text as `public_text` writes it. Raises ValueError for any other."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half of a key as people pass it on: 32 bytes in base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(
    key: Ed25519PrivateKey, *, number: int, at: str, previous: str, heads: dict[int, Head], anew: str = ""
) -> Signed:
    """Write down and sign where the chains stand; `at` is a moment in UTC as ISO 8601."""
    chains = [[chain, sequence, row_hash] for chain, (sequence, row_hash) in sorted(heads.items())]
    said = {"type": TYPE, "number": number, "at": at, "previous": previous, "key": public_text(key)}
    said |= {"chains": chains} | ({"anew": anew} if anew else {})
    content = json.dumps(said, separators=(",", ":"))
    return read(f"{content} {base64.b64encode(key.sign(content.encode())).decode()}")


def read(line: str) -> Signed:
    """The checkpoint of one line, its signature not yet checked. Raises BadCheckpointError."""
    content, _, signature = line.strip().rpartition(" ")
    try:
        return _read(json.loads(content), content, signature)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadCheckpointError("a line is no checkpoint") from error


def _read(said: dict[str, Any], content: str, signature: str) -> Signed:
    if said["type"] != TYPE:
        raise ValueError("another type")
    return Signed(
        number=int(said["number"]),
        at=str(said["at"]),
        previous=str(said["previous"]),
        key=str(said["key"]),
        heads={int(chain): (int(sequence), str(row_hash)) for chain, sequence, row_hash in said["chains"]},
        content=content,
        signature=signature,
        anew=str(said.get("anew", "")),
    )


def following(lines: Iterable[str], *, keys: Collection[str] | None = None) -> Iterator[Signed]:
    """The checkpoints of these lines, each shown to follow the one before, and signed by one of `keys` if given.

    The first is number 1, or one that begins anew. Raises BadCheckpointError, which names the first bad one.
    """
    before: Signed | None = None
    for place, line in enumerate(lines, start=1):
        try:
            found = read(line)
        except BadCheckpointError:
            raise BadCheckpointError(f"line {place} is no checkpoint") from None
        if problem := _misplaced(found, before):
            raise BadCheckpointError(problem)
        if keys is not None and not any(found.signed_by(key) for key in keys):
            raise BadCheckpointError(
                f"checkpoint {found.number} was not signed with the key of this installation"
            )
        before = found
        yield found


def _misplaced(found: Signed, before: Signed | None) -> str:
    if before is None and found.anew:
        return ""
    number, previous = (before.number + 1, before.digest) if before else (1, NOTHING_BEFORE)
    if found.number != number:
        return f"checkpoint {number} is missing; the next one there is {found.number}"
    return "" if found.previous == previous else f"checkpoint {number} does not follow the one before it"
