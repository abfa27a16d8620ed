"""Proves that what earlier checkpoints signed is still so. This is what finds an old head that was put back.

The last checkpoint carries a signature that nobody can make without CHECKPOINT_KEY and, by the hash of the one before,
vouches for all others. Each names entries by sequence and hash; what was written since is walked by `making`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from audit.checkpoints import file
from audit.checkpoints.key import public_key
from audit.checkpoints.signed import BadCheckpointError, Signed, following
from audit.models import INSTALLATION, AuditEvent, AuditHead, Checkpoint
from audit.walking import Place

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not hold, and of which chain; what is wrong with the checkpoints themselves is the installation's."""

    chain: int
    problem: str


@dataclass(slots=True)
class Points:
    """Every entry that a run of checkpoints signed: for each chain by sequence, the hash and the checkpoint."""

    last: Signed | None = None
    of_chain: dict[int, dict[int, tuple[str, int]]] = field(default_factory=dict)

    def add(self, checkpoint: Signed) -> None:
        """Raises BadCheckpointError for one that contradicts an earlier one."""
        self.last = checkpoint
        for chain, (sequence, row_hash) in checkpoint.heads.items():
            known = self.of_chain.setdefault(chain, {})
            if known.setdefault(sequence, (row_hash, checkpoint.number))[0] != row_hash:
                raise BadCheckpointError(f"checkpoint {checkpoint.number} contradicts an earlier one")

    def newest(self, chain: int) -> Place:
        """Where the last checkpoint saw a chain; its beginning if none did."""
        sequence, row_hash = self.last.heads.get(chain, (0, "")) if self.last else (0, "")
        return Place(sequence, row_hash) if sequence else Place()


@dataclass(frozen=True, slots=True)
class Proof:
    points: Points
    faults: list[Fault]


def prove() -> Proof:
    """Check the kept checkpoints, the file beside them, and that each signed entry is still in its chain."""
    points = Points()
    try:
        for checkpoint in following(kept_lines()):
            points.add(checkpoint)
        if points.last is not None and not points.last.signed_by(public_key()):
            raise BadCheckpointError(f"checkpoint {points.last.number} was not signed with CHECKPOINT_KEY")
    except BadCheckpointError as error:
        return Proof(points, [Fault(INSTALLATION, str(error))])
    if problem := file.differs(kept_lines()):
        return Proof(points, [Fault(INSTALLATION, problem)])
    return Proof(points, missing(points))


def kept_lines() -> Iterator[str]:
    """All checkpoints of the database as lines, in their order."""
    return (kept.line for kept in Checkpoint.objects.order_by("number").iterator())


def missing(points: Points) -> list[Fault]:
    """The first entry of each chain that a checkpoint signed and that is not there any more, or not the same."""
    heads = dict(AuditHead.objects.values_list("chain", "sequence"))
    found = ((chain, _problem(chain, signed, heads.get(chain))) for chain, signed in points.of_chain.items())
    return [Fault(chain, problem) for chain, problem in found if problem]


def _problem(chain: int, signed: dict[int, tuple[str, int]], head: int | None) -> str:
    if head is None:
        return f"the chain vanished; it had {max(signed)} entries"
    for sequence in _not_there(chain, signed):
        return f"entry {sequence} is not the one that checkpoint {signed[sequence][1]} signed"
    if head < max(signed):
        return f"the head of the chain was put back to {head}; a checkpoint saw it at {max(signed)}"
    return ""


def _not_there(chain: int, signed: dict[int, tuple[str, int]]) -> Iterator[int]:
    wanted = sorted(signed.keys() - {0})
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        entries = AuditEvent.objects.filter(chain=chain, sequence__in=some)
        there = dict(entries.values_list("sequence", "row_hash"))
        yield from (sequence for sequence in some if there.get(sequence) != signed[sequence][0])
