"""The geometry of the chart of a range: bars, gaps, axes, and what each bar says. Pure.

A bar is one unit wide and the plot is stretched to the width of the page, so places along the time axis are given
in per cent; heights are pixels. What goes up stands on the axis, what comes down stands on that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from servers.leaseweb import Granularity
from servers.traffic.series import Bucket
from servers.traffic.units import scale, volume
from teams.figures import BYTE_UNITS

HEIGHT = 220
MOST_TICKS = 5
MOST_LABELS = 12
MOST_NARROW = 5
# A year of months, with the one that is going on.
MOST_MONTHS = 13
# A line far above all bars would flatten them.
LINE_UP_TO = 3.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the value axis: its height from the top, and what it says."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Label:
    """A place on the time axis in per cent; the `minor` ones are left out on narrow screens."""

    x: float
    text: str
    anchor: str
    minor: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """The area of one bucket, and what it says."""

    x: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws; `up`, `down` and `gaps` are paths, `line` is the height of the limit."""

    width: int
    bars: list[Bar]
    up: str
    down: str
    gaps: str
    ticks: list[Tick]
    labels: list[Label]
    line: float | None = None
    height: int = field(default=HEIGHT)


def chart(
    found: Sequence[Bucket], granularity: Granularity, zone: tzinfo, *, limit: float | None = None
) -> Chart:
    """The chart of these buckets; `limit` in bytes becomes a line if it is not far above them."""
    highest = max((each.total or 0 for each in found), default=0)
    line = limit if limit and limit <= highest * LINE_UP_TO else None
    top, step = nice_scale(max(highest, line or 0))
    say = labeller(granularity, zone)
    margin = 0.18 if len(found) <= 100 else 0.0
    return Chart(
        width=len(found),
        bars=[Bar(place, reading(each, say)) for place, each in enumerate(found)],
        up=_path(found, margin, lambda each: (0, each.up or 0), top),
        down=_path(found, margin, lambda each: (each.up or 0, each.total or 0), top),
        gaps="".join(f"M{place} 0h1v{HEIGHT}h-1z" for place, each in enumerate(found) if each.is_gap),
        ticks=_ticks(top, step),
        labels=time_labels([each.start for each in found], granularity, zone),
        line=_y(line, top) if line else None,
    )


# --- Values -----------------------------------------------------------------------------------------------------


def nice_scale(highest: float) -> tuple[float, float]:
    """The end of an axis that holds `highest`, and the step of its ticks: 1, 2 or 5 times a power of ten."""
    if highest <= 0:
        return 1000.0, 1000.0
    rough = highest / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999999)
    step = max(step, 1.0)
    return math.ceil(round(highest / step, 6)) * step, step


def _ticks(top: float, step: float) -> list[Tick]:
    unit = scale(top)
    values = [step * number for number in range(round(top / step) + 1)]
    return [
        Tick(_y(value, top), f"{value / 1000**unit:g} {BYTE_UNITS[unit]}" if value else "0")
        for value in values
    ]


def _y(value: float, top: float) -> float:
    return round(HEIGHT - HEIGHT * value / top, 1)


def _path(
    found: Sequence[Bucket], margin: float, ends: Callable[[Bucket], tuple[int, int]], top: float
) -> str:
    """One path for all bars: where each begins and ends, in bytes, comes from `ends`."""
    width, parts = 1 - 2 * margin, []
    for place, bucket in enumerate(found):
        low, high = ends(bucket)
        if high > low:
            y = _y(high, top)
            height = max(round(_y(low, top) - y, 1), 0.5)
            parts.append(f"M{place + margin:g} {y:g}h{width:g}v{height:g}h-{width:g}z")
    return "".join(parts)


# --- Time -------------------------------------------------------------------------------------------------------


