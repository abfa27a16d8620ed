from datetime import UTC, datetime, timedelta

import pytest

from teams import figures

NOON = datetime(2026, 3, 12, 12, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s ago"),
        (14, "14 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86399, "23 h ago"),
        (86400, "1 d ago"),
        (29 * 86400, "29 d ago"),
        (-300, "in 5 min"),
        (-2, "in 2 s"),
    ],
)
def test_age_text_names_the_largest_unit(seconds: int, text: str) -> None:
    assert figures.age_text(NOON - timedelta(seconds=seconds), NOON) == text


def test_age_text_falls_back_to_the_date_after_thirty_days() -> None:
    assert figures.age_text(NOON, NOON + timedelta(days=30)) == "12 Mar 2026, 12:05"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (3605, "1 h"),
        (90061, "1 d 1 h"),
        (-75, "-1 min 15 s"),
        (timedelta(minutes=5), "5 min"),
        (None, "—"),
    ],
)
def test_duration_names_at_most_two_units(seconds: float | timedelta | None, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (8, "GB", "8 GB"),
        (1024, "MB", "1,024 MB"),
        (1.5, "TB", "1.5 TB"),
        (4, "", "4"),
        (0, "B", "0 B"),
        (999, "B", "999 B"),
        (999.6, "B", "1 kB"),
        (1500, "B", "1.5 kB"),
        (12_345_678, "B", "12 MB"),
        (999_999_999, "B", "1 GB"),
        (7_250_000_000_000, "B", "7.2 TB"),
        (5_000_000_000_000_000_000, "B", "5000 PB"),
        (None, "GB", "—"),
    ],
)
def test_size_keeps_given_units_and_scales_bytes(amount: float | None, unit: str, text: str) -> None:
    assert figures.size(amount, unit) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (1200, "1,200 days")]
)
def test_with_noun_counts_one_as_one(number: int, text: str) -> None:
    assert figures.with_noun(number, "day") == text
