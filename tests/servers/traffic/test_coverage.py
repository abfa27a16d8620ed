from datetime import UTC, datetime, timedelta

import pytest

from servers.traffic.coverage import Stretch, absorb, missing

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def day(number: float) -> datetime:
    """Midnight so many days after the first of October."""
    return datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=number)


def span(start: float, end: float, *, read: float) -> Stretch:
    return Stretch(day(start), day(end), day(read))


JUST = 55.49
A_DAY_AGO = 54.5


@pytest.mark.parametrize(
    ("known", "wanted", "expected"),
    [
        pytest.param([], (0, 56), (0, 56), id="nothing is known"),
        pytest.param([span(0, 56, read=JUST)], (0, 56), None, id="all was just read"),
        pytest.param([span(0, 55, read=A_DAY_AGO)], (10, 40), None, id="settled long ago"),
        pytest.param(
            [span(0, 55, read=A_DAY_AGO)], (10, 56), (51.5, 56), id="the newest days may still grow"
        ),
        pytest.param([span(20, 56, read=JUST)], (0, 56), (0, 20), id="only what is older is missing"),
        pytest.param(
            [span(0, 10, read=30), span(20, 56, read=JUST)], (0, 56), (10, 20), id="a hole between two"
        ),
        pytest.param([span(0, 20, read=30), span(10, 56, read=JUST)], (0, 56), None, id="two that overlap"),
        pytest.param([span(10, 20, read=30)], (0, 30), (0, 30), id="a known middle is read with the rest"),
        pytest.param([span(0, 55, read=JUST)], (0, 60), (55, 60), id="a new day has begun"),
        pytest.param([span(0, 56, read=JUST)], (0, 60), None, id="what is missing has not begun"),
    ],
)
def test_only_what_is_unknown_or_unsettled_is_missing(
    known: list[Stretch], wanted: tuple[float, float], expected: tuple[float, float] | None
) -> None:
    start, end = wanted
    found = missing(known, day(start), day(end), now=NOW, fresh_for=HOUR)
    assert found == (expected and (day(expected[0]), day(expected[1])))


@pytest.mark.parametrize(
    ("new", "known", "start", "replaced"),
    [
        pytest.param(span(10, 56, read=55), [], 10, [], id="the first one"),
        pytest.param(span(10, 56, read=55), [span(20, 30, read=31)], 10, [0], id="swallows a smaller one"),
        pytest.param(
            span(31, 56, read=55), [span(0, 55, read=54)], 0, [0], id="goes on where one was settled"
        ),
        pytest.param(span(53, 56, read=55), [span(0, 55, read=54)], 53, [], id="not where it was not"),
        pytest.param(span(31, 56, read=55), [span(0, 20, read=54)], 31, [], id="nor over a hole"),
        pytest.param(
            span(31, 40, read=55), [span(0, 50, read=54)], 31, [], id="a part of it leaves it alone"
        ),
    ],
)
def test_reading_takes_the_place_of_what_it_makes_needless(
    new: Stretch, known: list[Stretch], start: float, replaced: list[int]
) -> None:
    merged, gone = absorb(new, known)
    assert (merged.start, merged.end, merged.read_at) == (day(start), new.end, new.read_at)
    assert gone == [known[place] for place in replaced]


def test_a_year_of_turns_leaves_one_stretch() -> None:
    known: list[Stretch] = []
    for turn in range(365 * 4):
        now = day(turn / 4)
        end = day(turn // 4 + 1)
        new, gone = absorb(Stretch(end - timedelta(days=31), end, now), known)
        known = [each for each in known if each not in gone] + [new]
    assert [(each.start, each.end) for each in known] == [(day(-30), day(365))]
