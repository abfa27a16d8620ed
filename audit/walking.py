"""Walks a chain in steps of a bounded length, so that a long one can be verified bit by bit and taken up again."""

from dataclasses import dataclass
from itertools import islice

from audit.models import AuditEvent, AuditHead
from audit.verify import GENESIS, head_of, in_order, problem_of_entry, problem_of_head

# Reading and checking so many entries takes a fraction of a second.
STEP = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """How far a chain was found good: the sequence of an entry and its hash; before the first one at the beginning."""

    sequence: int = 0
    row_hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class Step:
    """Where a step led. With a `problem`, `first_bad` is the sequence of the first wrong entry.

    `ended`: the chain was read to its end, and its head fits there.
    """

    place: Place
    ended: bool = False
    first_bad: int | None = None
    problem: str = ""


def walk(chain: int, place: Place, *, limit: int = STEP) -> Step:
    """Check at most `limit` entries after `place`; at the end of the chain its head, too.

    Entries that are written meanwhile are left to the next step, so that a busy chain is not taken for a broken one.
    """
    head, count = head_of(chain), 0
    for event in islice(in_order(chain, after=place.sequence, until=head.sequence if head else None), limit):
        if problem := problem_of_entry(event, place.sequence + 1, place.row_hash):
            return Step(place, first_bad=place.sequence + 1, problem=problem)
        place, count = Place(event.sequence, event.row_hash), count + 1
    return Step(place) if count == limit else _end(chain, place, head)


def _end(chain: int, place: Place, head: AuditHead | None) -> Step:
    read = place.sequence
    if problem := problem_of_head(head, chain, read, place.row_hash, True):
        bad = max(read, 1) if head and head.sequence <= read else read + 1
        return Step(place, first_bad=bad, problem=problem)
    if not AuditEvent.objects.filter(chain=chain, sequence__gt=read).exists():
        return Step(place, ended=True)
    later = head_of(chain)
    if head is None or later is None or later.sequence <= head.sequence:
        return Step(place, first_bad=read + 1, problem="the head of the chain does not fit its last entry")
    return Step(place)
