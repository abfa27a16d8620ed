"""One snapshot is read by itself: once for a wish, never going back, and never deciding that something is gone."""

from datetime import timedelta
from typing import Any

import pytest

from jobs import engine
from jobs.engine import applying, preparing, reading
from jobs.models import ExternalEvent, Job
from jobs.services import About
from servers import details, one_snapshot
from servers.clock import after, before
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.model import Snapshot as Upstream
from servers.models import ApiKey, Server, ServerReading, Snapshot
from tests.support.engine_room import SNAPSHOT_NAME, EngineRoom

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def server(room: EngineRoom) -> Server:
    """A server with one snapshot, which its list showed a while ago; nothing is due."""
    found = room.server()
    room.upstream(found).snapshots.clear()
    room.snapshot(found)
    applying.read_detail(room.api_key, listed(found))
    ServerReading.objects.update(due_at=after(60 * MINUTE))
    ApiKey.objects.update(budget_tokens=10, next_sync_at=after(60 * MINUTE))
    return found


@pytest.fixture
def snapshot(server: Server) -> Snapshot:
    return Snapshot.objects.get(server=server)


@pytest.fixture
def upstream(room: EngineRoom, server: Server, snapshot: Snapshot) -> Upstream:
    return room.upstream(server).snapshots[snapshot.upstream_id]


def listed(server: Server) -> ServerReading:
    return details.of(server, "snapshots")


def wish(snapshot: Snapshot) -> None:
    Snapshot.objects.filter(pk=snapshot.pk).update(asked_at=before(SECOND))


def read(snapshot: Snapshot) -> Snapshot:
    wish(snapshot)
    reading.read_snapshot(snapshot.pk)
    return fresh(snapshot)


def fresh(snapshot: Snapshot) -> Snapshot:
    return Snapshot.objects.select_related("server").get(pk=snapshot.pk)


def asked(room: EngineRoom, since: int) -> list[tuple[str, str]]:
    return [(entry.operation, entry.path) for entry in room.sim.journal.entries(since=since)]


def test_wish_is_rung_by_the_tick_and_met_by_one_call(
    room: EngineRoom, snapshot: Snapshot, upstream: Upstream
) -> None:
    assert engine.tick().snapshots == ()
    wish(snapshot)
    upstream.state = "EXPUNGING"
    before_it = room.sim.journal.last
    assert engine.run_once().snapshots == (snapshot.pk,)
    path = f"/cloud/v2/virtualServers/{snapshot.server.upstream_id}/snapshots/{snapshot.upstream_id}"
    assert asked(room, before_it) == [("getSnapshot", path)]
    found = fresh(snapshot)
    assert (found.state, found.asked_at) == ("EXPUNGING", None)
    assert found.seen_at > snapshot.seen_at
    assert found.changed_seq > snapshot.changed_seq
    reading.read_snapshot(snapshot.pk)
    assert len(asked(room, before_it)) == 1, "a bell that rings twice"
    assert engine.tick().snapshots == ()


def test_reading_that_shows_nothing_new_ends_the_wish_and_dates_the_row(
    room: EngineRoom, snapshot: Snapshot, upstream: Upstream
) -> None:
    found = read(snapshot)
    assert (found.asked_at, found.state, found.state_since) == (None, "READY", snapshot.state_since)
    assert found.seen_at > snapshot.seen_at
    assert not ExternalEvent.objects.exists()


@pytest.mark.parametrize("why", ["no budget", "paused", "no key", "being read"])
def test_wish_that_cannot_be_met_now_stays_one_until_it_is_given_up(
    room: EngineRoom, snapshot: Snapshot, why: str
) -> None:
    if why == "no key":
        Server.objects.update(api_key=None)
    elif why == "being read":
        ServerReading.objects.update(lease_until=after(MINUTE))
    else:
        changed: dict[str, Any] = {"paused_until": after(5 * MINUTE)}
        if why == "no budget":
            changed = {"budget_tokens": -60, "budget_at": before(timedelta(0))}
        ApiKey.objects.update(**changed)
    before_it = room.sim.journal.last
    found = read(snapshot)
    assert (found.asked_at is None, found.error) == (False, "")
    Snapshot.objects.update(asked_at=before(3 * MINUTE))
    engine.tick()
    found = fresh(snapshot)
    assert (found.asked_at, asked(room, before_it)) == (None, [])
    assert found.error.startswith("Nobody could read it within two minutes")


def test_failure_is_noted_and_the_next_reading_takes_it_away(room: EngineRoom, snapshot: Snapshot) -> None:
    for again in (read, read_list):
        room.sim.faults.add(Fault.REFUSE, operation="getSnapshot", status=403, times=1)
        found = read(snapshot)
        assert (found.asked_at, bool(found.error), bool(found.correlation_id)) == (None, True, True)
        assert found.error_at is not None
        assert found.seen_at == snapshot.seen_at
        assert ServerReading.objects.get(pk=listed(found.server).pk).lease_until is None
        snapshot = again(snapshot)
        assert (snapshot.error, snapshot.changed_seq > found.changed_seq) == ("", True)
    assert ApiKey.objects.get().health == ApiKey.Health.WORKING


def read_list(snapshot: Snapshot) -> Snapshot:
    applying.read_detail(ApiKey.objects.select_related("team").get(), listed(snapshot.server))
    return fresh(snapshot)


def test_trouble_of_leaseweb_is_noted_on_the_key_too(room: EngineRoom, snapshot: Snapshot) -> None:
    room.sim.faults.add(Fault.HTML_504, operation="getSnapshot")
    assert read(snapshot).error
    assert ApiKey.objects.get().failures == 1


