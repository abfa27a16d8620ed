"""Traffic figures: the same each time, sums that add up, gaps that stay gaps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servers.leaseweb.simulator import Simulator
from servers.leaseweb.simulator.traffic import Point, series

from .talk import NOON, send

DAY = timedelta(days=1)


@pytest.fixture
def server_id(simulator: Simulator) -> str:
    return next(iter(simulator.world.servers))


def points(
    simulator: Simulator, server_id: str, granularity: str, start: datetime, end: datetime
) -> list[Point]:
    return series(simulator.world.servers[server_id], granularity, start=start, end=end, now=NOON)


def total(found: list[Point]) -> int:
    return sum(point.up + point.down for point in found)


def query(simulator: Simulator, server_id: str, text: str) -> Any:
    return send(simulator, "GET", f"/virtualServers/{server_id}/metrics/datatraffic?{text}")


def test_days_are_stamped_at_their_last_second(simulator: Simulator, server_id: str) -> None:
    found = points(simulator, server_id, "DAY", NOON - 40 * DAY, NOON)
    assert {point.stamp.time().isoformat() for point in found} == {"23:59:59"}
    assert len({point.stamp for point in found}) == len(found)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("granularity", "stamp"),
    [
        ("NONE", "2026-05-19T23:59:59+00:00"),
        ("5MIN", "2026-05-19T23:59:59+00:00"),
        ("HOUR", "2026-05-19T23:59:59+00:00"),
        ("DAY", "2026-05-19T23:59:59+00:00"),
        ("MONTH", "2026-05-31T23:59:59+00:00"),
        ("YEAR", "2026-12-31T23:59:59+00:00"),
    ],
)
def test_last_bucket_has_the_right_end(
    simulator: Simulator, server_id: str, granularity: str, stamp: str
) -> None:
    end = NOON.replace(hour=0)
    assert points(simulator, server_id, granularity, end - 3 * DAY, end)[-1].stamp.isoformat() == stamp


def test_every_granularity_adds_up_to_the_same(simulator: Simulator) -> None:
    running = [each.id for each in simulator.world.servers.values() if each.state == "RUNNING"]
    for server_id in running:
        sums = {
            total(points(simulator, server_id, granularity, NOON - 20 * DAY, NOON))
            for granularity in ("NONE", "5MIN", "HOUR", "DAY", "MONTH", "YEAR")
        }
        assert len(sums) == 1
        assert sums != {0}


def test_range_includes_its_start_and_excludes_its_end(simulator: Simulator, server_id: str) -> None:
    middle = NOON - 3 * DAY
    parts = [(NOON - 5 * DAY, middle), (middle, NOON - DAY)]
    whole = points(simulator, server_id, "HOUR", NOON - 5 * DAY, NOON - DAY)
    assert [each for part in parts for each in points(simulator, server_id, "HOUR", *part)] == whole


def test_some_days_are_missing_and_none_is_zero(simulator: Simulator) -> None:
    days = [
        point
        for server_id, server in simulator.world.servers.items()
        if server.state == "RUNNING"
        for point in points(simulator, server_id, "DAY", NOON - 100 * DAY, NOON.replace(hour=0))
    ]
    running = sum(server.state == "RUNNING" for server in simulator.world.servers.values())
    assert 0.9 * 100 * running < len(days) < 100 * running
    assert all(point.up and point.down for point in days)


def test_nothing_is_told_of_the_future_or_of_long_ago(simulator: Simulator, server_id: str) -> None:
    assert points(simulator, server_id, "DAY", NOON + DAY, NOON + 5 * DAY) == []
    assert points(simulator, server_id, "DAY", NOON - 3000 * DAY, NOON - 2000 * DAY) == []
    assert points(simulator, server_id, "5MIN", NOON - 90 * DAY, NOON - 60 * DAY) == []
    assert len(points(simulator, server_id, "HOUR", NOON - 90 * DAY, NOON - 60 * DAY)) > 600


def test_servers_differ_and_repeat_themselves(simulator: Simulator) -> None:
    def figures() -> list[int]:
        return [total(points(simulator, each, "NONE", NOON - DAY, NOON)) for each in simulator.world.servers]

    assert figures() == figures()
    assert len(set(figures())) > 8


def test_afternoons_are_busier_than_nights(simulator: Simulator, server_id: str) -> None:
    hours = points(simulator, server_id, "HOUR", NOON - 60 * DAY, NOON)
    by_hour = [sum(point.up for point in hours if point.stamp.hour == hour) for hour in range(24)]
    assert max(by_hour) > 1.8 * min(by_hour)


def test_stopped_server_has_no_recent_traffic(simulator: Simulator) -> None:
    server = next(each for each in simulator.world.servers.values() if each.idle_since)
    assert server.idle_since is not None
    assert points(simulator, server.id, "HOUR", server.idle_since, NOON) == []
    assert points(simulator, server.id, "HOUR", server.idle_since - 9 * DAY, server.idle_since)


def test_defaults_are_one_total_of_this_month(simulator: Simulator, server_id: str) -> None:
    reply = query(simulator, server_id, "")
    assert reply.json["_metadata"]["granularity"] == "NONE"
    assert reply.json["_metadata"]["from"] == datetime(2026, 5, 1, tzinfo=UTC).isoformat()
    assert len(reply.json["metrics"]["DATATRAFFIC_UP"]["values"]) == 1


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("granularity=1h", "granularity"),
        ("aggregation=MAX", "aggregation"),
        ("from=yesterday", "from"),
        ("to=2026-05-20T00:00:00 00:00".replace(" ", "%20"), "to"),
        ("from=2026-05-02T00:00:00Z&to=2026-05-01T00:00:00Z", "from"),
    ],
)
def test_query_that_makes_no_sense_is_refused(
    simulator: Simulator, server_id: str, text: str, field: str
) -> None:
    reply = query(simulator, server_id, text)
    assert reply.status == 400
    assert list(reply.json["errorDetails"]) == [field]
