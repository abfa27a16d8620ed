from datetime import UTC, date, datetime

import pytest

from servers.leaseweb import Granularity
from servers.traffic import buckets, ranges

NOW = datetime(2026, 11, 25, 14, 33, tzinfo=UTC)
G = Granularity


@pytest.mark.parametrize(
    ("preset", "asked", "granularity", "start", "end"),
    [
        ("24h", "", G.HOUR, "2026-11-24T14:00", "2026-11-25T15:00"),
        ("24h", "5MIN", G.FIVE_MINUTES, "2026-11-24T14:30", "2026-11-25T14:35"),
        ("24h", "MONTH", G.HOUR, "2026-11-24T14:00", "2026-11-25T15:00"),
        ("7d", "", G.HOUR, "2026-11-19", "2026-11-25T15:00"),
        ("30d", "", G.DAY, "2026-10-27", "2026-11-26"),
        ("30d", "5MIN", G.DAY, "2026-10-27", "2026-11-26"),
        ("30d", "rubbish", G.DAY, "2026-10-27", "2026-11-26"),
        ("month", "", G.DAY, "2026-11-01", "2026-11-26"),
        ("12m", "", G.DAY, "2025-11-25", "2026-11-26"),
        ("12m", "MONTH", G.MONTH, "2025-11-01", "2026-12-01"),
        ("12m", "YEAR", G.YEAR, "2025-01-01", "2027-01-01"),
    ],
)
def test_preset_ends_now_in_whole_buckets(
    preset: str, asked: str, granularity: Granularity, start: str, end: str
) -> None:
    shown = ranges.of_preset(preset, asked, NOW)
    assert (shown.start, shown.end) == (_at(start), _at(end))
    assert (shown.granularity, shown.shown, shown.is_total) == (granularity, granularity, False)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_one_total_adds_up_what_fits_best() -> None:
    shown = ranges.of_preset("30d", "NONE", NOW)
    assert (shown.granularity, shown.is_total) == (G.DAY, True)


def test_twelve_months_before_a_leap_day_begin_in_march() -> None:
    assert ranges.of_preset("12m", "", datetime(2028, 2, 29, tzinfo=UTC)).first_day == date(2027, 3, 1)


def test_dates_are_whole_days_and_leave_the_future_out() -> None:
    past = ranges.of_dates(date(2016, 1, 1), date(2016, 1, 31), "", NOW)
    assert (past.first_day, past.last_day, past.granularity, past.preset) == (
        date(2016, 1, 1),
        date(2016, 1, 31),
        G.DAY,
        "",
    )
    today = ranges.of_dates(date(2026, 11, 25), date(2026, 11, 25), "", NOW)
    assert (today.start, today.end, today.granularity) == (_at("2026-11-25"), _at("2026-11-25T15:00"), G.HOUR)


@pytest.mark.parametrize("years", [0, 1, 3, 10, 26])
def test_no_range_has_too_many_bars(years: int) -> None:
    for asked in ("", *(each.value for each in Granularity)):
        shown = ranges.of_dates(date(2026 - years, 1, 1), date(2026, 11, 25), asked, NOW)
        assert 1 <= buckets.count(shown.start, shown.end, shown.granularity) <= ranges.MOST_BUCKETS


def test_reasons_against_a_granularity_are_told() -> None:
    shown = ranges.of_preset("30d", "", NOW)
    assert "8,640 bars" in ranges.why_not(G.FIVE_MINUTES, shown.start, shown.end)
    assert ranges.why_not(G.YEAR, shown.start, shown.end) == "One year is longer than this range."
    assert not any(ranges.why_not(each, shown.start, shown.end) for each in (G.NONE, G.HOUR, G.DAY, G.MONTH))
