"""Reading traffic, against the simulator and against an upstream that answers as the contract's example does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from jobs.engine import applying
from servers import details
from servers.leaseweb import DataTraffic, Granularity, LeasewebError, Secret, TrafficPoint, TrafficSeries
from servers.leaseweb.simulator import traffic as simulated
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerReading, TrafficSpan
from servers.models import TrafficPoint as Kept
from servers.traffic import buckets, reading
from servers.traffic.reading import Part, look, understood
from servers.traffic.units import MOST_OF_BUCKET, TooMuch, UnknownUnit
from teams.models import Team
from tests.contract.upstream import ContractUpstream
from tests.servers.conftest import Cloud
from tests.support.reach import Obstacle, out_of_reach
from tests.support.traffic import busy_lately

G = Granularity
DAY = timedelta(days=1)
NOTHING = TrafficSeries()
pytestmark = pytest.mark.django_db


@pytest.fixture
def server(cloud: Cloud) -> Server:
    """One that moved something lately, so that no gap is in the way."""
    cloud.sync(cloud.key())
    return next(server for server in Server.objects.order_by("pk") if busy_lately(cloud.upstream(server)))


def read(server: Server) -> ServerReading:
    """What a worker does with the server's traffic."""
    api_key = ApiKey.objects.select_related("team").get(pk=server.api_key_id)
    applying.read_detail(api_key, details.of(server, ServerReading.Subject.TRAFFIC))
    return ServerReading.objects.get(server=server, subject="traffic")


def asked(cloud: Cloud, server: Server) -> list[dict[str, str]]:
    """The questions that Leaseweb got about the traffic of a server."""
    entries = cloud.sim.journal.entries("getTraffic", server=server.upstream_id)
    return [
        {name: values[0] for name, values in parse_qs(urlsplit(entry.path).query).items()}
        for entry in entries
    ]


def kept(server: Server, granularity: Granularity = G.DAY) -> dict[datetime, tuple[int | None, int | None]]:
    rows = Kept.objects.filter(server=server, granularity=granularity.value)
    return {at: (up, down) for at, up, down in rows.values_list("at", "up", "down")}


def hours(count: int = 24) -> Part:
    end = buckets.end(timezone.now(), G.HOUR)
    return Part(G.HOUR, end - timedelta(hours=count), end)


# --- By its turn ------------------------------------------------------------------------------------------------


def test_first_turn_reads_all_days_and_the_next_one_two_months(cloud: Cloud, server: Server) -> None:
    """Midnight may come at any moment of this, so each end is where it was before or where it is after."""
    begun = timezone.now()
    told = read(server)
    assert told.error == ""
    assert told.due_at - begun > timedelta(hours=5)
    TrafficSpan.objects.update(read_at=timezone.now() - timedelta(hours=6))
    again = timezone.now()
    read(server)
    over = timezone.now()
    first, second = asked(cloud, server)
    assert (first["granularity"], first["aggregation"]) == ("DAY", "SUM")
    assert _history(begun) <= _moment(first["from"]) <= _history(again)
    assert _last_month(again) <= _moment(second["from"]) <= _last_month(over)
    assert again.replace(microsecond=0) <= _moment(second["to"]) <= over, "nothing is asked of the future"
    (span,) = TrafficSpan.objects.all()
    assert (span.granularity, span.start) == ("DAY", _moment(first["from"]))
    assert buckets.end(again, G.DAY) <= span.end <= buckets.end(over, G.DAY)


def _history(now: datetime) -> datetime:
    return buckets.end(now, G.DAY) - reading.HISTORY


def _last_month(now: datetime) -> datetime:
    return buckets.begin(buckets.begin(now, G.MONTH) - DAY, G.MONTH)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_days_are_kept_as_leaseweb_tells_them_and_gaps_stay_gaps(cloud: Cloud, server: Server) -> None:
    today = buckets.begin(timezone.now(), G.DAY)
    read(server)
    start = today - 300 * DAY
    points = simulated.series(cloud.upstream(server), "DAY", start=start, end=today, now=timezone.now())
    told = {point.stamp.replace(hour=0, minute=0, second=0): (point.up, point.down) for point in points}
    found = {at: pair for at, pair in kept(server).items() if start <= at < today}
    assert found == told
    assert 200 < len(found) < 300, "the simulator leaves days out"


def test_turn_that_is_not_due_costs_no_call(cloud: Cloud, server: Server) -> None:
    read(server)
    read(server)
    assert len(asked(cloud, server)) == 1


