from datetime import UTC, datetime, timedelta, timezone

import pytest

from servers.leaseweb import Granularity
from servers.traffic import buckets

G = Granularity


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("granularity", "moment", "begin", "following"),
    [
        (G.FIVE_MINUTES, "2026-11-25T14:33:59", "2026-11-25T14:30", "2026-11-25T14:35"),
        (G.HOUR, "2026-11-25T14:59:59", "2026-11-25T14:00", "2026-11-25T15:00"),
        (G.HOUR, "2026-11-25T14:00:00", "2026-11-25T14:00", "2026-11-25T15:00"),
        (G.DAY, "2016-01-31T23:59:59", "2016-01-31", "2016-02-01"),
        (G.DAY, "2016-01-31T00:00:00", "2016-01-31", "2016-02-01"),
        (G.DAY, "2024-02-28T12:00:00", "2024-02-28", "2024-02-29"),
        (G.MONTH, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        (G.MONTH, "2024-02-29T00:00:00", "2024-02-01", "2024-03-01"),
        (G.YEAR, "2026-12-31T23:59:59", "2026-01-01", "2027-01-01"),
    ],
)
def test_both_stamps_of_a_bucket_lead_to_its_beginning(
    granularity: Granularity, moment: str, begin: str, following: str
) -> None:
    start = buckets.begin(at(moment), granularity)
    assert (start, buckets.following(start, granularity)) == (at(begin), at(following))


def test_days_are_those_of_utc_whatever_zone_a_moment_is_told_in() -> None:
    """Also in the night in which clocks are changed: no day has 23 or 25 buckets of an hour."""
    late = datetime(2026, 10, 25, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert buckets.begin(late, G.DAY) == at("2026-10-24")
    assert buckets.count(at("2026-10-25"), at("2026-10-26"), G.HOUR) == 24


@pytest.mark.parametrize(
    ("granularity", "first", "last", "expected"),
    [
        (G.FIVE_MINUTES, "2026-11-25T00:01", "2026-11-25T00:06", 2),
        (G.HOUR, "2026-11-24T14:33", "2026-11-25T14:33", 25),
        (G.DAY, "2023-12-01", "2024-12-01", 366),
        (G.MONTH, "2025-11-25", "2026-11-25", 13),
        (G.YEAR, "2025-11-25", "2026-11-25", 2),
    ],
)
def test_buckets_are_counted_as_they_are_made(
    granularity: Granularity, first: str, last: str, expected: int
) -> None:
    start, end = buckets.begin(at(first), granularity), buckets.end(at(last), granularity)
    assert buckets.count(at(first), at(last), granularity) == expected
    assert len(buckets.starts(start, end, granularity)) == expected


def test_month_of_a_moment() -> None:
    assert buckets.month_of(at("2026-12-31T23:00")) == (at("2026-12-01"), at("2027-01-01"))
