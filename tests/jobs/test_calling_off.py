"""Calling off what was to follow a job: until the moment in which it is asked for, and by whoever may ask for it."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from audit.heads import ChainBroken
from audit.models import AuditEvent, AuditHead, Outcome
from audit.verify import verify
from jobs import engine, services
from jobs.models import Job, JobEvent
from jobs.services import JobRefused
from jobs.states import MOVING, JobStatus
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeJob, MakeServer, MakeSnapshotFirst
from tests.support.engine_room import EngineRoom, access_of

pytestmark = [pytest.mark.django_db, pytest.mark.req("G7")]
SECOND = timedelta(seconds=1)
SAID = "“Restore snapshot” was to follow and is called off"

MakeFirst = Callable[..., Job]


@pytest.fixture
def access(admin: User, team: Team) -> Access:
    return access_of(admin, team)


@pytest.fixture
def make_first(team: Team, make_server: MakeServer, make_snapshot_first: MakeSnapshotFirst) -> MakeFirst:
    """`make_snapshot_first` on a server of its own."""
    return lambda *status, **fields: make_snapshot_first(make_server(team), *status, **fields)


def fresh(job: Job) -> Job:
    return Job.objects.select_related("server", "team").get(pk=job.pk)


def entries(job: Job) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=job.team_id, action="job.call_off"))


# --- The act ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", MOVING)
def test_calling_off_is_one_event_and_one_entry(access: Access, make_first: MakeFirst, status: str) -> None:
    job = make_first(status)
    services.follow_up_call_off(access, job)
    job = fresh(job)
    assert job.called_off_at is not None
    assert (job.status, job.called_off_by) == (status, access.user)
    event = job.events.latest("pk")
    assert (event.from_status, event.to_status, event.actor) == (status, status, access.user)
    assert event.message.startswith(SAID)
    (entry,) = entries(job)
    assert (entry.actor_id, entry.job_id, entry.outcome) == (access.user.pk, job.pk, Outcome.DONE)
    assert (entry.before, entry.after) == (
        {"follow_up": "snapshot_restore"},
        {"follow_up": None, "kind": "snapshot_create"},
    )
    assert job.changed_seq == job.team.cursor, "open pages are told"


@pytest.mark.req("A2")
def test_calling_off_that_cannot_be_audited_does_not_happen(access: Access, make_first: MakeFirst) -> None:
    job, other = make_first(), make_first()
    services.follow_up_call_off(access, other)
    AuditHead.objects.filter(pk=access.team.pk).update(sequence=0)
    with pytest.raises(ChainBroken):
        services.follow_up_call_off(access, job)
    assert fresh(job).called_off_at is None
    assert JobEvent.objects.filter(job=job).count() == 1


@pytest.mark.req("X1")
@pytest.mark.parametrize("who", ["viewer", "auditor", "operator"])
def test_calling_off_takes_the_right_to_what_was_to_follow(
    request: pytest.FixtureRequest, team: Team, make_first: MakeFirst, who: str
) -> None:
    """The operator made the snapshot; that somebody else may restore after it is not theirs to stop."""
    job = make_first()
    with pytest.raises(PermissionDenied, match="Restore snapshots"):
        services.follow_up_call_off(access_of(request.getfixturevalue(who), team), job)
    assert fresh(job).called_off_at is None
    assert AuditEvent.objects.get(chain=team.pk).action == "permission.deny"


def test_follow_up_of_a_kind_this_version_does_not_know_takes_the_larger_right(
    access: Access, operator: User, make_first: MakeFirst
) -> None:
    job = make_first(follow_up={"kind": "resize", "params": {}})
    with pytest.raises(PermissionDenied, match="Cancel anybody"):
        services.follow_up_call_off(access_of(operator, access.team), job)
    services.follow_up_call_off(access, job)
    assert "“Resize”" in job.events.latest("pk").message


def test_calling_off_twice_is_done_once(access: Access, owner: User, make_first: MakeFirst) -> None:
    job = make_first()
    stale = fresh(job)
    services.follow_up_call_off(access, job)
    services.follow_up_call_off(access_of(owner, access.team), stale)
    assert stale.called_off_by == access.user
    assert (len(entries(job)), job.events.count()) == (1, 2)


def test_job_that_nothing_was_to_follow_has_nothing_to_call_off(
    access: Access, make_first: MakeFirst
) -> None:
    job = make_first(follow_up=None)
    with pytest.raises(JobRefused, match="Nothing was to follow this job"):
        services.follow_up_call_off(access, job)
    assert entries(job) == []


@pytest.mark.parametrize("status", [each for each in JobStatus if each not in MOVING])
def test_follow_up_that_was_dropped_cannot_be_called_off(
    access: Access, make_first: MakeFirst, status: str
) -> None:
    """After a success that only late evidence shows, too; an unknown job asks for nothing any more."""
    job = make_first(status)
    with pytest.raises(JobRefused, match="the restore was dropped") as refused:
        services.follow_up_call_off(access, job)
    assert refused.value.live is None
    assert (fresh(job).called_off_at, entries(job), fresh(job).changed_seq) == (None, [], job.changed_seq)


@pytest.mark.parametrize(
    ("status", "more"), [("queued", r"\. It can be cancelled until it is sent\.$"), ("observing", r"\.$")]
)
def test_restore_that_was_requested_is_named(
    access: Access, make_first: MakeFirst, make_job: MakeJob, status: str, more: str
) -> None:
    job = make_first("succeeded")
    second = make_job(job.server, "snapshot_restore", status, follows=job)
    with pytest.raises(JobRefused, match=rf"Too late to call off: .* job #{second.pk}{more}") as refused:
        services.follow_up_call_off(access, job)
    assert (refused.value.live, entries(job)) == (second, [])


# --- What the engine makes of it --------------------------------------------------------------------------------


def snapshot_first(room: EngineRoom) -> Job:
    server = room.server()
    then = services.FollowUp(
        "snapshot_restore", {"snapshot_id": room.snapshot(server, "Older"), "snapshot_name": "Older"}
    )
    about = services.About({"name": "Just before"}, follow_up=then)
    return room.request(server, "snapshot_create", about)


@pytest.mark.parametrize("sent", [False, True])
def test_nothing_follows_what_was_called_off(room: EngineRoom, sent: bool) -> None:
    job = snapshot_first(room)
    job = room.submit(job) if sent else job
    services.follow_up_call_off(room.access, job)
    job = room.follow(job if sent else room.submit(job), every=5 * SECOND)
    assert (job.status, Job.objects.count()) == (JobStatus.SUCCEEDED, 1)
    assert [entry.operation for entry in room.sends(job.server)] == ["createSnapshot"]
    assert [event.message for event in job.events.all() if "to follow" in event.message] == [
        services.CALLED_OFF.format(what="Restore snapshot")
    ]
    assert verify(job.team_id).intact


def test_end_that_would_drop_it_says_nothing_more(access: Access, make_first: MakeFirst) -> None:
    job = make_first("queued")
    services.follow_up_call_off(access, job)
    services.job_cancel(access, job)
    assert job.events.latest("pk").message == "Cancelled before anything was sent."


def test_verdict_on_a_job_that_was_loaded_before_asks_for_nothing(
    access: Access, make_first: MakeFirst
) -> None:
    job = make_first()
    loaded = fresh(job)
    services.follow_up_call_off(access, job)
    engine.advance(loaded, JobStatus.SUCCEEDED)
    assert (loaded.status, Job.objects.count()) == (JobStatus.SUCCEEDED, 1)


def test_same_form_sent_again_is_still_the_same_job(room: EngineRoom) -> None:
    job = snapshot_first(room)
    services.follow_up_call_off(room.access, job)
    then = services.FollowUp(**job.follow_up)
    about = services.About(dict(job.params), follow_up=then)
    kind, token = services.KINDS[job.kind], job.client_token
    assert services.job_create(room.access, job.server, kind, client_token=token, about=about) == job


# --- At the same moment -----------------------------------------------------------------------------------------

Work = Callable[[], None]


def in_threads(*works: Work) -> list[Exception]:
    """Do these at once, each with a connection of its own; what they raised."""
    raised: list[Exception] = []

    def run(work: Work) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  (a thread's error would vanish; the test shows it)
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def succeed(job: Job) -> Work:
    return lambda: engine.advance(job, JobStatus.SUCCEEDED)


def call_off(access: Access, job: Job) -> Work:
    return lambda: services.follow_up_call_off(access, job)


def outcome(job: Job) -> tuple[bool, bool]:
    """Whether the restore was called off, and whether it was asked for."""
    return fresh(job).called_off_at is not None, Job.objects.filter(follows=job).exists()


def until(work: Work, begins: str, reached: threading.Event) -> Work:
    """Do `work` and say when it is about to write that, in its transaction that is not committed yet."""

    def tell(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(begins):
            reached.set()
        return execute(sql, *rest)

    def run() -> None:
        with connection.execute_wrapper(tell):
            work()

    return run


def once(reached: threading.Event, work: Work) -> Work:
    def run() -> None:
        assert reached.wait(timeout=120)
        work()

    return run


@pytest.mark.django_db(transaction=True)
def test_calling_off_while_the_restore_is_being_asked_for_is_too_late(
    access: Access, make_first: MakeFirst
) -> None:
    job, reached = make_first(), threading.Event()
    writes = until(succeed(fresh(job)), 'INSERT INTO "jobs_job"', reached)
    (refusal,) = in_threads(writes, once(reached, call_off(access, fresh(job))))
    assert "Too late to call off" in str(refusal)
    assert outcome(job) == (False, True)
    assert entries(job) == []
    assert verify(job.team_id).intact


@pytest.mark.django_db(transaction=True)
def test_verdict_while_it_is_being_called_off_asks_for_nothing(access: Access, make_first: MakeFirst) -> None:
    job, reached = make_first(), threading.Event()
    writes = until(call_off(access, fresh(job)), 'INSERT INTO "jobs_jobevent"', reached)
    assert in_threads(writes, once(reached, succeed(fresh(job)))) == []
    assert outcome(job) == (True, False)
    assert (fresh(job).status, len(entries(job))) == (JobStatus.SUCCEEDED, 1)
    assert verify(job.team_id).intact


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_first_it_is_never_both(access: Access, make_first: MakeFirst) -> None:
    """Ten jobs end while somebody calls off what was to follow each of them, all at once."""
    jobs = [make_first() for _ in range(10)]
    ends = [succeed(fresh(job)) for job in jobs]
    raised = in_threads(*ends, *(call_off(access, fresh(job)) for job in jobs))
    assert {type(error) for error in raised} <= {JobRefused}
    found = [outcome(job) for job in jobs]
    assert set(found) <= {(True, False), (False, True)}
    assert found.count((False, True)) == len(raised)
    assert verify(access.team.pk).intact


@pytest.mark.django_db(transaction=True)
def test_ten_people_at_once_call_it_off_once(access: Access, make_first: MakeFirst) -> None:
    job = make_first()
    assert in_threads(*(call_off(access, fresh(job)) for _ in range(10))) == []
    assert (len(entries(job)), job.events.count()) == (1, 2)