def test_newer_figures_overwrite_and_what_is_no_longer_told_is_kept(cloud: Cloud, server: Server) -> None:
    read(server)
    before, ancient = kept(server), datetime(2011, 5, 1, tzinfo=UTC)
    Kept.objects.filter(server=server, at=max(before)).update(up=1, down=None)
    Kept.objects.create(server=server, granularity="DAY", at=ancient, up=1, down=None)
    TrafficSpan.objects.update(read_at=timezone.now() - timedelta(hours=6))
    read(server)
    after = kept(server)
    assert after.pop(ancient) == (1, None)
    assert {at for at in after if at <= max(before)} == before.keys(), "midnight may have brought another day"
    assert all(pair >= before.get(at, pair) for at, pair in after.items()), "today's figures may have grown"


def test_refused_history_is_no_reason_to_read_nothing(cloud: Cloud, server: Server) -> None:
    cloud.sim.faults.add(Fault.REFUSE, operation="getTraffic", times=1)
    assert read(server).error == ""
    assert len(asked(cloud, server)) == 2
    assert kept(server)
    (span,) = TrafficSpan.objects.all()
    assert span.end - span.start <= 62 * DAY


def test_failure_is_told_in_plain_words_and_leaves_the_points_alone(cloud: Cloud, server: Server) -> None:
    read(server)
    before = kept(server)
    TrafficSpan.objects.update(read_at=timezone.now() - timedelta(hours=6))
    cloud.sim.faults.add(Fault.UNAVAILABLE, operation="getTraffic")
    with pytest.raises(LeasewebError):
        read(server)
    told = ServerReading.objects.get(server=server, subject="traffic")
    assert "Leaseweb has trouble answering" in told.error
    assert kept(server) == before


def test_unknown_unit_is_an_error_of_the_reading_and_not_of_the_key(cloud: Cloud, server: Server) -> None:
    series = {"unit": "XB", "values": [{"timestamp": "2026-11-01T00:00:00Z", "value": 5}]}
    body = {"metrics": {"DATATRAFFIC_UP": series, "DATATRAFFIC_DOWN": series}}
    cloud.sim.faults.add(Fault.REFUSE, operation="getTraffic", status=200, body=body)
    with pytest.raises(UnknownUnit):
        read(server)
    told = ServerReading.objects.get(server=server, subject="traffic")
    assert "a unit that this panel does not know" in told.error
    assert "“XB.”" in told.error
    assert kept(server) == {}
    key = ApiKey.objects.get(pk=server.api_key_id)
    assert (key.health, key.failures) == (ApiKey.Health.WORKING, 0)


# --- By somebody's wish -----------------------------------------------------------------------------------------


def test_looking_has_what_is_missing_read_once(cloud: Cloud, server: Server) -> None:
    read(server)
    part, now = hours(), timezone.now()
    first, second = (look(server, part, now=now) for _ in range(2))
    assert (first.waiting, second.waiting, first.as_of(part)) == (True, True, None)
    assert TrafficSpan.objects.filter(asked_at__isnull=False).count() == 1
    assert read(server).asked_at is None
    _, wish = asked(cloud, server)
    assert (wish["granularity"], _moment(wish["from"])) == ("HOUR", part.start)
    told = kept(server, G.HOUR)
    assert 12 <= len(told) <= 24
    assert min(told) >= part.start
    again = look(server, part, now=timezone.now())
    assert not again.waiting
    assert again.as_of(part) == TrafficSpan.objects.get(granularity="HOUR").read_at


def test_wish_that_the_turn_meets_costs_no_call_of_its_own(cloud: Cloud, server: Server) -> None:
    end = buckets.end(timezone.now(), G.DAY)
    assert look(server, Part(G.DAY, end - 30 * DAY, end), now=timezone.now()).waiting
    assert read(server).asked_at is None
    assert len(asked(cloud, server)) == 1
    assert TrafficSpan.objects.count() == 1


def test_old_figures_are_read_again_and_only_the_part_that_may_have_changed(
    cloud: Cloud, server: Server
) -> None:
    read(server)
    part = hours(24 * 7)
    look(server, part, now=timezone.now())
    read(server)
    TrafficSpan.objects.update(read_at=timezone.now() - timedelta(minutes=20))
    assert look(server, part, now=timezone.now()).waiting
    read(server)
    start = _moment(asked(cloud, server)[-1]["from"])
    assert timedelta(days=3) <= part.end - start <= timedelta(days=3, hours=2)
    assert TrafficSpan.objects.filter(granularity="HOUR").count() == 1


def test_wishes_are_met_one_by_one(cloud: Cloud, server: Server) -> None:
    read(server)
    for count in (24, 48, 72):
        look(server, hours(count), now=timezone.now())
    assert read(server).asked_at is not None, "others still wait"
    for _ in range(2):
        told = read(server)
    assert told.asked_at is None
    assert [each["granularity"] for each in asked(cloud, server)] == ["DAY", "HOUR", "HOUR", "HOUR"]