def test_answer_about_another_snapshot_is_an_error(room: EngineRoom, snapshot: Snapshot) -> None:
    body = {"id": "another", "name": "x", "state": "ERROR", "createdAt": "2026-01-01T00:00:00Z"}
    room.sim.faults.add(Fault.REFUSE, operation="getSnapshot", status=200, body=body)
    found = read(snapshot)
    assert (bool(found.error), found.state, found.name) == (True, "READY", SNAPSHOT_NAME)


@pytest.mark.parametrize("really", [True, False])
def test_404_makes_nothing_gone_but_has_the_list_decide(
    room: EngineRoom, server: Server, snapshot: Snapshot, really: bool
) -> None:
    if really:
        room.upstream(server).snapshots.clear()
    else:
        room.sim.faults.add(Fault.REFUSE, operation="getSnapshot", status=404)
    found = read(snapshot)
    assert (found.gone_at, found.asked_at, found.error, found.server.gone_at) == (None, None, "", None)
    assert listed(server).asked_at is not None, "its page goes on waiting"
    before_it = room.sim.journal.last
    engine.run_once()
    calls = ["listSnapshots", "getSnapshot"] if really else ["listSnapshots"]
    assert [operation for operation, _ in asked(room, before_it)] == calls
    assert (fresh(snapshot).gone_at is not None) == really
    assert [event.what for event in ExternalEvent.objects.all()] == (["snapshot_gone"] if really else [])
    assert listed(server).asked_at is None


def test_one_that_the_list_lost_comes_back(room: EngineRoom, snapshot: Snapshot) -> None:
    Snapshot.objects.update(gone_at=before(SECOND))
    assert read(snapshot).gone_at is None
    assert [event.what for event in ExternalEvent.objects.all()] == ["snapshot_new"]


@pytest.mark.parametrize(("of_ours", "events"), [(False, ["snapshot_state"]), (True, [])])
def test_change_is_external_unless_a_job_explains_it(
    room: EngineRoom, snapshot: Snapshot, upstream: Upstream, of_ours: bool, events: list[str]
) -> None:
    if of_ours:
        about = {"snapshot_id": snapshot.upstream_id, "snapshot_name": SNAPSHOT_NAME}
        room.submit(room.request(snapshot.server, "snapshot_restore", About(about)))
    upstream.state = "REVERTING"
    ApiKey.objects.update(budget_tokens=10)
    assert read(snapshot).state == "REVERTING"
    assert [event.what for event in ExternalEvent.objects.all()] == events


def test_late_reading_does_not_undo_what_a_later_list_showed(
    room: EngineRoom, server: Server, snapshot: Snapshot, upstream: Upstream
) -> None:
    wish(snapshot)
    claimed = one_snapshot.claim(snapshot.pk)
    assert claimed is not None
    early = one_snapshot.ask(room.api_key, claimed)
    upstream.state = "EXPUNGING"
    later = read_list(snapshot)
    assert one_snapshot.keep(room.api_key, claimed, early) is None
    found = fresh(snapshot)
    assert (found.state, found.seen_at, found.asked_at) == ("EXPUNGING", later.seen_at, None)


@pytest.mark.parametrize("in_the_list", [True, False])
def test_late_list_does_not_undo_what_a_later_reading_showed(
    room: EngineRoom, server: Server, snapshot: Snapshot, upstream: Upstream, in_the_list: bool
) -> None:
    if not in_the_list:
        room.upstream(server).snapshots.clear()
    early = details.ask(room.api_key, listed(server))
    room.upstream(server).snapshots[upstream.id] = upstream
    upstream.state = "REVERTING"
    seen = read(snapshot)
    details.keep(room.api_key, listed(server), early)
    found = fresh(snapshot)
    assert (found.state, found.gone_at, found.seen_at) == ("REVERTING", None, seen.seen_at)


def test_reading_by_itself_is_no_evidence_but_good_enough_to_send(
    room: EngineRoom, server: Server, snapshot: Snapshot
) -> None:
    """Two agreeing lists judge a job; one that was read beside them must not count for both."""
    read(snapshot)
    read_at = listed(server).read_at
    assert [each.state for each in preparing.listed(server, read_at)] == ["UNKNOWN"]
    assert [each.state for each in preparing.listed(server, read_at, or_later=True)] == ["READY"]
    assert [each.state for each in preparing.listed(server, None, or_later=True)] == ["UNKNOWN"]


def test_job_in_flight_is_left_to_its_own_readings(room: EngineRoom, server: Server) -> None:
    snapshot = Snapshot.objects.get(server=server)
    about = {"snapshot_id": snapshot.upstream_id, "snapshot_name": SNAPSHOT_NAME}
    job = room.submit(room.request(server, "snapshot_restore", About(about)))
    held = Job.objects.filter(pk=job.pk).values().get()
    read(snapshot)
    assert Job.objects.filter(pk=job.pk).values().get() == held
    assert room.follow(job, every=2 * SECOND).status == "succeeded"


@pytest.mark.req("G8")
def test_two_workers_read_it_once(room: EngineRoom, snapshot: Snapshot) -> None:
    """The second worker comes while the first one waits for Leaseweb, or just after it."""
    wish(snapshot)
    assert one_snapshot.claim(snapshot.pk) is not None
    assert one_snapshot.claim(snapshot.pk) is None
    one_snapshot.release(snapshot)
    before_it = room.sim.journal.last
    reading.read_snapshot(snapshot.pk)
    reading.read_snapshot(snapshot.pk)
    assert len(asked(room, before_it)) == 1
    assert listed(snapshot.server).lease_until is None
