"""Data traffic: a figure for each hour of each server, the same whenever it is asked for.

An hour is the unit that everything else is made of: longer buckets are sums of hours, and twelve slots of
five minutes share an hour out exactly. Some hours and some whole days are missing, and a gap is not a zero.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from .model import Server
from .seeded import between, digest, fraction

GRANULARITIES = ("NONE", "5MIN", "HOUR", "DAY", "MONTH", "YEAR")
_HOUR = 3600
_SLOT = 300
_RETENTION_DAYS = {"5MIN": 31}
_LONGEST_RETENTION_DAYS = 400
_SPIKE_SHARE = 0.004
_MISSING_HOURS = 0.004
_MISSING_DAYS = 0.03


class Point(NamedTuple):
    """Bytes in one bucket. `stamp` is the last second of the bucket, as in the documented daily example."""

    stamp: datetime
    up: int
    down: int


class Bytes(NamedTuple):
    up: int
    down: int


def series(server: Server, granularity: str, *, start: datetime, end: datetime, now: datetime) -> list[Point]:
    """The points of `[start, end)`, oldest first; nothing after `now` and nothing older than what is kept."""
    days = _RETENTION_DAYS.get(granularity, _LONGEST_RETENTION_DAYS)
    first = math.ceil(max(start, now - timedelta(days=days)).timestamp() / _SLOT) * _SLOT
    last = min(end, now, server.idle_since or now).timestamp()
    sums: dict[datetime, Bytes] = {}
    for moment, value in _pieces(server.id, first=first, last=last, fine=granularity == "5MIN"):
        stamp = end - timedelta(seconds=1) if granularity == "NONE" else _bucket_end(granularity, moment)
        before = sums.get(stamp, Bytes(0, 0))
        sums[stamp] = Bytes(before.up + value.up, before.down + value.down)
    return [Point(stamp, *value) for stamp, value in sums.items()]


def _pieces(server_id: str, *, first: int, last: float, fine: bool) -> Iterator[tuple[datetime, Bytes]]:
    """Whole hours where the range covers them, five-minute slots where it does not or when `fine`."""
    for hour in range(first // _HOUR, math.ceil(last / _HOUR)):
        begin = hour * _HOUR
        value = _hour_bytes(server_id, hour)
        if value is None:
            continue
        if not fine and begin >= first and begin + _HOUR <= last:
            yield datetime.fromtimestamp(begin, UTC), value
            continue
        for number, slot in enumerate(_slots(server_id, hour, value)):
            at = begin + number * _SLOT
            if at >= first and at + _SLOT <= last:
                yield datetime.fromtimestamp(at, UTC), slot


def _bucket_end(granularity: str, moment: datetime) -> datetime:
    if granularity == "5MIN":
        return moment + timedelta(seconds=_SLOT - 1)
    last_of_hour = moment.replace(minute=59, second=59)
    if granularity == "HOUR":
        return last_of_hour
    last_of_day = last_of_hour.replace(hour=23)
    if granularity == "DAY":
        return last_of_day
    if granularity == "YEAR":
        return last_of_day.replace(month=12, day=31)
    next_month = last_of_day.replace(day=28) + timedelta(days=4)
    return next_month - timedelta(days=next_month.day)


def _hour_bytes(server_id: str, hour: int) -> Bytes | None:
    """What a server moved in the hour that is `hour` hours after the beginning of 1970; None is a gap."""
    day = hour // 24
    if _day_is_missing(server_id, day):
        return None
    raw = digest("hour", server_id, hour, size=12)
    luck, noise, ratio = (int.from_bytes(raw[place : place + 4]) / 2**32 for place in (0, 4, 8))
    if luck < _MISSING_HOURS:
        return None
    habits = _habits(server_id)
    spike = 6.0 if luck > 1 - _SPIKE_SHARE else 1.0
    up = habits.level * _time_of_day(hour + habits.shift) * (0.7 + 0.6 * noise) * spike
    if habits.quiet_weekends and _is_weekend(day):
        up *= 0.45
    return Bytes(int(up), int(up * (habits.ratio + 0.1 * ratio)))


class _Habits(NamedTuple):
    """`level`: bytes an hour. `shift`: hours from us to its visitors. `ratio`: incoming per outgoing byte."""

    level: float
    shift: int
    quiet_weekends: bool
    ratio: float


@lru_cache(maxsize=4096)
def _habits(server_id: str) -> _Habits:
    return _Habits(
        level=10 ** (7.6 + 2.1 * fraction("level", server_id)),
        shift=between(-3, 2, "visitors", server_id),
        quiet_weekends=fraction("weekend", server_id) < 0.67,
        ratio=0.08 + 0.3 * fraction("ratio", server_id),
    )


@lru_cache(maxsize=4096)
def _day_is_missing(server_id: str, day: int) -> bool:
    return fraction("gap", server_id, day) < _MISSING_DAYS


def _time_of_day(hour: int) -> float:
    """Busiest in the afternoon."""
    return 0.35 + 0.65 * (1 + math.sin((hour - 9) / 24 * 2 * math.pi)) / 2


def _is_weekend(day: int) -> bool:
    """Day 0 of the count was a Thursday."""
    return (day + 3) % 7 >= 5


def _slots(server_id: str, hour: int, value: Bytes) -> list[Bytes]:
    """Twelve parts that add up to `value` to the byte."""
    weights = [100 + byte for byte in digest("slots", server_id, hour, size=12)]
    bounds = [sum(weights[:number]) for number in range(13)]
    total = bounds[-1]

    def share(amount: int, number: int) -> int:
        return amount * bounds[number + 1] // total - amount * bounds[number] // total

    return [Bytes(share(value.up, number), share(value.down, number)) for number in range(12)]
