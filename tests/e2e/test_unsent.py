"""What was not sent is said, and what was typed for it is still there: after a sign-in, a refusal, no answer at all."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from jobs.models import Job
from servers.models import ApiKey, Server
from teams.models import User
from tests.cast import MakeJob, MakeServer
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor, sign_in
from tests.support.chromium import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.processes]
SECRET = "demo-secret-that-nobody-sees"
# As if what is kept had been typed so many milliseconds earlier.
OLDER = """(by) => {
  const kept = JSON.parse(sessionStorage.getItem("typed"));
  sessionStorage.setItem("typed", JSON.stringify({...kept, at: kept.at - by}));
}"""
SURELY, PERHAPS = re.compile("^This was not sent"), re.compile("may or may not have been done")


@pytest.fixture
def person(admin: User) -> User:
    admin.set_password(steps.PASSWORD)
    admin.save()
    return admin


@pytest.fixture
def page(url: str, person: User, visitor: MakeVisitor) -> Page:
    return visitor(person, url).new_page()


@pytest.fixture
def troubled(url: str, person: User, browser: Browser) -> Iterator[Page]:
    """A page whose browser may complain: what the panel does about a failure is the question here."""
    context: BrowserContext = browser.new_context(base_url=url, locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    sign_in(context, person, url)
    yield context.new_page()
    context.close()


@pytest.fixture
def server(person: User, make_server: MakeServer) -> Server:
    return make_server(person.teams.get())


def told(page: Page) -> Locator:
    return page.locator("#told")


def sign_in_again(page: Page, person: User) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    steps.log_in(page, email=person.email, password=steps.PASSWORD)


# --- The session is over ------------------------------------------------------------------------------------


def test_note_survives_a_session_that_is_over(page: Page, person: User, server: Server) -> None:
    page.goto(f"/t/north-ops/servers/{server.pk}/note/")
    page.get_by_role("textbox").fill("Ask Anna first.\nReally.")
    Session.objects.all().delete()
    page.get_by_role("button", name="Keep the note").click()
    sign_in_again(page, person)
    page.wait_for_url(f"**/servers/{server.pk}/note/")
    expect(told(page)).to_have_text(SURELY)
    expect(page.get_by_role("textbox")).to_have_value("Ask Anna first.\nReally.")
    server.refresh_from_db()
    assert server.note == "", "nothing is sent by itself"
    page.get_by_role("button", name="Keep the note").click()
    page.wait_for_url(f"**/servers/{server.pk}/")
    server.refresh_from_db()
    assert server.note.splitlines() == ["Ask Anna first.", "Really."]
    page.goto(f"/t/north-ops/servers/{server.pk}/note/")
    expect(told(page)).to_be_empty()


def test_form_that_has_no_page_of_its_own_leads_back_to_where_it_stands(
    page: Page, person: User, server: Server, make_job: MakeJob
) -> None:
    job = make_job(server, status="unknown")
    page.goto(f"/t/north-ops/jobs/{job.pk}/")
    page.get_by_label("It did not happen").check()
    page.get_by_label("How do you know?").fill("The console says so.")
    Session.objects.all().delete()
    page.get_by_role("button", name="Settle", exact=True).click()
    sign_in_again(page, person)
    page.wait_for_url(f"**/jobs/{job.pk}/")
    expect(page.get_by_label("How do you know?")).to_have_value("The console says so.")
    expect(page.get_by_label("It did not happen")).to_be_checked()
    assert Job.objects.get().status == "unknown"


def test_form_in_place_is_opened_once_more(page: Page, person: User, server: Server) -> None:
    start_renaming(page, server, "shop front")
    Session.objects.all().delete()
    page.keyboard.press("Enter")
    sign_in_again(page, person)
    page.wait_for_url("**/t/north-ops/servers/")
    expect(steps.row_of(page, server.upstream_id).get_by_role("textbox")).to_have_value("shop front")
    expect(told(page)).to_have_text(SURELY)


def test_secret_is_kept_nowhere(page: Page, person: User) -> None:
    page.goto("/t/north-ops/api-keys/new/")
    Session.objects.all().delete()
    steps.add_key(page, SECRET)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    kept = page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "Main account" in kept
    assert SECRET not in kept
    sign_in_again(page, person)
    expect(page.get_by_label("Name")).to_have_value("Main account")
    expect(page.get_by_label("API key", exact=True)).to_have_value("")
    assert not ApiKey.objects.exists()


def test_typed_text_is_shown_to_nobody_else(page: Page, owner: User, server: Server) -> None:
    owner.set_password(steps.PASSWORD)
    owner.save()
    page.goto(f"/t/north-ops/servers/{server.pk}/note/")
    page.get_by_role("textbox").fill("Mine alone")
    Session.objects.all().delete()
    page.get_by_role("button", name="Keep the note").click()
    sign_in_again(page, owner)
    page.wait_for_url(f"**/servers/{server.pk}/note/")
    expect(page.get_by_role("textbox")).to_have_value("")


def test_typed_text_is_kept_for_half_an_hour(page: Page, person: User, server: Server) -> None:
    page.goto(f"/t/north-ops/servers/{server.pk}/note/")
    page.get_by_role("textbox").fill("Long ago")
    Session.objects.all().delete()
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.evaluate(OLDER, 31 * 60 * 1000)
    sign_in_again(page, person)
    page.wait_for_url(f"**/servers/{server.pk}/note/")
    expect(page.get_by_role("textbox")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('typed')") is None


def test_rotated_token_of_a_whole_page_leads_back_with_what_was_typed(page: Page, server: Server) -> None:
    page.goto(f"/t/north-ops/servers/{server.pk}/note/")
    page.get_by_role("textbox").fill("Ask Anna first.")
    rotate(page)
    page.get_by_role("button", name="Keep the note").click()
    page.get_by_role("link", name="Back to the page").click()
    expect(told(page)).to_have_text(SURELY)
    expect(page.get_by_role("textbox")).to_have_value("Ask Anna first.")


def test_going_back_from_a_page_that_failed_finds_the_text_and_says_to_look_first(
    troubled: Page, server: Server
) -> None:
    page = troubled
    page.goto(f"/t/north-ops/servers/{server.pk}/note/")
    page.get_by_role("textbox").fill("Ask Anna first.")
    page.route("**/note/", broken, times=1)
    page.get_by_role("button", name="Keep the note").click()
    expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    page.evaluate("history.back()")
    page.wait_for_url(f"**/servers/{server.pk}/note/")
    expect(told(page)).to_contain_text("This may have been sent: look first.")
    expect(page.get_by_role("textbox")).to_have_value("Ask Anna first.")


# --- htmx gets no answer that it can use ------------------------------------------------------------------------


def rotate(page: Page) -> None:
    """As a sign-in in another tab does."""
    page.context.clear_cookies(name=re.compile("csrf"))
    page.request.get("/profile/")


def start_renaming(page: Page, server: Server, name: str) -> Locator:
    page.goto("/t/north-ops/servers/")
    page.get_by_role("link", name=f"Rename {server.shown_name}").click()
    field = steps.row_of(page, server.upstream_id).get_by_role("textbox")
    field.fill(name)
    return field


def test_rotated_token_in_place_is_said_and_the_text_survives_a_reload(
    troubled: Page, server: Server
) -> None:
    page = troubled
    field = start_renaming(page, server, "shop front")
    rotate(page)
    field.press("Enter")
    expect(told(page)).to_contain_text("Not sent.")
    expect(field).to_have_value("shop front")
    page.get_by_role("button", name="Reload").click()
    expect(told(page)).to_have_text(SURELY)
    expect(steps.row_of(page, server.upstream_id).get_by_role("textbox")).to_have_value("shop front")


def broken(route: Route) -> None:
    route.fulfill(status=500, body="<h1>Something went wrong</h1>")


FAILURES: dict[str, Callable[[Route], None]] = {"500": broken, "no network": lambda route: route.abort()}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failure_of_a_form_in_place_is_said_and_keeps_what_was_typed(
    failure: Callable[[Route], None], troubled: Page, server: Server
) -> None:
    page = troubled
    field = start_renaming(page, server, "shop front")
    page.route("**/rename/", failure)
    field.press("Enter")
    expect(told(page)).to_have_text(PERHAPS)
    expect(field).to_have_value("shop front")


def nothing_kept(route: Route) -> None:
    """As the panel answers while its database is locked."""
    route.fulfill(status=503, headers={"X-Nothing-Kept": "yes"}, body="<h1>The database is busy</h1>")


def test_busy_database_is_no_doubt_about_a_form_in_place(troubled: Page, server: Server) -> None:
    page = troubled
    field = start_renaming(page, server, "shop front")
    page.route("**/rename/", nothing_kept)
    field.press("Enter")
    expect(told(page)).to_contain_text("Not sent")
    expect(told(page)).not_to_have_text(PERHAPS)
    expect(field).to_have_value("shop front")


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failure_of_a_list_is_said_until_it_loads_again(
    failure: Callable[[Route], None], troubled: Page, server: Server
) -> None:
    page = troubled
    page.goto("/t/north-ops/servers/")
    page.route("**/servers/?*", failure)
    page.get_by_label("State").select_option("STOPPED")
    expect(told(page)).to_contain_text("Not loaded.")
    page.unroute("**/servers/?*")
    page.get_by_label("State").select_option("RUNNING")
    expect(told(page)).to_be_empty()
    expect(page.get_by_role("link", name=server.shown_name, exact=True)).to_be_visible()


def test_refused_switch_of_the_theme_is_said(troubled: Page, server: Server) -> None:
    page = troubled
    page.goto("/t/north-ops/servers/")
    rotate(page)
    page.get_by_label("You: Adam Admin").click()
    page.get_by_role("button", name="Dark").click()
    expect(told(page)).to_contain_text("Not sent.")
