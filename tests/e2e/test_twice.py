"""What people do that nobody planned: click twice, go back, come back late, look over an old tab."""

import re

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import BrowserContext, Page, expect

from audit.models import AuditEvent
from jobs.models import Job
from servers.models import ApiKey
from teams.models import User
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.support.engine_room import EngineRoom
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.processes]
SERVERS = "/t/north-ops/servers/"
JOB_PAGE = re.compile(r"/jobs/\d+/$")
SECRET = "demo-secret-that-nobody-sees"


@pytest.fixture
def window(url: str, room: EngineRoom, visitor: MakeVisitor) -> BrowserContext:
    """The browser of somebody who may power servers, and who knows their password."""
    person = room.access.user
    person.set_password(steps.PASSWORD)
    person.save()
    return visitor(person, url)


# --- Twice ----------------------------------------------------------------------------------------------


def test_double_click_is_one_job(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/jobs/new/power_on/")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name=re.compile("^Power on")).dblclick(no_wait_after=True)
    page.wait_for_url(JOB_PAGE)
    job = Job.objects.get()
    assert page.url.endswith(f"/jobs/{job.pk}/")
    assert posted
    room.follow(room.submit(job))
    assert [entry.operation for entry in room.sends(server)] == ["powerOn"]
    assert AuditEvent.objects.filter(action="job.request").count() == 1


def test_same_confirmation_sent_again_leads_to_the_same_job(window: BrowserContext, room: EngineRoom) -> None:
    """As by a reload of the answer, or a proxy that repeats the request: even after the job is long over."""
    server = room.server("STOPPED")
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/jobs/new/power_on/")
    address = page.url
    fields = page.locator("main form").evaluate("form => Object.fromEntries(new FormData(form))")
    page.get_by_role("button", name=re.compile("^Power on")).click()
    page.wait_for_url(JOB_PAGE)
    room.follow(room.submit(Job.objects.get()))
    again = page.request.post(address, form=fields, headers={"Referer": address})
    assert (again.status, again.url) == (200, page.url)
    assert Job.objects.count() == 1
    assert len(room.sends(server)) == 1


def test_old_tab_is_told_about_the_job_in_the_way(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    one, two = window.new_page(), window.new_page()
    for page in (one, two):
        page.goto(f"{SERVERS}{server.pk}/jobs/new/power_on/")
    one.get_by_role("button", name=re.compile("^Power on")).click()
    one.wait_for_url(JOB_PAGE)
    two.get_by_role("button", name=re.compile("^Power on")).click()
    expect(two.get_by_role("alert")).to_contain_text("“Power on” is in flight on this server")
    two.get_by_role("link", name="See that job").click()
    expect(two).to_have_url(one.url)
    assert Job.objects.count() == 1


# --- Back -----------------------------------------------------------------------------------------------


def test_going_back_to_the_confirmation_offers_nothing_to_send_again(
    window: BrowserContext, room: EngineRoom
) -> None:
    page = window.new_page()
    page.goto(f"{SERVERS}{room.server('STOPPED').pk}/jobs/new/power_on/")
    page.get_by_role("button", name=re.compile("^Power on")).click()
    page.wait_for_url(JOB_PAGE)
    page.go_back()
    expect(page.get_by_text("Not now")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Power on"))).to_have_count(0)


def test_key_that_was_refused_is_not_shown_again(url: str, owner: User, visitor: MakeVisitor) -> None:
    """Nobody answers at the address of this panel's upstream, so the key is refused and the form comes back."""
    page = visitor(owner, url).new_page()
    page.goto("/t/north-ops/api-keys/new/")
    steps.add_key(page, SECRET)
    expect(page.get_by_role("alert")).to_contain_text("The panel cannot reach Leaseweb.")
    expect(page.get_by_label("Name")).to_have_value("Main account")
    assert shows_no_secret(page)
    assert not ApiKey.objects.exists()


def test_key_that_was_typed_is_gone_when_one_comes_back(url: str, owner: User, visitor: MakeVisitor) -> None:
    page = visitor(owner, url).new_page()
    page.goto("/t/north-ops/api-keys/new/")
    page.get_by_label("API key", exact=True).fill(SECRET)
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_role("heading", name="API keys", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    assert shows_no_secret(page)


def shows_no_secret(page: Page) -> bool:
    values = page.locator("input").evaluate_all("all => all.map(each => each.value)")
    return SECRET not in page.content() and SECRET not in values


def test_nothing_is_left_to_see_after_signing_out(window: BrowserContext, room: EngineRoom) -> None:
    name = room.server("STOPPED").shown_name
    page = window.new_page()
    page.goto(SERVERS)
    expect(page.get_by_text(name)).to_be_visible()
    page.locator("summary[aria-label^=You]").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert name not in page.content()


# --- Late -----------------------------------------------------------------------------------------------


def test_expired_login_leads_over_the_login_page_back_to_the_list(
    window: BrowserContext, room: EngineRoom
) -> None:
    """A fragment for the middle of the page would bring the login form there; the whole page goes instead."""
    page = window.new_page()
    page.goto(SERVERS)
    Session.objects.all().delete()
    page.get_by_label("State").select_option("STOPPED")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    steps.log_in(page, email=room.access.user.email, password=steps.PASSWORD)
    page.wait_for_url(re.compile(f"{SERVERS}$"))
    expect(page.get_by_role("heading", name="Servers", exact=True)).to_be_visible()


def test_expired_login_of_a_page_that_follows_is_said_and_leads_back(
    window: BrowserContext, room: EngineRoom
) -> None:
    job = room.request(room.server("STOPPED"))
    page = window.new_page()
    page.goto(f"/t/north-ops/jobs/{job.pk}/")
    Session.objects.all().delete()
    page.get_by_role("link", name="Sign in again").click()
    steps.log_in(page, email=room.access.user.email, password=steps.PASSWORD)
    page.wait_for_url(JOB_PAGE)
    expect(page.locator(".outcome")).to_contain_text("waiting to be sent")


def test_click_after_the_login_expired_does_nothing_and_says_so(
    window: BrowserContext, room: EngineRoom
) -> None:
    """The click is not kept in a session and done later: whoever signs in sees the question again."""
    server = room.server("STOPPED")
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/jobs/new/power_on/")
    Session.objects.all().delete()
    page.get_by_role("button", name=re.compile("^Power on")).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    steps.log_in(page, email=room.access.user.email, password=steps.PASSWORD)
    expect(page.get_by_role("heading", name=re.compile("^Power on"))).to_be_visible()
    assert not Job.objects.exists()
    page.get_by_role("button", name=re.compile("^Power on")).click()
    page.wait_for_url(JOB_PAGE)
    wait_for(Job.objects.count, what="the job is there")
