"""Proves that what earlier checkpoints signed is still so. This is what finds an old head that was put back.

The last checkpoint carries a signature that nobody can make without CHECKPOINT_KEY and, by the hash of the one before,
vouches for all others. Each names entries by sequence and hash; what was written since is walked by `making`.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from django.db.models import Max, QuerySet

from audit import chain as hashing
from audit import heads
from audit.checkpoints import file
from audit.checkpoints.key import public_key
from audit.checkpoints.signed import BadCheckpointError, Signed, following
from audit.models import INSTALLATION, AuditHead, Checkpoint
from audit.verify import Place

AT_ONCE = 500
# Above it is no number of ours.
FAR = 2**62


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not hold, and of which chain; what is wrong with the checkpoints themselves is the installation's."""

    chain: int
    problem: str


@dataclass(frozen=True, slots=True)
class Point:
    """The hash of an entry, and the number of the checkpoint that signed it first."""

    row_hash: str
    checkpoint: int


@dataclass(slots=True)
class Points:
    """All that a run of checkpoints signed: for each chain its entries by sequence; `last` is the newest checkpoint."""

    last: Signed | None = None
    of_chain: dict[int, dict[int, Point]] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoints: Iterable[Signed]) -> "Points":
        """All that these checkpoints signed."""
        points = cls()
        for checkpoint in checkpoints:
            points.add(checkpoint)
        return points

    def add(self, checkpoint: Signed) -> None:
        """Take one more in."""
        self.last = checkpoint
        for chain, (sequence, row_hash) in checkpoint.heads.items():
            self.of_chain.setdefault(chain, {}).setdefault(sequence, Point(row_hash, checkpoint.number))

    def number(self) -> int:
        """The number of the last of them."""
        return self.last.number if self.last else 0

    def newest(self, chain: int) -> Place | None:
        """Where the last checkpoint saw a chain, if it did."""
        head = self.last.heads.get(chain) if self.last else None
        return Place(*head) if head else None

    def highest(self, chain: int) -> tuple[int, str]:
        """The last entry that any of them saw in a chain: its number and its hash; 0 where none did."""
        signed = self.of_chain.get(chain, {})
        last = max(signed, default=0)
        return (last, signed[last].row_hash) if signed else (0, "")


@dataclass(frozen=True, slots=True)
class Proof:
    points: Points
    faults: list[Fault]


def prove() -> Proof:
    """Check the kept checkpoints, the file beside them, and that each signed entry is still in its chain."""
    points, problem = _kept()
    if not problem:
        file.leave_behind(next(kept_lines(), ""))
    if problem := problem or file.differs(kept_lines()):
        points = max(_signed(kept_lines()), _signed(file.whole_lines()), key=Points.number)
        return Proof(points, [Fault(INSTALLATION, problem), *missing(points)])
    return Proof(points, missing(points))


def kept_lines() -> Iterator[str]:
    """The checkpoints of the database as lines, in their order, from where they last began anew."""
    begun = kept().filter(anew=True).aggregate(last=Max("number"))["last"] or 1
    return (row.line for row in kept().filter(number__gte=begun).order_by("number").iterator())


def kept() -> QuerySet[Checkpoint]:
    """The checkpoints of the database. One that nobody signs so soon must not take all numbers from the next ones."""
    return Checkpoint.objects.filter(number__lt=FAR)


def missing(points: Points) -> list[Fault]:
    """The first entry of each chain that a checkpoint signed and that is not there any more, or not the same."""
    there = AuditHead.objects.in_bulk(points.of_chain.keys())
    found = ((chain, _problem(chain, signed, there.get(chain))) for chain, signed in points.of_chain.items())
    return [Fault(chain, problem) for chain, problem in sorted(found) if problem]


def _kept() -> tuple[Points, str]:
    """The points of the database's own checkpoints, and what is wrong with them, if anything is."""
    points = Points()
    try:
        for checkpoint in following(kept_lines()):
            points.add(checkpoint)
    except BadCheckpointError as error:
        return points, str(error)
    if points.last is None or points.last.signed_by(public_key()):
        return points, ""
    return points, f"checkpoint {points.last.number} was not signed with CHECKPOINT_KEY"


def _signed(lines: Iterable[str]) -> Points:
    """The points of these lines as far as each was signed with our key: what to rely upon when something is wrong."""
    points = Points()
    with suppress(BadCheckpointError):
        for checkpoint in following(lines, keys=[public_key()]):
            points.add(checkpoint)
    return points


def _problem(chain: int, signed: dict[int, Point], head: AuditHead | None) -> str:
    if head is None:
        return f"the chain vanished; it had {max(signed)} entries"
    if not heads.genuine(head):
        return "the head of the chain was changed"
    for sequence in _not_there(head, signed):
        return f"entry {sequence} is not the one that checkpoint {signed[sequence].checkpoint} signed"
    if head.sequence < max(signed):
        return f"the head of the chain was put back to {head.sequence}; a checkpoint saw it at {max(signed)}"
    return ""


def _not_there(head: AuditHead, signed: dict[int, Point]) -> Iterator[int]:
    """What is missing of the chain as it is now; what was filed as broken is vouched for by its filing."""
    if not head.start and 0 in signed and signed[0].row_hash != hashing.genesis(head.chain, head.birth, 0):
        yield 0
    wanted = sorted(sequence for sequence in signed if sequence > head.start)
    for begin in range(0, len(wanted), AT_ONCE):
        some = wanted[begin : begin + AT_ONCE]
        there = dict(
            hashing.entries(head.chain).filter(sequence__in=some).values_list("sequence", "row_hash")
        )
        yield from (sequence for sequence in some if there.get(sequence) != signed[sequence].row_hash)
