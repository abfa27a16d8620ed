"""A person says what became of a job whose outcome the API never showed."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import AuditEvent
from jobs import engine, services
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.services import JobRefused
from jobs.states import JobStatus, Resolution
from servers.models import Server
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeJob, MakeServer
from tests.support.engine_room import access_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def access(operator: User, team: Team) -> Access:
    return access_of(operator, team)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team)


def entries(team: Team, action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=team.pk, action=action).order_by("sequence"))


@pytest.mark.parametrize("resolution", [Resolution.HAPPENED, Resolution.DID_NOT])
def test_person_settles_an_unknown_job_with_a_reason(
    access: Access, server: Server, make_job: MakeJob, resolution: Resolution
) -> None:
    job = make_job(server, "reboot", "unknown")
    services.job_settle(access, job, resolution, reason="uptime says 4 minutes")
    job.refresh_from_db()
    assert (job.status, job.resolution) == (JobStatus.RESOLVED, resolution)
    assert "uptime says 4 minutes" in job.message
    (entry,) = entries(access.team, "job.resolve")
    assert entry.actor_id == access.user.pk
    assert "uptime says 4 minutes" in entry.reason
    again = services.job_create(
        access, server, KINDS["reboot"], client_token=uuid.uuid4(), about=services.About(again_of=job)
    )
    assert again.status == JobStatus.QUEUED, "the server is free again"


@pytest.mark.parametrize(
    ("role", "kind", "may"),
    [
        ("viewer", "reboot", False),
        ("auditor", "power_on", False),
        ("operator", "reboot", True),
        ("operator", "reinstall", False),
        ("admin", "reboot", True),
        ("admin", "reinstall", True),
        ("owner", "a kind of the future", True),
    ],
)
def test_settling_takes_the_right_for_that_kind(
    request: pytest.FixtureRequest,
    server: Server,
    team: Team,
    make_job: MakeJob,
    role: str,
    kind: str,
    may: bool,
) -> None:
    access, job = access_of(request.getfixturevalue(role), team), make_job(server, "reboot", "unknown")
    Job.objects.filter(pk=job.pk).update(kind=kind)
    job.refresh_from_db()
    if may:
        services.job_settle(access, job, Resolution.HAPPENED, reason="looked at it")
    else:
        with pytest.raises(PermissionDenied):
            services.job_settle(access, job, Resolution.HAPPENED, reason="looked at it")
        assert len(entries(team, "permission.deny")) == 1
    assert Job.objects.get(pk=job.pk).status == (JobStatus.RESOLVED if may else JobStatus.UNKNOWN)


@pytest.mark.parametrize("status", [status for status in JobStatus if status != JobStatus.UNKNOWN])
def test_job_with_a_known_outcome_needs_no_settling(
    access: Access, server: Server, make_job: MakeJob, status: str
) -> None:
    job = make_job(server, "reboot", status)
    with pytest.raises(JobRefused, match="needs no settling"):
        services.job_settle(access, job, Resolution.HAPPENED, reason="looked at it")
    assert Job.objects.get(pk=job.pk).status == status


def test_evidence_that_came_first_wins_over_a_person(
    access: Access, server: Server, make_job: MakeJob
) -> None:
    loaded = make_job(server, "reboot", "unknown")
    engine.advance(Job.objects.select_related("server").get(pk=loaded.pk), JobStatus.SUCCEEDED)
    with pytest.raises(JobRefused, match="became known meanwhile"):
        services.job_settle(access, loaded, Resolution.DID_NOT, reason="looked at it")
    assert Job.objects.get(pk=loaded.pk).status == JobStatus.SUCCEEDED
