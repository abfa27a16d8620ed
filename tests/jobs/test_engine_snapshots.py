"""Reinstalls and snapshots from the click to the outcome, against the simulator over a real socket."""

from datetime import timedelta

import pytest

from jobs import engine
from jobs.models import ExternalEvent, Job
from jobs.services import About
from jobs.states import JobStatus, Receipt
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerReading, Snapshot
from tests.support.engine_room import OPERATIONS, SNAPSHOT_NAME, EngineRoom

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
KINDS = ("reinstall", "snapshot_create", "snapshot_restore", "snapshot_delete")


def sent(room: EngineRoom, kind: str) -> Job:
    return room.submit(room.click(kind))


def happened(room: EngineRoom, job: Job) -> bool:
    """Whether Leaseweb really is as the job claims to have made it; it cannot be told of a restore."""
    upstream, params = room.upstream(job.server), job.params
    return {
        "reinstall": upstream.template != job.before["template"],
        "snapshot_create": (SNAPSHOT_NAME, "READY")
        in [(x.name, x.state) for x in upstream.snapshots.values()],
        "snapshot_restore": True,
        "snapshot_delete": params.get("snapshot_id") not in upstream.snapshots,
    }[job.kind]


@pytest.mark.req("E1")
@pytest.mark.parametrize("kind", KINDS)
def test_job_ends_succeeded_when_leaseweb_shows_it_twice(room: EngineRoom, kind: str) -> None:
    job = sent(room, kind)
    assert (job.status, job.receipt) == (JobStatus.OBSERVING, Receipt.ACCEPTED)
    job = room.follow(job, every=2 * SECOND, readings=30)
    assert job.status == JobStatus.SUCCEEDED, job.message
    assert happened(room, job)
    assert len(room.sends(job.server)) == 1
    assert not ExternalEvent.objects.exclude(what="state").exists(), "all of it was ours"


def test_installing_the_same_system_again_is_seen_in_the_dip(room: EngineRoom) -> None:
    server = room.server()
    upstream, installs = room.upstream(server), room.upstream(server).installs
    about = About({"os_template_id": "DEBIAN_12_64", "os_template_name": "Debian 12 (64-bit)"})
    upstream.template = f"Debian 12 64 {upstream.offering.storage_gb} 20250120T0830"
    job = room.follow(room.submit(room.request(server, "reinstall", about)), every=2 * SECOND, readings=30)
    assert job.status == JobStatus.SUCCEEDED
    assert "as before" in job.message
    assert upstream.installs == installs + 1


