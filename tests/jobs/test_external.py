"""What changed without a job of ours: told once, as *external*; what our jobs did is not."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from jobs.engine import reading
from jobs.models import ExternalEvent, Job
from jobs.services import About
from jobs.states import JobStatus
from servers.clock import after, before
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.model import Snapshot as Upstream
from servers.models import ApiKey, Server, ServerReading
from tests.cast import MakeJob
from tests.support.engine_room import SNAPSHOT_NAME, EngineRoom

pytestmark = [pytest.mark.django_db, pytest.mark.req("E3")]
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
Told = list[tuple[str, str, str, str]]


def read(room: EngineRoom) -> Told:
    """One list pass; what it told."""
    ApiKey.objects.update(budget_tokens=10, next_sync_at=before(SECOND))
    known = set(ExternalEvent.objects.values_list("pk", flat=True))
    assert reading.read_key(room.api_key.pk)
    return told(known)


def read_snapshots(room: EngineRoom, server: Server) -> Told:
    known = set(ExternalEvent.objects.values_list("pk", flat=True))
    row = ServerReading.objects.get(server=server, subject="snapshots")
    ServerReading.objects.filter(pk=row.pk).update(asked_at=before(SECOND))
    ApiKey.objects.update(budget_tokens=10)
    reading.read_detail(row.pk)
    return told(known)


def told(known: set[int]) -> Told:
    """The new events; each has one entry in the trail that says the same."""
    events = ExternalEvent.objects.exclude(pk__in=known).order_by("pk")
    entries = AuditEvent.objects.filter(action="server.external").order_by("-sequence")[: len(events)]
    for event, entry in zip(events, reversed(entries), strict=True):
        assert (entry.before[event.what], entry.after[event.what]) == (event.before, event.after)
        assert (entry.target_id, entry.actor_id) == (str(event.server_id), None)
        assert entry.after.get("snapshot", "") == event.subject
    assert ExternalEvent.objects.count() == AuditEvent.objects.filter(action="server.external").count()
    return [(event.what, event.subject, event.before, event.after) for event in events]


def test_first_pass_of_a_key_is_silent_and_later_ones_tell_what_comes_and_goes(room: EngineRoom) -> None:
    assert not ExternalEvent.objects.exists()
    (new,) = room.sim.world.add_servers(room.sim.world.account("main"), count=1)
    assert read(room) == [("appeared", "", "", "")]
    room.sim.world.remove(new.id)
    assert read(room) == [("vanished", "", "", "")]
    assert read(room) == []
    room.sim.world.servers[new.id] = new
    assert read(room) == [("appeared", "", "", "")]
    assert verify(room.access.team.pk).intact


def test_change_made_elsewhere_is_told_once(room: EngineRoom) -> None:
    server = room.server()
    upstream = room.upstream(server)
    upstream.state, upstream.template, upstream.reference = "STOPPED", "BeOS 5", "renamed <b>elsewhere</b>"
    old = (server.reference, server.template)
    assert sorted(read(room)) == [
        ("reference", "", old[0], "renamed <b>elsewhere</b>"),
        ("state", "", "RUNNING", "STOPPED"),
        ("template", "", old[1], "BeOS 5"),
    ]
    assert read(room) == []


def test_station_on_the_way_is_not_told_but_its_end_is(room: EngineRoom) -> None:
    server = room.server()
    for state, events in (
        ("STOPPING", []),
        ("STOPPED", [("state", "", "STOPPING", "STOPPED")]),
        ("STARTING", []),
        ("RUNNING", [("state", "", "STARTING", "RUNNING")]),
        ("UNKNOWN", [("state", "", "RUNNING", "UNKNOWN")]),
    ):
        room.set_state(server, state)
        assert read(room) == events


@pytest.mark.parametrize("template", ["", None])
def test_system_that_an_answer_left_out_did_not_change(room: EngineRoom, template: Any) -> None:
    upstream = room.upstream(room.server())
    label, upstream.template = upstream.template, template
    assert read(room) == []
    upstream.template = label
    assert read(room) == []


@pytest.mark.parametrize(
    ("kind", "state", "template", "events"),
    [
        ("power_off", "STOPPED", "", []),
        ("power_on", "STOPPED", "", []),
        ("reinstall", "STOPPED", "BeOS 5", []),
        ("snapshot_restore", "RUNNING", "BeOS 5", []),
        ("reboot", "RUNNING", "BeOS 5", ["template"]),
        ("snapshot_delete", "STOPPED", "", ["state"]),
    ],
)
def test_live_job_explains_what_its_kind_may_change(
    room: EngineRoom, make_job: MakeJob, kind: str, state: str, template: str, events: list[str]
) -> None:
    server = room.server()
    make_job(server, kind, "observing", deadline_at=after(MINUTE))
    upstream = room.upstream(server)
    upstream.state, upstream.template = state, template or upstream.template
    assert [what for what, *_ in read(room)] == events


@pytest.mark.parametrize(
    ("status", "fields", "explains"),
    [
        ("queued", {}, False),
        ("sending", {}, True),
        ("observing", {}, True),
        ("unknown", {"deadline_at": before(timedelta(hours=23))}, True),
        ("unknown", {"deadline_at": before(timedelta(hours=25))}, False),
        ("succeeded", {"finished_at": before(MINUTE)}, True),
        ("succeeded", {"finished_at": before(3 * MINUTE)}, False),
        ("unverified", {"finished_at": before(MINUTE)}, True),
        ("failed", {"code": "refused", "finished_at": before(MINUTE)}, False),
        ("failed", {"code": "not_sent", "sent_at": None, "finished_at": before(MINUTE)}, False),
        ("failed", {"finished_at": before(MINUTE)}, True),
        ("cancelled", {"sent_at": None, "finished_at": before(MINUTE)}, False),
    ],
)
def test_job_explains_from_its_send_until_its_echo_is_over(
    room: EngineRoom, make_job: MakeJob, status: str, fields: dict[str, Any], explains: bool
) -> None:
    server = room.server()
    job = make_job(server, "power_off", status)
    Job.objects.filter(pk=job.pk).update(**fields)
    room.set_state(server, "STOPPED")
    assert read(room) == ([] if explains else [("state", "", "RUNNING", "STOPPED")])


def test_job_explains_nothing_about_another_server(room: EngineRoom, make_job: MakeJob) -> None:
    make_job(Server.objects.latest("pk"), "power_off", "observing")
    room.set_state(room.server(), "STOPPED")
    assert len(read(room)) == 1


def test_change_between_the_click_and_the_send_was_not_ours(room: EngineRoom) -> None:
    job = room.request(room.server("STOPPED"), "power_on")
    room.set_state(job.server, "RUNNING")
    assert room.submit(job).status == JobStatus.SKIPPED
    assert [(each.before, each.after) for each in ExternalEvent.objects.all()] == [("STOPPED", "RUNNING")]


def test_server_that_vanished_under_a_job_is_told(room: EngineRoom) -> None:
    job = room.submit(room.click("reboot"))
    room.sim.world.remove(job.server.upstream_id)
    ApiKey.objects.update(server_count=5000)  # so many pages that the server is read by itself
    room.poll(job)
    assert [each.what for each in ExternalEvent.objects.all()] == ["vanished"]


# --- References -------------------------------------------------------------------------------------------------


def test_name_that_was_asked_for_here_is_ours(room: EngineRoom) -> None:
    server = room.server()
    Server.objects.filter(pk=server.pk).update(reference_asked="ours")
    room.upstream(server).reference = "ours"
    assert read(room) == []
    room.upstream(server).reference = "theirs"
    assert read(room) == [("reference", "", "ours", "theirs")]


# --- Snapshots --------------------------------------------------------------------------------------------------


@pytest.fixture
def server(room: EngineRoom) -> Server:
    """A server without snapshots, which has been read so."""
    found = room.server()
    room.upstream(found).snapshots.clear()
    assert read_snapshots(room, found) == []
    return found


def made(room: EngineRoom, server: Server, name: str = SNAPSHOT_NAME) -> Upstream:
    return room.upstream(server).snapshots[room.snapshot(server, name)]


def test_first_reading_of_snapshots_is_silent(room: EngineRoom) -> None:
    server = room.server()
    made(room, server)
    assert read_snapshots(room, server) == []


def test_snapshot_of_somebody_else_is_told_when_it_comes_breaks_reverts_and_goes(
    room: EngineRoom, server: Server
) -> None:
    snapshot = made(room, server, "<i>Theirs</i>")
    name = "<i>Theirs</i>"
    assert read_snapshots(room, server) == [("snapshot_new", name, "", "READY")]
    for state, events in (
        ("REVERTING", [("snapshot_state", name, "READY", "REVERTING")]),
        ("READY", []),
        ("EXPUNGING", []),
        ("ERROR", [("snapshot_state", name, "EXPUNGING", "ERROR")]),
        ("ERROR", []),
    ):
        snapshot.state = state
        assert read_snapshots(room, server) == events
    room.upstream(server).snapshots.clear()
    assert read_snapshots(room, server) == [("snapshot_gone", name, "ERROR", "")]
    assert read_snapshots(room, server) == []


@pytest.mark.parametrize(
    ("kind", "of_ours", "explains"),
    [
        ("snapshot_create", False, True),
        ("snapshot_create", True, False),
        ("snapshot_delete", True, True),
        ("reinstall", True, True),
        ("snapshot_restore", False, False),
        ("power_off", True, False),
    ],
)
def test_job_explains_the_snapshot_it_is_about(
    room: EngineRoom, server: Server, make_job: MakeJob, kind: str, of_ours: bool, explains: bool
) -> None:
    """`of_ours`: a snapshot that was there goes; else one with the name of the job comes."""
    snapshot = made(room, server)
    if of_ours:
        read_snapshots(room, server)
        room.upstream(server).snapshots.clear()
    params = {"name": SNAPSHOT_NAME} if kind == "snapshot_create" else {"snapshot_id": snapshot.id}
    params = {} if kind in ("power_off", "reinstall") else params
    if kind == "snapshot_restore":
        params = {"snapshot_id": "another"}
    make_job(server, kind, "observing", params=params)
    assert (read_snapshots(room, server) == []) == explains


def test_echo_of_a_job_reaches_back_to_the_reading_before(
    room: EngineRoom, server: Server, make_job: MakeJob
) -> None:
    """Snapshots are read every half an hour only: what came between two readings may be our job's doing."""
    ServerReading.objects.filter(server=server).update(read_at=before(40 * MINUTE))
    job = make_job(server, "snapshot_create", "unverified", params={"name": SNAPSHOT_NAME})
    Job.objects.filter(pk=job.pk).update(finished_at=before(30 * MINUTE))
    snapshot = made(room, server)
    assert read_snapshots(room, server) == []
    ServerReading.objects.filter(server=server).update(read_at=before(20 * MINUTE))
    snapshot.state = "ERROR"
    assert read_snapshots(room, server) == [("snapshot_state", SNAPSHOT_NAME, "READY", "ERROR")]


def test_whole_life_of_our_own_jobs_is_not_external(room: EngineRoom) -> None:
    server = room.server()
    create = room.request(server, "snapshot_create", About({"name": SNAPSHOT_NAME}))
    create = room.follow(room.submit(create), every=2 * SECOND)
    mine = next(each for each in room.upstream(server).snapshots.values() if each.name == SNAPSHOT_NAME)
    params = {"snapshot_id": mine.id, "snapshot_name": SNAPSHOT_NAME}
    for kind in ("snapshot_restore", "snapshot_delete"):
        job = room.follow(room.submit(room.request(server, kind, About(params))), every=2 * SECOND)
        assert job.status == JobStatus.SUCCEEDED
        read(room)
        read_snapshots(room, server)
    assert not ExternalEvent.objects.exists()


def test_broken_list_tells_nothing(room: EngineRoom, server: Server) -> None:
    made(room, server)
    read_snapshots(room, server)
    body = {"snapshots": [], "_metadata": {"totalCount": 1}}
    room.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=200, body=body)
    assert read_snapshots(room, server) == []
