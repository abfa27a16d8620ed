"""Cancelling and settling a job."""

import pytest
from django.test import Client

from audit.models import AuditEvent
from jobs.models import Job
from jobs.states import JobStatus
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer
from tests.support.pages import text_of

FOUND = {"resolution": "happened", "reason": "uptime says 4 minutes"}


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


@pytest.fixture
def queued(team: Team, operator: User, make_server: MakeServer, make_job: MakeJob) -> Job:
    return make_job(make_server(team), "reboot", "queued", requested_by=operator)


@pytest.fixture
def unknown(team: Team, operator: User, make_server: MakeServer, make_job: MakeJob) -> Job:
    return make_job(make_server(team), "reboot", "unknown", requested_by=operator)


def url(job: Job, act: str) -> str:
    return f"/t/north-ops/jobs/{job.pk}/{act}/"


def status(job: Job) -> str:
    return Job.objects.get(pk=job.pk).status


# --- Cancel ----------------------------------------------------------------------------------------------------


def test_job_cancel_takes_a_queued_job_back(browser: Client, queued: Job) -> None:
    page = browser.post(url(queued, "cancel"), follow=True)
    assert page.redirect_chain == [(f"/t/north-ops/jobs/{queued.pk}/", 302)]
    assert "The job is cancelled. Nothing was sent." in text_of(page.content)
    assert status(queued) == "cancelled"
    assert AuditEvent.objects.get(chain=queued.team_id).action == "job.cancel"


@pytest.mark.parametrize("late", [each for each in JobStatus.values if each != "queued"])
def test_job_cancel_comes_too_late_once_it_is_sent(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob, late: str
) -> None:
    job = make_job(make_server(team), "reboot", late, requested_by=operator)
    page = browser.post(url(job, "cancel"), follow=True)
    assert "Too late to cancel" in text_of(page.content)
    assert status(job) == late


def test_job_cancel_of_somebody_elses_job_is_for_admins(
    browser: Client, client_of: ClientOf, team: Team, admin: User, owner: User, queued: Job
) -> None:
    Job.objects.update(requested_by=owner)
    assert browser.post(url(queued, "cancel")).status_code == 403
    assert status(queued) == "queued"
    assert client_of(admin).post(url(queued, "cancel")).status_code == 302
    assert status(queued) == "cancelled"


# --- Settle ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", ["happened", "did_not"])
def test_job_settle_ends_an_unknown_job(browser: Client, unknown: Job, resolution: str) -> None:
    page = browser.post(url(unknown, "settle"), {**FOUND, "resolution": resolution}, follow=True)
    assert page.redirect_chain == [(f"/t/north-ops/jobs/{unknown.pk}/", 302)]
    assert "The job is settled" in text_of(page.content)
    job = Job.objects.get()
    assert (job.status, job.resolution) == ("resolved", resolution)
    assert "uptime says 4 minutes" in AuditEvent.objects.get(action="job.resolve").reason


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ({"resolution": "happened", "reason": "no"}, "at least 5 characters"),
        ({"resolution": "happened"}, "This field is required."),
        ({"reason": "long enough"}, "Say whether it happened."),
        ({"resolution": "maybe", "reason": "long enough"}, "maybe is not one of"),
    ],
)
def test_job_settle_complains_in_place_and_keeps_what_was_typed(
    browser: Client, unknown: Job, sent: dict[str, str], complaint: str
) -> None:
    page = browser.post(url(unknown, "settle"), sent)
    assert page.status_code == 422
    assert complaint in text_of(page.content)
    assert sent.get("reason", "") in page.content.decode()
    assert status(unknown) == "unknown"


def test_job_settle_comes_too_late_when_the_outcome_became_known(browser: Client, unknown: Job) -> None:
    Job.objects.update(status="succeeded")
    page = browser.post(url(unknown, "settle"), FOUND, follow=True)
    assert "needs no settling any more" in text_of(page.content)
    assert status(unknown) == "succeeded"


def test_job_settle_happens_once(browser: Client, unknown: Job) -> None:
    for _ in range(2):
        browser.post(url(unknown, "settle"), FOUND)
    assert AuditEvent.objects.filter(action="job.resolve").count() == 1


# --- The same for both -----------------------------------------------------------------------------------------

ACTS = [("cancel", "queued"), ("settle", "unknown")]


@pytest.mark.parametrize(("act", "fixture"), ACTS)
def test_job_act_refuses_other_methods(
    browser: Client, act: str, fixture: str, request: pytest.FixtureRequest
) -> None:
    job = request.getfixturevalue(fixture)
    assert browser.get(url(job, act)).status_code == 405
    assert status(job) == fixture


@pytest.mark.parametrize(("act", "fixture"), ACTS)
@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_job_act_is_not_for_readers(
    client_of: ClientOf, act: str, fixture: str, role: str, request: pytest.FixtureRequest
) -> None:
    job, person = request.getfixturevalue(fixture), request.getfixturevalue(role)
    page = client_of(person).post(url(job, act), FOUND)
    assert page.status_code == 403
    assert "Your role here is" in text_of(page.content)
    assert status(job) == fixture


@pytest.mark.parametrize(("act", "fixture"), ACTS)
def test_job_act_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, act: str, fixture: str, request: pytest.FixtureRequest
) -> None:
    job = request.getfixturevalue(fixture)
    assert client_of(outsider).post(url(job, act), FOUND).status_code == 404
    assert status(job) == fixture


@pytest.mark.parametrize(("act", "fixture"), ACTS)
def test_job_act_on_a_job_of_another_team_is_404(
    client_of: ClientOf, owner: User, foreign_server: object, make_job: MakeJob, act: str, fixture: str
) -> None:
    job = make_job(foreign_server, "reboot", fixture)  # type: ignore[arg-type]
    assert client_of(owner).post(url(job, act), FOUND).status_code == 404
    assert status(job) == fixture