def test_reinstall_of_a_stopped_server_leaves_it_stopped(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    job = room.submit(room.request(server, "reinstall", About(room.params(server, "reinstall"))))
    job = room.follow(job, readings=30)
    assert (job.status, Server.objects.get(pk=server.pk).state) == (JobStatus.SUCCEEDED, "STOPPED")


@pytest.mark.req("G3")
@pytest.mark.parametrize("kind", KINDS)
def test_task_that_fails_upstream_is_never_called_a_success(room: EngineRoom, kind: str) -> None:
    """But for a restore: Leaseweb shows a failed one like any other (CloudStack says READY after both)."""
    room.sim.faults.add(Fault.TASK_FAILS, operation=OPERATIONS[kind])
    job = room.follow(sent(room, kind), every=2 * SECOND, readings=20)
    expected = {"reinstall": "observing", "snapshot_restore": "succeeded"}.get(kind, "failed")
    assert job.status == expected
    if kind == "reinstall":
        job = room.poll(room.pass_time(job, 31 * MINUTE))
        assert job.status == JobStatus.UNVERIFIED
        assert "reads as before" in job.message


@pytest.mark.req("G5")
@pytest.mark.parametrize("fault", [Fault.STUCK, Fault.ACCEPT_AND_IGNORE])
@pytest.mark.parametrize("kind", KINDS)
def test_what_never_shows_ends_at_its_deadline(room: EngineRoom, kind: str, fault: Fault) -> None:
    room.sim.faults.add(fault, operation=OPERATIONS[kind])
    job = room.follow(sent(room, kind), every=15 * MINUTE, readings=7)
    engine.tick()
    job = room.fresh(job)
    unseen = kind == "snapshot_restore" and fault is Fault.ACCEPT_AND_IGNORE
    assert job.status == (JobStatus.UNVERIFIED if unseen else JobStatus.UNKNOWN), job.message
    assert len(room.sends(job.server)) == 1


@pytest.mark.req("G2")
@pytest.mark.parametrize("kind", KINDS)
def test_lost_answer_is_made_up_for_by_watching(room: EngineRoom, kind: str) -> None:
    room.sim.faults.add(Fault.CLOSE_AFTER_EXECUTE, operation=OPERATIONS[kind], times=1)
    job = sent(room, kind)
    assert (job.status, job.receipt) == (JobStatus.OBSERVING, Receipt.UNCERTAIN)
    job = room.follow(job, every=2 * SECOND, readings=30)
    assert job.status == JobStatus.SUCCEEDED
    assert "may have been somebody else" in job.message
    assert len(room.sends(job.server)) == 1


@pytest.mark.req("E1")
@pytest.mark.parametrize("kind", KINDS)
def test_refusal_is_told_in_leasewebs_words(room: EngineRoom, kind: str) -> None:
    said = {"errorCode": "409", "errorMessage": "The platform is busy with this server"}
    room.sim.faults.add(Fault.REFUSE, operation=OPERATIONS[kind], status=409, body=said)
    job = sent(room, kind)
    assert (job.status, job.code) == (JobStatus.FAILED, "refused")
    assert "The platform is busy with this server" in job.message


# --- What is not as it has to be, seen by the fresh reading -----------------------------------------------------


@pytest.mark.parametrize("kind", ["snapshot_create", "snapshot_restore"])
def test_server_that_stopped_meanwhile_keeps_the_snapshot_job_unsent(room: EngineRoom, kind: str) -> None:
    job = room.click(kind)
    room.set_state(job.server, "STOPPED")
    job = room.submit(job)
    assert (job.status, job.code) == (JobStatus.FAILED, "precondition")
    assert "running servers only" in job.message
    assert room.sends(job.server) == []


def test_name_that_was_taken_meanwhile_is_not_used_twice(room: EngineRoom) -> None:
    job = room.click("snapshot_create")
    room.snapshot(job.server)
    job = room.submit(job)
    assert (job.status, job.code) == (JobStatus.FAILED, "precondition")
    assert SNAPSHOT_NAME in job.message
    assert room.sends(job.server) == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("snapshot_restore", JobStatus.FAILED, "precondition"),
        ("snapshot_delete", JobStatus.SKIPPED, "already"),
    ],
)
def test_snapshot_that_is_gone_meanwhile_needs_no_request(
    room: EngineRoom, kind: str, status: JobStatus, code: str
) -> None:
    job = room.click(kind)
    room.upstream(job.server).snapshots.clear()
    job = room.submit(job)
    assert (job.status, job.code) == (status, code)
    assert room.sends(job.server) == []


def test_system_that_is_no_longer_offered_is_not_installed(room: EngineRoom) -> None:
    server = room.server()
    params = {"os_template_id": "BEOS_5", "os_template_name": "BeOS 5"}
    job = room.submit(room.request(server, "reinstall", About(params)))
    assert (job.status, job.code) == (JobStatus.FAILED, "precondition")
    assert "BeOS 5" in job.message
    assert room.sends(server) == []


READ_BEFORE = {
    "reinstall": "listTemplates",
    "snapshot_create": "listSnapshots",
    "snapshot_restore": "listSnapshots",
    "snapshot_delete": "listSnapshots",
}
CUT = {"snapshots": [], "templates": [], "_metadata": {"totalCount": 3}}


