from datetime import UTC, datetime

import pytest

from servers.traffic.quota import CONTRACT, PANEL, Limit, Use, limit_of, ordinal, outlook

TB, GB = 10**12, 10**9
# Noon on the 21st of a month with 30 days: 9.5 days are left.
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "unit", "ours", "expected"),
    [
        (10, "TB", None, Limit(10 * TB, CONTRACT)),
        (3000, "GB", 5 * TB, Limit(3 * TB, CONTRACT)),
        (None, "", 5 * TB, Limit(5 * TB, PANEL)),
        (0, "TB", None, Limit()),
        (None, "TB", None, Limit()),
        (
            10,
            "XB",
            5 * TB,
            Limit(5 * TB, PANEL, "The contract includes 10 “XB”, a unit that this panel does not know."),
        ),
        (10, "", None, Limit(trouble="The contract includes 10 “”, a unit that this panel does not know.")),
    ],
)
def test_limit_is_that_of_the_contract_or_else_ours(
    amount: int | None, unit: str, ours: int | None, expected: Limit
) -> None:
    assert limit_of(amount, unit, ours) == expected


@pytest.mark.parametrize(
    ("use", "limit", "percent", "forecast", "verdict", "tone"),
    [
        pytest.param(Use(None), TB, None, None, "no figures yet", "", id="nothing read"),
        pytest.param(Use(400 * GB, 70 * GB, 7), None, None, 495 * GB, "no limit known", "", id="no limit"),
        pytest.param(
            Use(400 * GB, 20 * GB, 2), TB, 40.0, None, "not enough data yet for a forecast", "", id="two days"
        ),
        pytest.param(
            Use(400 * GB, 30 * GB, 3),
            TB,
            40.0,
            495 * GB,
            "stays below its limit this month",
            "good",
            id="below",
        ),
        pytest.param(
            Use(905 * GB, 70 * GB, 7),
            TB,
            90.5,
            TB,
            "stays below its limit this month",
            "good",
            id="just reaches it",
        ),
        pytest.param(
            Use(980 * GB, 70 * GB, 7),
            TB,
            98.0,
            1075 * GB,
            "crosses its limit on the 23rd",
            "warn",
            id="in two days",
        ),
        pytest.param(
            Use(906 * GB, 70 * GB, 7),
            TB,
            90.6,
            1001 * GB,
            "crosses its limit on the 30th",
            "warn",
            id="on the last",
        ),
        pytest.param(
            Use(1200 * GB, 70 * GB, 7),
            TB,
            120.0,
            1295 * GB,
            "is over its limit by 200 GB",
            "danger",
            id="over",
        ),
        pytest.param(Use(TB), TB, 100.0, None, "is over its limit by 0 B", "danger", id="to the byte"),
        pytest.param(Use(0, 0, 7), TB, 0.0, 0, "stays below its limit this month", "good", id="idle"),
    ],
)
def test_month_is_judged_by_its_last_full_days(
    use: Use, limit: int | None, percent: float | None, forecast: int | None, verdict: str, tone: str
) -> None:
    found = outlook(use, Limit(limit, PANEL if limit else ""), NOW)
    assert (found.percent, found.forecast) == (percent, forecast)
    assert (found.verdict, found.tone) == (verdict, tone)
    assert 0 <= found.filled <= 100
    assert found.heading_for is None or 0 <= found.heading_for <= 100


def test_days_are_numbered_as_people_say_them() -> None:
    said = [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31)]
    assert " ".join(said) == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 23rd 30th 31st"
