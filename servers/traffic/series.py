"""The buckets of a range with what is known of them. A bucket without figures stays a gap; it is never a zero."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from servers.models import Server
from servers.traffic import buckets
from servers.traffic.ranges import Range


@dataclass(frozen=True, slots=True)
class Bucket:
    """Bytes from `start` to before `end`; None where Leaseweb told nothing."""

    start: datetime
    end: datetime
    up: int | None = None
    down: int | None = None

    @property
    def total(self) -> int | None:
        return add(self.up, self.down)

    @property
    def is_gap(self) -> bool:
        return self.up is None and self.down is None


@dataclass(frozen=True, slots=True)
class Summary:
    """Sums over the buckets that have figures, the largest of them, and their mean. Bytes."""

    up: int | None
    down: int | None
    total: int | None
    peak: Bucket | None
    average: float | None
    known: int
    gaps: int


def add(*amounts: int | None) -> int | None:
    """The sum of what is known; None when nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def load(server: Server, shown: Range, now: datetime) -> list[Bucket]:
    """Every bucket of a range, in order. One that goes on and has no figures yet is no gap, and left out. One query."""
    kept = server.traffic.filter(granularity=shown.granularity.value, at__gte=shown.start, at__lt=shown.end)
    known = {at: (up, down) for at, up, down in kept.values_list("at", "up", "down")}
    starts = buckets.starts(shown.start, shown.end, shown.granularity)
    found = [
        Bucket(start, buckets.following(start, shown.granularity), *known.get(start, (None, None)))
        for start in starts
    ]
    return found[:-1] if len(found) > 1 and found[-1].is_gap and found[-1].end > now else found


def in_total(found: list[Bucket]) -> list[Bucket]:
    """All buckets as one."""
    up, down = add(*(each.up for each in found)), add(*(each.down for each in found))
    return [Bucket(found[0].start, found[-1].end, up, down)]


def summary(found: Iterable[Bucket]) -> Summary:
    every = list(found)
    known = [each for each in every if not each.is_gap]
    total = add(*(each.total for each in known))
    return Summary(
        up=add(*(each.up for each in known)),
        down=add(*(each.down for each in known)),
        total=total,
        peak=max(known, key=lambda each: each.total or 0, default=None),
        average=total / len(known) if total is not None else None,
        known=len(known),
        gaps=len(every) - len(known),
    )