def test_wishes_of_one_server_are_bounded(server: Server) -> None:
    for count in range(10, 10 + 2 * reading.MOST_WISHES):
        look(server, hours(count), now=timezone.now())
    assert TrafficSpan.objects.count() == reading.MOST_WISHES


def test_wish_that_leaseweb_refuses_is_dropped(cloud: Cloud, server: Server) -> None:
    read(server)
    look(server, hours(), now=timezone.now())
    cloud.sim.faults.add(Fault.REFUSE, operation="getTraffic", times=1)
    with pytest.raises(LeasewebError):
        read(server)
    assert not look(server, hours(), now=timezone.now()).waiting, "not again right after a failure"
    assert read(server).error == ""
    assert [each["granularity"] for each in asked(cloud, server)] == ["DAY", "HOUR"]
    later = timezone.now() + timedelta(minutes=6)
    assert look(server, hours(), now=later).waiting


@out_of_reach
def test_nobody_is_asked_about_a_server_out_of_reach(server: Server, obstacle: Obstacle) -> None:
    obstacle.put(server)
    server.refresh_from_db()
    assert not look(server, hours(), now=timezone.now()).waiting
    assert not TrafficSpan.objects.exists()


# --- What answers may look like ---------------------------------------------------------------------------------


@pytest.fixture
def contract(settings: Any) -> Iterator[ContractUpstream]:
    with ContractUpstream() as upstream:
        settings.LEASEWEB_API_URL = upstream.base_url
        yield upstream


def test_example_of_the_contract_is_kept_field_by_field(contract: ContractUpstream, team: Team) -> None:
    """Whatever is asked, it tells of two days of 2016, each stamped with its last second."""
    api_key = ApiKey(team=team, name="Contract")
    api_key.seal(Secret(contract.key))
    api_key.save()
    server = Server.objects.create(
        team=team, api_key=api_key, upstream_id=next(iter(contract.servers)), shown_name="a", search_text="a"
    )
    look(server, hours(), now=timezone.now())
    assert read(server).error == ""
    assert kept(server) == {
        datetime(2016, 1, 1, tzinfo=UTC): (900, 90),
        datetime(2016, 1, 31, tzinfo=UTC): (2500, 250),
    }
    assert kept(server, G.HOUR) == {}
    assert [call.path.partition("?")[0][-11:] for call in contract.journal] == ["datatraffic"] * 2


def told(granularity: Granularity, up: TrafficSeries, down: TrafficSeries = NOTHING) -> DataTraffic:
    return DataTraffic(granularity, None, None, up, down)


def point(text: str, value: str) -> TrafficPoint:
    return TrafficPoint(datetime.fromisoformat(text), Decimal(value))


def test_directions_may_differ_in_unit_stamp_and_length() -> None:
    up = TrafficSeries(
        "GB", (point("2026-11-01T00:00:00+00:00", "1.5"), point("2026-11-02T00:00:00+00:00", "2"))
    )
    down = TrafficSeries("KiB", (point("2026-11-01T23:59:59+00:00", "3"),))
    found = understood(told(G.DAY, up, down))
    first, second = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    assert (found.up, found.down) == ({first: 1_500_000_000, second: 2_000_000_000}, {first: 3072})


def test_finer_points_add_up_and_the_same_point_counts_once() -> None:
    points = (
        point("2026-11-01T00:00:00+00:00", "1"),
        point("2026-11-01T12:00:00+00:00", "2"),
        point("2026-11-01T12:00:00+00:00", "4"),
    )
    assert list(understood(told(G.DAY, TrafficSeries("B", points))).up.values()) == [5]


def test_missing_unit_matters_only_when_there_are_figures() -> None:
    assert understood(told(G.DAY, NOTHING)).up == {}
    with pytest.raises(UnknownUnit):
        understood(told(G.DAY, TrafficSeries("", (point("2026-11-01T00:00:00+00:00", "1"),))))


def test_more_than_can_be_added_up_is_refused() -> None:
    most = str(MOST_OF_BUCKET)
    half = (point("2026-11-01T00:00:00+00:00", most), point("2026-11-01T12:00:00+00:00", "1"))
    assert list(understood(told(G.DAY, TrafficSeries("B", half[:1]))).up.values()) == [MOST_OF_BUCKET]
    with pytest.raises(TooMuch):
        understood(told(G.DAY, TrafficSeries("B", half)))


def test_total_that_belongs_to_no_bucket_is_left_out() -> None:
    answer = told(G.NONE, TrafficSeries("B", (point("2026-11-01T00:00:00+00:00", "1"),)))
    assert understood(answer).up == {}
