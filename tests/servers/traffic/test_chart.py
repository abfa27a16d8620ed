from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from servers.leaseweb import Granularity
from servers.traffic import buckets
from servers.traffic.chart import HEIGHT, MOST_LABELS, chart, labeller, nice_scale, reading, time_labels
from servers.traffic.series import Bucket, in_total, summary

G = Granularity
GB = 10**9


def made(*pairs: tuple[int | None, int | None], granularity: Granularity = G.DAY) -> list[Bucket]:
    """Buckets from the first of November on, with these amounts up and down."""
    start, found = datetime(2026, 11, 1, tzinfo=UTC), []
    for up, down in pairs:
        end = buckets.following(start, granularity)
        found.append(Bucket(start, end, up, down))
        start = end
    return found


@pytest.mark.parametrize(
    ("highest", "top", "step"),
    [
        (0, 1000, 1000),
        (1, 1, 1),
        (7, 8, 2),
        (950, 1000, 200),
        (1000, 1000, 200),
        (1001, 1500, 500),
        (3.3e12, 4e12, 1e12),
        (9.99e12, 1e13, 2e12),
    ],
)
def test_axis_ends_at_a_round_number_in_round_steps(highest: float, top: float, step: float) -> None:
    assert nice_scale(highest) == (top, step)


def test_bars_stand_on_each_other_and_gaps_stay_gaps() -> None:
    drawn = chart(made((6 * GB, 2 * GB), (None, None), (0, 0), (None, GB)), G.DAY, UTC)
    assert (drawn.width, [tick.label for tick in drawn.ticks]) == (4, ["0", "2 GB", "4 GB", "6 GB", "8 GB"])
    assert drawn.up == "M0.18 55h0.64v165h-0.64z"
    assert drawn.down == "M0.18 0h0.64v55h-0.64zM3.18 192.5h0.64v27.5h-0.64z"
    assert drawn.gaps == f"M1 0h1v{HEIGHT}h-1z"


def test_no_bar_vanishes_however_small_it_is() -> None:
    drawn = chart(made((10**15, 0), (1, 1)), G.DAY, UTC)
    assert drawn.up.count("M") == 2
    assert drawn.up.endswith("v0.5h-0.64z")


def test_chart_of_nothing_can_be_drawn() -> None:
    drawn = chart(made((None, None)), G.DAY, UTC)
    assert (drawn.up, drawn.down, [tick.label for tick in drawn.ticks]) == ("", "", ["0", "1 kB"])


@pytest.mark.parametrize(
    ("limit", "line"), [(None, None), (0, None), (5, HEIGHT / 2), (20, 0), (30, 0), (31, None)]
)
def test_limit_is_a_line_unless_it_is_far_above_all_bars(limit: int | None, line: float | None) -> None:
    assert chart(made((10, 0)), G.DAY, UTC, limit=limit).line == line


@pytest.mark.parametrize(
    ("granularity", "zone", "said"),
    [
        (G.DAY, "America/New_York", "Sun 1 Nov 2026"),
        (G.MONTH, "America/New_York", "November 2026"),
        (G.YEAR, "UTC", "2026"),
        (G.HOUR, "UTC", "Sun 1 Nov 2026, 00:00 UTC"),
        (G.HOUR, "Asia/Kolkata", "Sun 1 Nov 2026, 05:30 IST"),
        (G.FIVE_MINUTES, "Europe/Amsterdam", "Sun 1 Nov 2026, 01:00 CET"),
        (G.NONE, "UTC", "1 Nov 2026 to 1 Nov 2026"),
    ],
)
def test_bar_is_called_in_the_zone_that_it_is_counted_in(
    granularity: Granularity, zone: str, said: str
) -> None:
    (bucket,) = made((1500, None))
    told = reading(bucket, labeller(granularity, ZoneInfo(zone)))
    assert told == f"{said}: 1.50 kB up, — down, 1.50 kB in all"


def test_gap_is_read_out_as_one() -> None:
    assert reading(made((None, None))[0], labeller(G.DAY, UTC)) == "Sun 1 Nov 2026: no figures"


def test_hours_of_the_night_when_clocks_are_changed_can_be_told_apart() -> None:
    say = labeller(G.HOUR, ZoneInfo("Europe/Amsterdam"))
    first = datetime(2026, 10, 25, tzinfo=UTC)
    said = [say(Bucket(first + timedelta(hours=each), first)) for each in range(3)]
    assert [each[-10:] for each in said] == ["02:00 CEST", " 02:00 CET", " 03:00 CET"]


@pytest.mark.parametrize(
    ("granularity", "number", "zone", "expected"),
    [
        (G.HOUR, 24, "UTC", ["02:00", "04:00", "06:00"]),
        (G.HOUR, 24, "Asia/Kolkata", ["06:30", "08:30", "10:30"]),
        (G.FIVE_MINUTES, 288, "UTC", ["02:00", "04:00", "06:00"]),
        (G.HOUR, 168, "UTC", ["2 Nov", "3 Nov", "4 Nov"]),
        (G.DAY, 7, "America/New_York", ["1 Nov", "2 Nov", "3 Nov"]),
        (G.DAY, 30, "UTC", ["1 Nov", "5 Nov", "10 Nov"]),
        (G.DAY, 366, "UTC", ["Nov", "Dec", "2027"]),
        (G.MONTH, 13, "UTC", ["Nov", "Dec", "2027"]),
        (G.NONE, 1, "UTC", []),
    ],
)
def test_time_axis_names_round_moments(
    granularity: Granularity, number: int, zone: str, expected: list[str]
) -> None:
    step = G.DAY if granularity is G.NONE else granularity
    starts = [each.start for each in made(*[(1, 1)] * number, granularity=step)]
    labels = time_labels(starts, granularity, ZoneInfo(zone))
    assert [label.text for label in labels[:3]] == expected
    assert len(labels) <= MOST_LABELS + 1
    assert all(0 <= label.x <= 100 for label in labels)


def test_summary_counts_what_is_known_and_no_zeros_for_gaps() -> None:
    found = summary(made((6, 2), (None, None), (None, 4)))
    assert (found.up, found.down, found.total, found.average) == (6, 6, 12, 6.0)
    assert (found.known, found.gaps) == (2, 1)
    assert found.peak is not None
    assert found.peak.total == 8
    empty = summary(made((None, None)))
    assert (empty.total, empty.peak, empty.average) == (None, None, None)


def test_total_is_one_bucket() -> None:
    (total,) = in_total(made((6, 2), (None, None), (None, 4)))
    assert (total.up, total.down, (total.end - total.start).days) == (6, 6, 3)