@pytest.mark.req("G3")
@pytest.mark.parametrize(
    ("kind", "fault", "options"),
    [
        ("reinstall", Fault.REFUSE, {"status": 404}),
        ("reinstall", Fault.REFUSE, {"status": 200, "body": CUT}),
        ("snapshot_create", Fault.HTML_504, {}),
        ("snapshot_create", Fault.REFUSE, {"status": 200, "body": CUT}),
        ("snapshot_restore", Fault.REFUSE, {"status": 404}),
        ("snapshot_delete", Fault.NOT_JSON, {}),
        ("snapshot_delete", Fault.REFUSE, {"status": 200, "body": CUT}),
    ],
)
def test_list_that_does_not_come_whole_lets_the_job_wait(
    room: EngineRoom, kind: str, fault: Fault, options: dict[str, object]
) -> None:
    """A 404 about its snapshots does not make a server gone, nor a cut list a snapshot, a name or a system."""
    job = room.click(kind)
    room.sim.faults.add(fault, operation=READ_BEFORE[kind], times=1, **options)
    job = room.submit(job)
    assert (job.status, bool(job.waiting_for)) == (JobStatus.QUEUED, True)
    assert Server.objects.get(pk=job.server_id).gone_at is None
    assert room.submit(room.pass_time(job, MINUTE)).status == JobStatus.OBSERVING
    assert len(room.sends(job.server)) == 1


def test_key_refused_for_the_list_fails_the_job(room: EngineRoom) -> None:
    job = room.click("snapshot_create")
    room.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=403)
    job = room.submit(job)
    assert (job.status, job.code) == (JobStatus.FAILED, "key_refused")
    assert ApiKey.objects.get().health == ApiKey.Health.WORKING, "it reads servers all the same"


# --- Which readings count ---------------------------------------------------------------------------------------


def list_again(room: EngineRoom, job: Job) -> Job:
    """Let the server itself, but not its snapshots, be read once more."""
    room.sim.faults.add(Fault.HTML_504, operation="listSnapshots", times=1)
    return room.poll(room.pass_time(job, 10 * SECOND))


@pytest.mark.req("G3")
@pytest.mark.parametrize("kind", ["snapshot_create", "snapshot_delete"])
def test_one_list_is_not_judged_twice_for_a_newer_reading_of_the_server(room: EngineRoom, kind: str) -> None:
    job = room.poll(room.pass_time(sent(room, kind), MINUTE))
    assert job.seen["agree"] == 1
    for _ in range(3):
        job = list_again(room, job)
        assert (job.status, job.seen["agree"]) == (JobStatus.OBSERVING, 1)
    assert room.poll(room.pass_time(job, MINUTE)).status == JobStatus.SUCCEEDED


@pytest.mark.req("G3")
def test_list_that_was_cut_short_proves_no_deletion(room: EngineRoom) -> None:
    job = sent(room, "snapshot_delete")
    room.sim.faults.add(Fault.ACCEPT_AND_IGNORE, operation="deleteSnapshot")
    room.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=200, body=CUT)
    job = room.follow(job, readings=4)
    assert job.status == JobStatus.OBSERVING
    assert not Snapshot.objects.exclude(gone_at=None).exists()


def test_snapshot_taken_by_somebody_else_under_another_name_is_no_evidence(room: EngineRoom) -> None:
    room.sim.faults.add(Fault.ACCEPT_AND_IGNORE, operation="createSnapshot")
    job = sent(room, "snapshot_create")
    room.snapshot(job.server, "Somebody elses")
    assert room.follow(job, readings=4).status == JobStatus.OBSERVING


def test_server_and_snapshots_of_several_jobs_are_read_once_each(room: EngineRoom) -> None:
    jobs = [sent(room, kind) for kind in ("snapshot_create", "snapshot_delete", "reinstall")]
    before = len(room.sim.journal)
    Job.objects.update(next_poll_at=jobs[0].created_at)
    ApiKey.objects.update(budget_tokens=10)
    engine.poll(room.api_key.pk)
    asked = [entry.operation for entry in list(room.sim.journal)[before:]]
    assert sorted(asked) == ["listServers", "listSnapshots", "listSnapshots"]


def test_what_a_reinstall_outdates_is_read_again_at_the_next_turn(room: EngineRoom) -> None:
    job = sent(room, "reinstall")
    ServerReading.objects.update(due_at=job.created_at + timedelta(days=1))
    room.follow(job, every=4 * SECOND, readings=20)
    due = ServerReading.objects.filter(due_at__lt=job.created_at + MINUTE * 5)
    assert set(due.values_list("server", "subject")) == {
        (job.server_id, "snapshots"),
        (job.server_id, "credentials"),
    }
