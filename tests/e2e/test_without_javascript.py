"""The panel with JavaScript switched off: forms, links and reloading do everything. The engine is played by hand."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Job
from jobs.services import FollowUp
from teams.models import Membership, User
from tests.cast import MakeJob
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.fixture
def page(url: str, visitor: MakeVisitor, operator: User) -> Page:
    """The list of servers, reached through the login page."""
    operator.set_password(steps.PASSWORD)
    operator.save()
    page = visitor(url=url, java_script_enabled=False).new_page()
    page.goto("/t/north-ops/servers/")
    steps.log_in(page, email=operator.email, password=steps.PASSWORD)
    expect(page.get_by_role("heading", name="Servers", exact=True)).to_be_visible()
    return page


def expect_status(page: Page, status: str) -> None:
    """What the page of a job says once it is loaded again."""
    page.reload()
    expect(page.locator(".outcome .status")).to_have_class(re.compile(f"status-{status}$"))


def test_power_on_is_followed_by_reloading(page: Page, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    page.reload()
    steps.open_server(page, server.upstream_id)
    steps.confirm(page, "Power on")
    expect_status(page, "queued")
    expect(page.locator("noscript p")).to_contain_text("reload to see what is new")
    job = room.submit(Job.objects.get())
    expect_status(page, "observing")
    room.follow(job)
    expect_status(page, "succeeded")
    expect(page.locator("noscript p")).to_have_count(0)
    assert [entry.operation for entry in room.sends(server)] == ["powerOn"]


def test_queued_job_is_cancelled_and_never_sent(page: Page, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    page.reload()
    steps.open_server(page, server.upstream_id)
    steps.confirm(page, "Power on")
    page.get_by_role("button", name="Cancel this job").click()
    expect(page.get_by_text("The job is cancelled. Nothing was sent.")).to_be_visible()
    expect_status(page, "cancelled")
    room.submit(Job.objects.get())
    assert room.sends(server) == []


def test_restore_is_called_off_while_its_snapshot_is_made(
    page: Page, room: EngineRoom, operator: User
) -> None:
    Membership.objects.filter(user=operator).update(role="admin")
    older = {"snapshot_id": room.snapshot(room.server(), "Older"), "snapshot_name": "Older"}
    then = FollowUp("snapshot_restore", older)
    job = room.submit(room.click("snapshot_create", then))
    page.goto(f"/t/north-ops/jobs/{job.pk}/")
    page.get_by_role("button", name="Call off the restore").click()
    expect(page.get_by_text("The restore is called off. The new snapshot goes on.")).to_be_visible()
    expect(page.locator(".outcome")).to_contain_text("otto.operator@example.com called it off")
    expect(page.get_by_role("button", name="Call off the restore")).to_have_count(0)
    room.follow(job, every=timedelta(seconds=5))
    expect_status(page, "succeeded")
    assert [entry.operation for entry in room.sends(job.server)] == ["createSnapshot"]


def test_unknown_job_is_settled_with_a_reason(page: Page, room: EngineRoom, make_job: MakeJob) -> None:
    job = make_job(room.server("STOPPED"), status="unknown", requested_by=room.access.user)
    page.goto(f"/t/north-ops/jobs/{job.pk}/")
    page.get_by_role("button", name="Settle").click()
    page.get_by_role("radio", name="It happened").check()
    page.get_by_label("How do you know?").fill("no")
    page.get_by_role("button", name="Settle").click()
    expect(page.get_by_label("How do you know?")).to_have_value("no")
    page.get_by_label("How do you know?").fill("uptime on it says 4 minutes")
    page.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("The job is settled")).to_be_visible()
    expect_status(page, "resolved")
    expect(page.locator(".timeline")).to_contain_text("uptime on it says 4 minutes")
    assert Job.objects.get().resolution == "happened"


def test_filters_apply_by_button(page: Page, room: EngineRoom) -> None:
    stopped = room.server("STOPPED")
    page.reload()
    page.get_by_label("State").select_option("STOPPED")
    page.get_by_role("button", name="Apply").click()
    expect(steps.row_of(page, stopped.upstream_id)).to_be_visible()
    assert "state=STOPPED" in page.url


def test_theme_is_kept_and_signing_out_ends_it(page: Page, operator: User) -> None:
    page.locator("details.menu summary[aria-label^=You]").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("details.menu summary[aria-label^=You]").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/t/north-ops/servers/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_expired_job_can_be_asked_for_again(page: Page, room: EngineRoom, make_job: MakeJob) -> None:
    old = make_job(room.server("STOPPED"), status="expired", requested_by=room.access.user)
    page.goto(f"/t/north-ops/jobs/{old.pk}/")
    page.get_by_role("link", name="Do it again").click()
    page.get_by_role("button", name=re.compile("^Power on")).click()
    expect(page.get_by_role("link", name=f"job #{old.pk}")).to_be_visible()
    new = Job.objects.get(again_of=old)
    assert new.status == "queued"
    assert new.expires_at > old.created_at + timedelta(minutes=1)