def labeller(granularity: Granularity, zone: tzinfo) -> Callable[[Bucket], str]:
    """How a bucket is called. Hours are told in the reader's zone; days, months and years are those of UTC."""
    if granularity is Granularity.NONE:
        return lambda each: f"{_day(each.start)} to {_day(each.end - timedelta(seconds=1))}"
    if granularity in (Granularity.FIVE_MINUTES, Granularity.HOUR):
        return lambda each: _hour(each.start.astimezone(zone))
    forms = {Granularity.MONTH: "%B %Y", Granularity.YEAR: "%Y"}
    if form := forms.get(granularity):
        return lambda each: each.start.astimezone(UTC).strftime(form)
    return lambda each: f"{each.start.astimezone(UTC):%a} {_day(each.start)}"


def reading(bucket: Bucket, say: Callable[[Bucket], str]) -> str:
    """What is read of a bar: "Thu 12 Nov 2026: 12.3 GB up, 3.20 GB down, 15.5 GB in all"."""
    if bucket.is_gap:
        return f"{say(bucket)}: no figures"
    parts = (f"{volume(bucket.up)} up", f"{volume(bucket.down)} down", f"{volume(bucket.total)} in all")
    return f"{say(bucket)}: {', '.join(parts)}"


def _day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def _hour(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"


Fits = Callable[[datetime], bool]


def _hours(every: int) -> Fits:
    return lambda at: at.hour % every == 0


# From fine to coarse: which moments are worth a label. Those from MONTHLY on are called by month or year alone.
STRIDES: tuple[Fits, ...] = (
    *map(_hours, (1, 2, 3, 6, 12)),
    lambda at: at.hour == 0,
    lambda at: at.hour == 0 and at.day % 2 == 1 and at.day < 31,
    lambda at: at.hour == 0 and at.day in (1, 5, 10, 15, 20, 25),
    lambda at: at.hour == 0 and at.weekday() == 0,
    lambda at: at.hour == 0 and at.day in (1, 15),
    lambda at: at.hour == 0 and at.day == 1,
    lambda at: at.day == 1 and at.month % 3 == 1,
    lambda at: at.day == 1 and at.month == 1,
    lambda at: at.day == 1 and at.month == 1 and at.year % 5 == 0,
)
MONTHLY = 10


def time_labels(starts: Sequence[datetime], granularity: Granularity, zone: tzinfo) -> list[Label]:
    """The finest round moments of which there are not too many."""
    if granularity is Granularity.NONE:
        return []
    by_hour = granularity in (Granularity.FIVE_MINUTES, Granularity.HOUR)
    local = [start.astimezone(zone if by_hour else UTC) for start in starts]
    round_ones = [place for place in range(len(local)) if not by_hour or _begins_an_hour(local, place)]
    whole_months = granularity in (Granularity.MONTH, Granularity.YEAR)
    chosen, stride = _not_too_many(local, round_ones, MONTHLY if whole_months else 0)
    middle = 0.0 if by_hour else 0.5
    every = 3 if len(chosen) > MOST_NARROW else 1
    return [
        _label(
            100 * (place + middle) / len(local),
            _called(local[place], months=stride >= MONTHLY),
            minor=order % every > 0,
        )
        for order, place in enumerate(chosen)
    ]


def _not_too_many(local: Sequence[datetime], places: list[int], finest: int) -> tuple[list[int], int]:
    """The places that get a label, and which of the strides chose them."""
    chosen, last = places, len(STRIDES) - 1
    for number, fits in enumerate(STRIDES[finest:], finest):
        chosen = [place for place in places if fits(local[place])]
        if len(chosen) <= (MOST_MONTHS if number >= MONTHLY else MOST_LABELS):
            return chosen, number
    return chosen, last


def _begins_an_hour(local: Sequence[datetime], place: int) -> bool:
    """Where somebody's clock is half an hour off, no bucket of an hour begins on the hour."""
    return place > 0 and local[place].hour != local[place - 1].hour


def _called(at: datetime, *, months: bool) -> str:
    if at.hour:
        return f"{at:%H:%M}"
    if months:
        return f"{at:%Y}" if at.month == 1 else f"{at:%b}"
    return f"{at.day} {at:%b}"


def _label(x: float, text: str, *, minor: bool) -> Label:
    anchor = "start" if x < 2 else "end" if x > 98 else "middle"
    return Label(round(x, 2), text, anchor, minor)
