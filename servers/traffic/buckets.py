"""Buckets of traffic: where they begin and end. In UTC, as Leaseweb counts days and months. Pure."""

from datetime import UTC, datetime, timedelta

from servers.leaseweb import Granularity

STEPS = {
    Granularity.FIVE_MINUTES: timedelta(minutes=5),
    Granularity.HOUR: timedelta(hours=1),
    Granularity.DAY: timedelta(days=1),
}
# About how long the others are; only for saying whether one fits into a stretch of time.
LENGTHS = {**STEPS, Granularity.MONTH: timedelta(days=28), Granularity.YEAR: timedelta(days=365)}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begin(at: datetime, granularity: Granularity) -> datetime:
    """Where the bucket of `at` begins, be it its first or its last second: Leaseweb stamps them either way."""
    at = at.astimezone(UTC)
    if step := STEPS.get(granularity):
        return at - (at - EPOCH) % step
    month = at.month if granularity is Granularity.MONTH else 1
    return datetime(at.year, month, 1, tzinfo=UTC)


def following(start: datetime, granularity: Granularity) -> datetime:
    """Where the bucket that begins at `start` ends, which is where the next one begins."""
    if step := STEPS.get(granularity):
        return start + step
    if granularity is Granularity.YEAR or start.month == 12:
        return datetime(start.year + 1, 1, 1, tzinfo=UTC)
    return datetime(start.year, start.month + 1, 1, tzinfo=UTC)


def end(at: datetime, granularity: Granularity) -> datetime:
    """The first boundary at or after `at`."""
    start = begin(at, granularity)
    return start if start == at else following(start, granularity)


def starts(first: datetime, last: datetime, granularity: Granularity) -> list[datetime]:
    """Where each bucket of `[first, last)` begins; both are boundaries."""
    found = []
    while first < last:
        found.append(first)
        first = following(first, granularity)
    return found


def count(first: datetime, last: datetime, granularity: Granularity) -> int:
    """How many buckets touch `[first, last)`, without making them."""
    first, last = begin(first, granularity), end(last, granularity)
    if step := STEPS.get(granularity):
        return (last - first) // step
    months = (last.year - first.year) * 12 + last.month - first.month
    return months if granularity is Granularity.MONTH else months // 12


def month_of(at: datetime) -> tuple[datetime, datetime]:
    """The calendar month of `at`, from its first moment to that of the next one."""
    start = begin(at, Granularity.MONTH)
    return start, following(start, Granularity.MONTH)
