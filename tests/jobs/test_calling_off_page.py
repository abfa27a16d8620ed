"""The page of a job that something is to follow: calling that off, and what everybody is told about it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from jobs import services
from jobs.models import Job
from jobs.states import MOVING, JobStatus
from servers.models import Server
from teams.access import Access
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer, MakeSnapshotFirst
from tests.support.engine_room import access_of
from tests.support.pages import text_of

pytestmark = pytest.mark.req("G7")
SAID = "“Restore snapshot” was to follow and is called off"
MakeFirst = Callable[..., Job]


@pytest.fixture
def access(admin: User, team: Team) -> Access:
    return access_of(admin, team)


@pytest.fixture
def make_first(team: Team, make_server: MakeServer, make_snapshot_first: MakeSnapshotFirst) -> MakeFirst:
    """`make_snapshot_first` on a server of its own."""
    return lambda *status, **fields: make_snapshot_first(make_server(team), *status, **fields)


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    return client_of(admin)


def called_off(job: Job) -> bool:
    return Job.objects.get(pk=job.pk).called_off_at is not None


def address(job: Job, act: str = "") -> str:
    return f"/t/north-ops/jobs/{job.pk}/{act}"


@pytest.mark.parametrize("status", JobStatus.values)
def test_page_offers_it_as_long_as_the_restore_may_follow(
    browser: Client, make_first: MakeFirst, status: str
) -> None:
    job = make_first(status)
    page = browser.get(address(job)).content.decode()
    assert (f'action="{address(job, "call-off/")}"' in page) is (status in MOVING)
    assert ("Call off the restore" in page) is (status in MOVING)


def test_page_says_what_happened_by_whom_and_offers_it_no_more(
    browser: Client, make_first: MakeFirst
) -> None:
    job = make_first()
    answer = browser.post(address(job, "call-off/"), follow=True)
    assert answer.redirect_chain == [(address(job), 302)]
    shown = text_of(answer.content)
    assert "The restore is called off. The new snapshot goes on." in shown
    assert (
        "Called off: Restore snapshot “ Before upgrade ” was to follow. Adam Admin adam.admin@example.com called it off"
        in shown
    )
    assert SAID in shown
    assert "Call off the restore" not in shown
    trail = text_of(browser.get("/t/north-ops/audit/").content)
    assert f"called off what was to follow a job {job.server.shown_name} {SAID}" in trail


def test_page_is_the_same_once_whoever_called_it_off_has_left(
    browser: Client, owner: User, make_first: MakeFirst
) -> None:
    job = make_first()
    services.follow_up_call_off(access_of(owner, job.team), job)
    owner.delete()
    assert "somebody who left called it off" in text_of(browser.get(address(job)).content)


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_page_says_why_somebody_may_not_call_it_off(
    request: pytest.FixtureRequest, client_of: ClientOf, make_first: MakeFirst, who: str
) -> None:
    job, browser = make_first(), client_of(request.getfixturevalue(who))
    page = browser.get(address(job)).content
    assert "Call off the restore Your role here is" in text_of(page)
    assert b"/call-off/" not in page
    assert browser.post(address(job, "call-off/")).status_code == 403
    assert not called_off(job)


def test_second_click_says_the_same_and_changes_nothing(browser: Client, make_first: MakeFirst) -> None:
    job = make_first()
    browser.post(address(job, "call-off/"), follow=True)
    Job.objects.filter(pk=job.pk).update(status="succeeded")
    shown = text_of(browser.post(address(job, "call-off/"), follow=True).content)
    assert "The restore is called off." in shown
    assert "goes on." not in shown.split("What happened")[0], "it is over by now"
    assert AuditEvent.objects.filter(action="job.call_off").count() == 1


def test_click_that_comes_too_late_leads_to_the_restore(
    browser: Client, make_first: MakeFirst, make_job: MakeJob
) -> None:
    job = make_first("succeeded")
    second = make_job(job.server, "snapshot_restore", follows=job)
    answer = browser.post(address(job, "call-off/"), follow=True)
    assert answer.redirect_chain == [(address(second), 302)]
    assert f"Too late to call off: the restore was requested as job #{second.pk}." in text_of(answer.content)
    assert f'action="{address(second, "cancel/")}"' in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"follow_up": None}, "Nothing was to follow this job."),
        ({"status": "failed"}, "the restore was dropped"),
    ],
)
def test_click_on_an_old_page_is_told_that_nothing_is_left(
    browser: Client, make_first: MakeFirst, fields: dict[str, Any], says: str
) -> None:
    job = make_first(**fields)
    answer = browser.post(address(job, "call-off/"), follow=True)
    assert answer.redirect_chain == [(address(job), 302)]
    assert says in text_of(answer.content)


@pytest.mark.req("X9")
def test_only_a_post_with_a_token_calls_it_off(browser: Client, admin: User, make_first: MakeFirst) -> None:
    job, strict = make_first(), Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    assert browser.get(address(job, "call-off/")).status_code == 405
    assert strict.post(address(job, "call-off/")).status_code == 403
    assert not called_off(job)


@pytest.mark.req("X2")
def test_job_of_another_team_is_not_there(
    browser: Client, foreign_server: Server, make_snapshot_first: MakeSnapshotFirst
) -> None:
    job = make_snapshot_first(foreign_server)
    assert browser.post(address(job, "call-off/")).status_code == 404
    assert not called_off(job)


def test_open_page_of_somebody_else_is_told(browser: Client, access: Access, make_first: MakeFirst) -> None:
    job = make_first()
    since = job.changed_seq
    services.follow_up_call_off(access, job)
    query = {"since": since, "page": "job", "ids": str(job.pk), "shown": job.status}
    answer = browser.get("/t/north-ops/changes/", query)
    assert "Adam Admin adam.admin@example.com called it off" in text_of(answer.content)
    assert b"/call-off/" not in answer.content


@pytest.mark.parametrize(("called_off", "kind"), [(False, "snapshot_restore"), (True, "snapshot_create")])
def test_doing_it_again_asks_for_what_is_still_wanted(
    browser: Client, access: Access, make_first: MakeFirst, called_off: bool, kind: str
) -> None:
    job = make_first("queued")
    if called_off:
        services.follow_up_call_off(access, job)
    services.job_cancel(access, job)
    again = f"/t/north-ops/servers/{job.server_id}/jobs/new/{kind}/?again={job.pk}"
    assert f'href="{again}"' in browser.get(address(job)).content.decode()
