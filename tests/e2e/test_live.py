"""Pages that follow what happens while they are open. The engine is played by hand, and so is the browser's clock."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from jobs.engine import heartbeat, reading, send_counter
from jobs.models import Heartbeat, Job
from servers.clock import before as ago
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor, sign_in
from tests.support.engine_room import EngineRoom
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.processes]
CHANGES = re.compile("/changes/")
SERVERS = "/t/north-ops/servers/"
# Counts how often a page asks what is new.
COUNT = """
window.asked = 0;
const ask = window.fetch;
window.fetch = (address, ...more) => {
  if (String(address).includes("/changes/")) window.asked += 1;
  return ask(address, ...more);
};
"""
HIDE = """
(hidden) => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


@pytest.fixture
def window(url: str, room: EngineRoom, visitor: MakeVisitor) -> BrowserContext:
    """The browser of somebody who may power servers; its pages count their questions."""
    context = visitor(room.access.user, url)
    context.add_init_script(COUNT)
    return context


def asked(page: Page) -> int:
    return page.evaluate("window.asked")


def come_back(page: Page) -> None:
    """The person looks at this tab again."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def stop_clock(page: Page) -> None:
    """From the next page on, the browser's seconds pass only when a test lets them."""
    page.clock.install(time=datetime(2030, 1, 1, tzinfo=UTC))
    page.clock.pause_at(datetime(2030, 1, 1, 0, 1, tzinfo=UTC))


def expect_moving(page: Page, moving: bool) -> None:
    expect(page.locator("#live")).to_have_attribute("data-moving", "yes" if moving else "no")


# --- Following ----------------------------------------------------------------------------------------------


def test_job_of_one_tab_is_followed_in_the_other(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    one, two = window.new_page(), window.new_page()
    two.goto(SERVERS)
    steps.mark(two)
    row = steps.row_of(two, server.upstream_id)
    expect_moving(two, False)
    one.goto(f"{SERVERS}{server.pk}/")
    steps.confirm(one, "Power on")
    come_back(two)
    expect(row.locator(".status-queued")).to_be_visible()
    job = room.submit(Job.objects.get())
    expect(row.locator(".status-observing")).to_be_visible()
    room.follow(job)
    expect(row.locator(".state")).to_have_text("running")
    expect(row.locator(".status")).to_have_count(0)
    expect_moving(two, False)
    expect(one.locator(".outcome .status")).to_have_class(re.compile("status-succeeded"))
    assert steps.was_not_reloaded(two)


def test_overview_counts_and_lists_follow(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    job = room.submit(room.request(server))
    page = window.new_page()
    page.goto("/t/north-ops/")
    flight = page.get_by_role("table", name="Jobs in flight")
    row = flight.get_by_role("row").filter(has_text=server.shown_name)
    expect(row.locator(".status-observing")).to_be_visible()
    stopped = page.locator(".stat").filter(has_text="stopped").locator("b")
    before = int(stopped.inner_text())
    room.follow(job)
    expect(stopped).to_have_text(str(before - 1))
    expect(page.get_by_text("Nothing is going on.")).to_be_visible()


def test_outcome_is_said_by_a_region_that_stays(window: BrowserContext, room: EngineRoom) -> None:
    """What is swapped together with its text is read out by no screen reader."""
    job = room.submit(room.request(room.server("STOPPED")))
    page = window.new_page()
    page.goto(f"/t/north-ops/jobs/{job.pk}/")
    region = page.locator("#said")
    page.evaluate("window.region = document.getElementById('said')")
    expect(region).to_be_empty()
    room.follow(job)
    expect(page.locator(".outcome .status")).to_have_class(re.compile("status-succeeded"))
    expect(region).to_have_text(page.locator("#outcome-head").inner_text())
    assert page.evaluate("window.region.isConnected")


def test_reading_of_a_server_shows_its_progress(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    room.set_state(server, "RUNNING")
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("reading…")).to_be_visible()
    steps.mark(page)
    reading.read_server(server.pk)
    expect(page.get_by_role("region", name="Now").locator(".state")).to_have_text("running")
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    assert steps.was_not_reloaded(page)


def test_open_page_says_when_nothing_moves_any_more_and_when_it_does_again(
    window: BrowserContext, room: EngineRoom
) -> None:
    send_counter.born()
    heartbeat.started()
    page = window.new_page()
    page.goto("/t/north-ops/")
    alarms = page.locator("#alarms")
    expect(alarms).to_have_text("")
    Heartbeat.objects.update(ticked_at=ago(timedelta(minutes=3)))
    come_back(page)
    expect(alarms).to_contain_text("Nothing is read or sent since")
    heartbeat.started()
    come_back(page)
    expect(alarms).to_have_text("")


# --- When it asks -------------------------------------------------------------------------------------------


def test_page_asks_every_two_seconds_while_something_moves(window: BrowserContext, room: EngineRoom) -> None:
    room.request(room.server("STOPPED"))
    page = window.new_page()
    stop_clock(page)
    page.goto(SERVERS)
    page.clock.run_for(1900)
    assert asked(page) == 0
    with page.expect_response(CHANGES) as answer:
        page.clock.run_for(200)
    assert (answer.value.status, asked(page)) == (204, 1)


def test_page_stops_asking_when_nothing_moves_any_more(window: BrowserContext, room: EngineRoom) -> None:
    job = room.request(room.server("STOPPED"))
    page = window.new_page()
    stop_clock(page)
    page.goto(SERVERS)
    expect_moving(page, True)
    room.follow(room.submit(job))
    page.clock.run_for(2100)
    expect_moving(page, False)
    before = asked(page)
    page.clock.run_for(600_000)
    assert asked(page) == before
    come_back(page)
    assert asked(page) == before + 1


def test_still_page_never_asks_by_itself(window: BrowserContext, room: EngineRoom) -> None:
    page = window.new_page()
    stop_clock(page)
    for address in ("/t/north-ops/", SERVERS, f"{SERVERS}{room.server().pk}/", "/t/north-ops/jobs/"):
        page.goto(address)
        page.clock.run_for(600_000)
        assert asked(page) == 0, address


def test_page_asks_every_fifteen_seconds_when_nobody_sees_it(
    window: BrowserContext, room: EngineRoom
) -> None:
    room.request(room.server("STOPPED"))
    page = window.new_page()
    stop_clock(page)
    page.goto(SERVERS)
    page.evaluate(HIDE, True)
    page.clock.run_for(14_900)
    assert asked(page) == 0
    with page.expect_response(CHANGES):
        page.clock.run_for(200)
    page.evaluate(HIDE, False)
    wait_for(lambda: asked(page) == 2, what="it asks at once when it is seen again")


def test_page_says_when_the_panel_does_not_answer(
    url: str, room: EngineRoom, context: BrowserContext
) -> None:
    room.request(room.server("STOPPED"))
    sign_in(context, room.access.user, url)
    page = context.new_page()
    stop_clock(page)
    page.goto(f"{url}{SERVERS}")
    note = page.locator("#live-away")
    context.route(CHANGES, lambda route: route.abort("connectionaborted"))
    wait_for(lambda: minute_passes(page) or note.is_visible(), what="it says that the panel is away")
    context.unroute(CHANGES)
    wait_for(lambda: minute_passes(page) or note.is_hidden(), what="it takes that back")


def minute_passes(page: Page) -> None:
    page.clock.run_for(60_000)
