"""What was to come after a job: asked for in the very transaction in which the job succeeds, and else never."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection

from audit.models import AuditEvent
from audit.verify import verify
from jobs import engine, services
from jobs.kinds import KINDS
from jobs.models import Job, JobEvent
from jobs.services import About, FollowUp, JobRefused
from jobs.states import JobStatus, Resolution
from servers.leaseweb.simulator.faults import Fault
from servers.models import Server
from teams.models import Membership, User
from tests.support.engine_room import SNAPSHOT_NAME, EngineRoom, access_of

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def snapshot_first(room: EngineRoom) -> Job:
    """A snapshot, and then the restore of an older one."""
    server = room.server()
    old = room.snapshot(server, "Older")
    restore = FollowUp("snapshot_restore", {"snapshot_id": old, "snapshot_name": "Older"})
    return room.request(server, "snapshot_create", About({"name": SNAPSHOT_NAME}, follow_up=restore))


def done(room: EngineRoom, job: Job) -> Job:
    job = room.follow(room.submit(job), every=5 * SECOND)
    assert job.status == JobStatus.SUCCEEDED
    return job


def last_line(job: Job) -> str:
    return JobEvent.objects.filter(job=job).latest("pk").message


@pytest.mark.req("G9")
def test_success_asks_for_what_was_to_follow(room: EngineRoom) -> None:
    first = done(room, snapshot_first(room))
    second = Job.objects.get(follows=first)
    assert (second.kind, second.status, second.server) == ("snapshot_restore", "queued", first.server)
    assert (second.requested_by, second.params["snapshot_name"]) == (first.requested_by, "Older")
    assert second.changed_seq == first.changed_seq, "one transaction, one number"
    (entry,) = AuditEvent.objects.filter(job_id=second.pk)
    assert (entry.action, entry.on_behalf_of, entry.after["follows"]) == (
        "job.request",
        first.requested_by_id,
        first.pk,
    )
    assert second.pk in engine.tick().submits, "the very next tick rings for it"
    second = room.follow(room.submit(second), every=2 * SECOND)
    assert second.status == JobStatus.SUCCEEDED
    assert [entry.operation for entry in room.sends(first.server)] == ["createSnapshot", "restoreSnapshot"]
    assert verify(first.team_id).intact


@pytest.mark.req("G9")
def test_success_and_follow_up_are_one_transaction(room: EngineRoom) -> None:
    """When the second job cannot be written, the first one has not succeeded either, and is judged anew."""

    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "jobs_job"'):
            raise DatabaseError("no room for another job")
        return execute(sql, params, many, context)

    first = room.poll(room.pass_time(room.submit(snapshot_first(room)), MINUTE))
    written = AuditEvent.objects.count()
    with connection.execute_wrapper(refuse), pytest.raises(DatabaseError, match="no room"):
        room.poll(room.pass_time(first, MINUTE))
    first = room.fresh(first)
    assert (first.status, AuditEvent.objects.count()) == (JobStatus.OBSERVING, written)
    first = room.poll(room.pass_time(first, MINUTE))
    assert (first.status, Job.objects.filter(follows=first).count()) == (JobStatus.SUCCEEDED, 1)


def end_refused(room: EngineRoom, job: Job) -> None:
    room.sim.faults.add(Fault.REFUSE, operation="createSnapshot", status=409)
    room.submit(job)


def end_failed(room: EngineRoom, job: Job) -> None:
    room.sim.faults.add(Fault.TASK_FAILS, operation="createSnapshot")
    room.follow(room.submit(job), every=5 * SECOND)


def end_unsent(room: EngineRoom, job: Job) -> None:
    room.set_state(job.server, "STOPPED")
    room.submit(job)


def end_cancelled(room: EngineRoom, job: Job) -> None:
    services.job_cancel(room.access, job)


def end_expired(room: EngineRoom, job: Job) -> None:
    room.pass_time(job, 20 * MINUTE)
    engine.tick()


def end_resolved(room: EngineRoom, job: Job) -> None:
    unknown(room, job)
    services.job_settle(room.access, room.fresh(job), Resolution.HAPPENED, reason="seen in the portal")


def unknown(room: EngineRoom, job: Job) -> Job:
    room.sim.faults.add(Fault.ACCEPT_AND_IGNORE, operation="createSnapshot")
    return room.run_out_of_time([room.submit(job)], 61 * MINUTE)[0]


ENDS: dict[str, tuple[Callable[[EngineRoom, Job], None], JobStatus]] = {
    "refused": (end_refused, JobStatus.FAILED),
    "failed": (end_failed, JobStatus.FAILED),
    "precondition": (end_unsent, JobStatus.FAILED),
    "cancelled": (end_cancelled, JobStatus.CANCELLED),
    "expired": (end_expired, JobStatus.EXPIRED),
    "resolved": (end_resolved, JobStatus.RESOLVED),
}


@pytest.mark.req("G7")
@pytest.mark.parametrize("end", ENDS)
def test_every_other_end_drops_it_and_says_so(room: EngineRoom, end: str) -> None:
    job = snapshot_first(room)
    carry_out, status = ENDS[end]
    carry_out(room, job)
    job = room.fresh(job)
    assert (job.status, Job.objects.count()) == (status, 1)
    assert "“Restore snapshot” was to follow and was dropped" in last_line(job)
    assert not any(entry.operation == "restoreSnapshot" for entry in room.sends(job.server))
    assert verify(job.team_id).intact


@pytest.mark.req("G7")
def test_unverified_drops_it_too(room: EngineRoom) -> None:
    """No kind that people can have followed ends so today; the engine asks for nothing on a doubt."""
    room.sim.world.behaviour.quick_reboot = True
    server = room.server()
    job = room.request(server, "reboot", About(follow_up=FollowUp("power_off", {})))
    job = room.follow(room.submit(job), every=2 * MINUTE)
    assert (job.status, Job.objects.count()) == (JobStatus.UNVERIFIED, 1)
    assert "“Power off” was to follow and was dropped" in last_line(job)


@pytest.mark.req("G7")
def test_evidence_that_comes_late_settles_the_job_but_asks_for_nothing(room: EngineRoom) -> None:
    job = unknown(room, snapshot_first(room))
    assert job.status == JobStatus.UNKNOWN
    room.snapshot(job.server)
    job = room.follow(job, every=2 * MINUTE)
    assert (job.status, Job.objects.count()) == (JobStatus.SUCCEEDED, 1)
    assert "come as a surprise" in last_line(job)


@pytest.mark.req("G7")
def test_right_that_was_lost_meanwhile_keeps_it_unsent(room: EngineRoom) -> None:
    first = snapshot_first(room)
    Membership.objects.filter(user=room.access.user).update(role="operator")
    second = room.submit(Job.objects.get(follows=done(room, first)))
    assert (second.status, second.code) == (JobStatus.FAILED, "not_allowed")
    assert [entry.operation for entry in room.sends(first.server)] == ["createSnapshot"]


@pytest.mark.req("G7")
def test_person_who_is_gone_has_nothing_done_for_them(room: EngineRoom) -> None:
    first = room.submit(snapshot_first(room))
    User.objects.filter(pk=room.access.user.pk).delete()
    first = room.follow(first, every=5 * SECOND)
    second = room.submit(Job.objects.get(follows=first))
    assert (first.status, second.code) == (JobStatus.SUCCEEDED, "not_allowed")


@pytest.mark.req("X3")
def test_nobody_can_have_follow_what_they_may_not_do(room: EngineRoom, operator: User) -> None:
    room.access = access_of(operator, room.access.team)
    with pytest.raises(PermissionDenied):
        snapshot_first(room)
    assert not Job.objects.exists()


@pytest.mark.req("G4")
@pytest.mark.parametrize(
    "other",
    [
        About({"name": "Another name"}),
        About(
            {"name": "A"}, follow_up=FollowUp("snapshot_restore", {"snapshot_id": "1", "snapshot_name": "B"})
        ),
    ],
)
def test_form_that_was_sent_twice_with_something_else_in_it_is_refused(
    room: EngineRoom, other: About
) -> None:
    server, token = Server.objects.earliest("pk"), uuid4()

    def click(about: About) -> Job:
        kind = KINDS["snapshot_create"]
        return services.job_create(room.access, server, kind, client_token=token, about=about)

    first = click(About({"name": "A"}))
    assert click(About({"name": "A"})) == first
    with pytest.raises(JobRefused, match="used for another job"):
        click(other)
