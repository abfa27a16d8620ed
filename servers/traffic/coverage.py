"""Which part of a stretch of time has to be read (again). Pure.

What was read some days after it happened is settled; what is newer may still grow, so it counts for a while only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# Leaseweb updates traffic about once a day, and checks limits every three hours.
SETTLES_AFTER = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Traffic from `start` (inclusive) to `end` (exclusive), as a reading that began at `read_at` told it."""

    start: datetime
    end: datetime
    read_at: datetime

    def good_until(self, now: datetime, fresh_for: timedelta) -> datetime:
        """Up to where it need not be read again."""
        if now - self.read_at <= fresh_for:
            return self.end
        return min(self.end, self.read_at - SETTLES_AFTER)


def missing(
    known: Sequence[Stretch], start: datetime, end: datetime, *, now: datetime, fresh_for: timedelta
) -> tuple[datetime, datetime] | None:
    """The smallest stretch with everything of `[start, end)` that has to be read; None when nothing has."""
    good = [(each.start, each.good_until(now, fresh_for)) for each in known]
    first, last = start, end
    while later := [until for since, until in good if since <= first < until]:
        first = max(later)
    while earlier := [since for since, until in good if since < last <= until]:
        last = min(earlier)
    return (first, last) if first < min(last, now) else None


def absorb(new: Stretch, known: Sequence[Stretch]) -> tuple[Stretch, list[Stretch]]:
    """The stretch to write down for a reading, and those that it replaces.

    It reaches back over an older one whose part before it was settled when it was read.
    """
    replaced = []
    for old in sorted(known, key=lambda each: each.start, reverse=True):
        if old.start < new.start <= min(old.end, old.read_at - SETTLES_AFTER) and old.end <= new.end:
            new = replace(new, start=old.start)
        if new.start <= old.start and old.end <= new.end:
            replaced.append(old)
    return new, replaced
