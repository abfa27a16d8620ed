"""Which stretch of time a page shows, and in buckets of which size. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from servers.leaseweb import Granularity
from servers.traffic import buckets

# More bars than pixels tell nobody anything.
MOST_BUCKETS = 750
OLDEST = date(2000, 1, 1)
PRESETS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "month": "This month", "12m": "12 months"}
DEFAULT = "30d"
LENGTHS = {"24h": timedelta(hours=24), "7d": timedelta(days=6), "30d": timedelta(days=29)}
# The finest that is still easy to look at, with the most bars it may take.
COMFORTABLE = ((Granularity.HOUR, 192), (Granularity.DAY, 400), (Granularity.MONTH, 240))
GRANULARITIES = {
    Granularity.NONE: ("One total", "stretch"),
    Granularity.FIVE_MINUTES: ("5 minutes", "5 minutes"),
    Granularity.HOUR: ("Hours", "hour"),
    Granularity.DAY: ("Days", "day"),
    Granularity.MONTH: ("Months", "month"),
    Granularity.YEAR: ("Years", "year"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """`[start, end)` in buckets of `granularity`, both on boundaries. `preset` is empty for two dates.

    `shown` is what was asked for: with NONE all buckets are added up to one total, and `granularity` is that of what
    is added up.
    """

    start: datetime
    end: datetime
    granularity: Granularity
    shown: Granularity
    preset: str = ""

    @property
    def is_total(self) -> bool:
        return self.shown is Granularity.NONE

    @property
    def first_day(self) -> date:
        return self.start.date()

    @property
    def last_day(self) -> date:
        return (self.end - timedelta(microseconds=1)).date()


def of_preset(preset: str, granularity: str, now: datetime) -> Range:
    """The stretch that ends now. What is no granularity, or one that does not fit, is replaced by one that does."""
    return _cut(_begin(preset, now), now.astimezone(UTC), granularity, preset)


def _begin(preset: str, now: datetime) -> datetime:
    if length := LENGTHS.get(preset):
        start = now - length
        return start if preset == "24h" else buckets.begin(start, Granularity.DAY)
    month = buckets.begin(now, Granularity.MONTH)
    return month if preset == "month" else month.replace(year=month.year - 1) + timedelta(days=now.day - 1)


def of_dates(first: date, last: date, granularity: str, now: datetime) -> Range:
    """Whole days in UTC, both included; the future is left out."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    return _cut(start, min(end, now.astimezone(UTC)), granularity, "")


def _cut(start: datetime, end: datetime, granularity: str, preset: str) -> Range:
    wanted = next((each for each in Granularity if each.value == granularity), None)
    if wanted is Granularity.NONE:
        fine = _to_add_up(start, end)
        return Range(buckets.begin(start, fine), buckets.end(end, fine), fine, Granularity.NONE, preset)
    fine = wanted if wanted and not why_not(wanted, start, end) else automatic(start, end)
    return Range(buckets.begin(start, fine), buckets.end(end, fine), fine, fine, preset)


def _to_add_up(start: datetime, end: datetime) -> Granularity:
    """Days where a range is made of them: they are there for every server, and kept longest."""
    fine = automatic(start, end)
    whole_days = buckets.begin(start, Granularity.DAY) == start
    return Granularity.DAY if fine is Granularity.HOUR and whole_days else fine


def automatic(start: datetime, end: datetime) -> Granularity:
    for granularity, most in COMFORTABLE:
        if buckets.count(start, end, granularity) <= most:
            return granularity
    return Granularity.YEAR


def why_not(granularity: Granularity, start: datetime, end: datetime) -> str:
    """Why a stretch cannot be shown in such buckets; empty when it can."""
    if granularity is Granularity.NONE:
        return ""
    if buckets.LENGTHS[granularity] > end - start:
        return f"One {GRANULARITIES[granularity][1]} is longer than this range."
    number = buckets.count(start, end, granularity)
    if number > MOST_BUCKETS:
        return f"That would be {number:,} bars; {MOST_BUCKETS} are the most. Choose a shorter range."
    return ""
