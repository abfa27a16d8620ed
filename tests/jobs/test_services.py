"""What people ask of jobs: taken in one commit or refused with the reason, whoever clicks how often at once."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from audit.heads import ChainBroken
from audit.models import AuditEvent, AuditHead, Outcome
from audit.verify import verify
from jobs import engine, services
from jobs.kinds import KINDS
from jobs.models import Job, JobEvent
from jobs.services import JobRefused
from jobs.states import FINAL, LIVE, JobStatus
from servers.models import ApiKey, Server
from teams.access import Access
from teams.models import Team, User
from teams.permissions import Role
from tests.cast import MakeJob, MakePerson, MakeServer
from tests.support.engine_room import access_of

pytestmark = pytest.mark.django_db
POWER_ON, REBOOT = KINDS["power_on"], KINDS["reboot"]


@pytest.fixture
def access(operator: User, team: Team) -> Access:
    return access_of(operator, team)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team)


def click(access: Access, server: Server, token: uuid.UUID | None = None) -> Job:
    return services.job_create(access, server, POWER_ON, client_token=token or uuid.uuid4())


def entries(team: Team, action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=team.pk, action=action).order_by("sequence"))


def written(team: Team) -> tuple[int, int, int]:
    return Job.objects.count(), JobEvent.objects.count(), AuditEvent.objects.filter(chain=team.pk).count()


# --- Asking for a job -------------------------------------------------------------------------------------------


@pytest.mark.req("G1")
def test_click_is_one_job_one_event_and_one_entry(access: Access, server: Server) -> None:
    job = services.job_create(
        access, server, REBOOT, client_token=uuid.uuid4(), about=services.About({"a": 1})
    )
    assert (job.status, job.requested_by, job.requested_role, job.params) == (
        "queued",
        access.user,
        "operator",
        {"a": 1},
    )
    (event,) = job.events.all()
    assert (event.from_status, event.to_status, event.actor) == ("", "queued", access.user)
    (entry,) = entries(access.team, "job.request")
    assert (entry.job_id, entry.target_id, entry.target_label) == (job.pk, str(server.pk), server.shown_name)
    assert entry.after == {"kind": "reboot", "status": "queued", "again_of": None, "a": 1}
    job.refresh_from_db()
    assert REBOOT.expires - timedelta(minutes=1) < job.expires_at - job.created_at <= REBOOT.expires
    access.team.refresh_from_db()
    assert job.changed_seq == access.team.cursor


@pytest.mark.req("A2")
def test_click_whose_entry_cannot_be_written_is_not_taken(access: Access, server: Server) -> None:
    """No audit, no change: the head of the chain stands where an entry is already."""
    click(access, server)
    Job.objects.update(status=JobStatus.CANCELLED)
    AuditHead.objects.filter(pk=access.team.pk).update(sequence=0)
    before = written(access.team)
    with pytest.raises(ChainBroken):
        click(access, server)
    assert written(access.team) == before


@pytest.mark.req("G4")
def test_same_click_twice_is_the_same_job(access: Access, server: Server) -> None:
    token = uuid.uuid4()
    job = click(access, server, token)
    assert click(access, server, token) == job
    Job.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)
    assert click(access, server, token) == job, "also after it is over: the form was sent once more"
    assert written(access.team) == (1, 1, 1)


@pytest.mark.req("G4")
@pytest.mark.parametrize("status", LIVE)
def test_live_job_is_named_to_whoever_comes_second(
    access: Access, server: Server, make_job: MakeJob, status: str
) -> None:
    live = make_job(server, "reboot", status)
    with pytest.raises(JobRefused, match="“Reboot”") as refused:
        click(access, server)
    assert refused.value.live == live
    assert ("Settle" in str(refused.value)) == (status == JobStatus.UNKNOWN)
    assert written(access.team)[0] == 1


def test_live_job_of_a_kind_this_version_does_not_know_is_in_the_way(
    access: Access, server: Server, make_job: MakeJob
) -> None:
    Job.objects.filter(pk=make_job(server).pk).update(kind="resize")
    with pytest.raises(JobRefused, match="in flight"):
        click(access, server)


@pytest.mark.parametrize("status", FINAL)
def test_job_that_is_over_is_in_nobodys_way(
    access: Access, server: Server, make_job: MakeJob, status: str
) -> None:
    old = make_job(server, "reboot", status)
    job = services.job_create(
        access, server, REBOOT, client_token=uuid.uuid4(), about=services.About(again_of=old)
    )
    assert job.again_of == old
    assert entries(access.team, "job.request")[0].after["again_of"] == old.pk


@pytest.mark.req("X1")
@pytest.mark.parametrize("who", ["viewer", "auditor"])
def test_person_without_the_right_is_refused_and_audited(
    request: pytest.FixtureRequest, server: Server, team: Team, who: str
) -> None:
    access = access_of(request.getfixturevalue(who), team)
    with pytest.raises(PermissionDenied, match=f"Your role here is {who}"):
        click(access, server)
    assert (Job.objects.count(), JobEvent.objects.count()) == (0, 0)
    (entry,) = entries(team, "permission.deny")
    assert (entry.outcome, entry.actor_id, entry.target_id) == (
        Outcome.REFUSED,
        access.user.pk,
        str(server.pk),
    )


@pytest.mark.req("X2")
def test_server_of_another_team_is_out_of_reach(access: Access, foreign_server: Server) -> None:
    with pytest.raises(PermissionDenied):
        click(access, foreign_server)
    assert not Job.objects.exists()


@pytest.mark.req("X2")
def test_token_of_another_team_is_no_key_to_its_job(
    access: Access, server: Server, foreign_server: Server, make_job: MakeJob
) -> None:
    foreign = make_job(foreign_server)
    assert click(access, server, foreign.client_token).team == access.team


IMPOSSIBLE: dict[str, Callable[[Server], object]] = {
    "has not listed": lambda server: Server.objects.filter(pk=server.pk).update(gone_at=timezone.now()),
    "No API key": lambda server: Server.objects.filter(pk=server.pk).update(api_key=None),
}


@pytest.mark.parametrize("words", IMPOSSIBLE)
def test_server_that_cannot_be_reached_takes_no_job(access: Access, server: Server, words: str) -> None:
    IMPOSSIBLE[words](server)
    server.refresh_from_db()
    with pytest.raises(JobRefused, match=words):
        click(access, server)
    assert written(access.team) == (0, 0, 0)


def test_team_with_too_many_live_jobs_has_to_wait(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MOST_LIVE_PER_TEAM", 3)
    jobs = [make_job(make_server(team)) for _ in range(3)]
    with pytest.raises(JobRefused, match="3 jobs are in flight already"):
        click(access, make_server(team))
    Job.objects.filter(pk=jobs[0].pk).update(status=JobStatus.CANCELLED)
    assert click(access, make_server(team))


@pytest.mark.req("G1")
@pytest.mark.req("G6")
def test_click_without_a_broker_is_taken_and_rung_by_the_next_tick(
    access: Access,
    server: Server,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.TIME_SCALE = 0.01  # so that a moment is a long time
    with django_capture_on_commit_callbacks(execute=True) as rung:
        job = click(access, server)
    assert len(rung) == 1
    assert "no broker" in caplog.text
    assert engine.tick().submits == (), "it was rung a moment ago"
    Job.objects.update(rung_at=job.created_at - timedelta(hours=1))
    assert engine.tick().submits == (job.pk,)


@pytest.mark.req("G1")
def test_click_that_is_rolled_back_rings_nobody(
    access: Access, server: Server, make_job: MakeJob, django_capture_on_commit_callbacks: Any
) -> None:
    make_job(server)
    with django_capture_on_commit_callbacks(execute=True) as rung, pytest.raises(JobRefused):
        click(access, server)
    assert rung == []


def test_key_that_is_paused_does_not_keep_people_from_clicking(access: Access, server: Server) -> None:
    """Clicks queue while Leaseweb is down; the time within which they must be sent runs."""
    ApiKey.objects.update(paused_until=timezone.now() + timedelta(minutes=5), health=ApiKey.Health.FAILING)
    assert click(access, server).status == JobStatus.QUEUED


# --- Many at once -----------------------------------------------------------------------------------------------

CLICKS = 50


def at_once(works: list[Callable[[], Job]]) -> tuple[list[Job], list[JobRefused], list[Exception]]:
    """Start all at the same moment, each with a connection of its own; the jobs, the refusals, and what else came."""
    jobs: list[Job] = []
    refused: list[JobRefused] = []
    errors: list[Exception] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Job]) -> None:
        start.wait(timeout=120)
        try:
            jobs.append(work())
        except JobRefused as error:
            refused.append(error)
        except Exception as error:  # noqa: BLE001  (a thread's error would vanish; the test shows it)
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return jobs, refused, errors


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("G4")
def test_fifty_clicks_on_one_server_are_one_job(access: Access, server: Server) -> None:
    jobs, refused, errors = at_once([lambda: click(access, server)] * CLICKS)
    assert errors == []
    assert (len(jobs), len(refused)) == (1, CLICKS - 1)
    assert {error.live for error in refused} == set(jobs)
    assert written(access.team) == (1, 1, 1)
    assert verify(access.team.pk).intact


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("G4")
def test_fifty_times_the_same_click_are_one_job_with_one_id(access: Access, server: Server) -> None:
    token = uuid.uuid4()
    jobs, refused, errors = at_once([lambda: click(access, server, token)] * CLICKS)
    assert (errors, refused) == ([], [])
    assert (len(jobs), len({job.pk for job in jobs})) == (CLICKS, 1)
    assert written(access.team) == (1, 1, 1)


@pytest.mark.req("G4")
def test_click_that_finds_itself_in_the_way_is_the_same_job(
    access: Access, server: Server, make_job: MakeJob
) -> None:
    """The twin of the request commits between our look for it and our look for what is in the way."""
    token, twin = uuid.uuid4(), list[Job]()

    def overtake(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "COUNT(" in sql and not twin:
            twin.append(make_job(server, client_token=token, requested_by=access.user))
        return execute(sql, *rest)

    with connection.execute_wrapper(overtake):
        job = click(access, server, token)
    assert [job] == twin


# --- Taking a click back ----------------------------------------------------------------------------------------


@pytest.mark.req("A1")
def test_own_queued_job_is_cancelled_and_audited(access: Access, server: Server) -> None:
    job = click(access, server)
    services.job_cancel(access, job)
    job.refresh_from_db()
    assert (job.status, job.code) == (JobStatus.CANCELLED, "cancelled")
    assert job.finished_at is not None
    (entry,) = entries(access.team, "job.cancel")
    assert (entry.actor_id, entry.job_id, entry.outcome) == (access.user.pk, job.pk, Outcome.DONE)
    assert (entry.before["status"], entry.after["status"]) == ("queued", "cancelled")


def test_job_of_somebody_else_takes_the_larger_right(
    access: Access, server: Server, admin: User, make_person: MakePerson
) -> None:
    job = click(access, server)
    colleague = access_of(make_person("Olga", access.team, Role.OPERATOR), access.team)
    with pytest.raises(PermissionDenied, match="Cancel anybody"):
        services.job_cancel(colleague, job)
    services.job_cancel(access_of(admin, access.team), job)
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


@pytest.mark.parametrize("status", [status for status in JobStatus if status != JobStatus.QUEUED])
def test_job_that_was_sent_or_is_over_cannot_be_cancelled(
    access: Access, server: Server, make_job: MakeJob, status: str
) -> None:
    job = make_job(server, status=status, requested_by=access.user)
    with pytest.raises(JobRefused, match="Too late to cancel"):
        services.job_cancel(access, job)
    assert Job.objects.get(pk=job.pk).status == status
    assert entries(access.team, "job.cancel") == []


def test_stale_page_cannot_cancel_what_is_being_sent(access: Access, server: Server) -> None:
    loaded = click(access, server)
    engine.advance(Job.objects.select_related("server").get(pk=loaded.pk), JobStatus.SENDING)
    with pytest.raises(JobRefused, match="Too late"):
        services.job_cancel(access, loaded)
