"""The panel without a mouse, and what must stay where it is while a page follows changes."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from teams.models import User
from tests.cast import MakeJob
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.support.engine_room import EngineRoom
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.processes]
SERVERS = "/t/north-ops/servers/"
# Gives everything one should be able to reach a number; of a group of radio buttons the keyboard reaches one.
NUMBER = """
() => {
  const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  const groups = new Set();
  const wanted = [...all].filter((each) => {
    if (each.disabled || each.type === "hidden" || !each.checkVisibility()) return false;
    if (each.type !== "radio") return true;
    return !groups.has(each.name) && groups.add(each.name);
  });
  wanted.forEach((each, number) => { each.dataset.number = number });
  document.activeElement.blur();
  return wanted.length;
}
"""
FOCUSED = "document.activeElement.dataset.number ?? null"
SEEN = """
() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
}
"""


@pytest.fixture
def window(url: str, room: EngineRoom, visitor: MakeVisitor) -> BrowserContext:
    """The browser of somebody who may power servers."""
    return visitor(room.access.user, url)


def reached_by_tab(page: Page) -> tuple[set[str], int]:
    """What Tab reaches from the top of the page, each time seen to have the focus, and how much there is."""
    count = page.evaluate(NUMBER)
    reached = set()
    for _ in range(count + 1):
        page.keyboard.press("Tab")
        number = page.evaluate(FOCUSED)
        if number is None:
            break
        assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        reached.add(number)
    return reached, count


def test_everything_is_reached_by_tab_and_seen(
    window: BrowserContext, room: EngineRoom, make_job: MakeJob
) -> None:
    unknown = make_job(room.server("STOPPED"), status="unknown", requested_by=room.access.user)
    server = room.server("STOPPED")
    page = window.new_page()
    for address in (
        "/t/north-ops/",
        SERVERS,
        f"{SERVERS}{server.pk}/",
        f"{SERVERS}{server.pk}/jobs/new/power_on/",
        f"/t/north-ops/jobs/{unknown.pk}/",
        "/t/north-ops/jobs/",
        "/profile/",
    ):
        page.goto(address)
        reached, count = reached_by_tab(page)
        assert len(reached) == count, address


def test_first_tab_leads_past_the_navigation(window: BrowserContext) -> None:
    page = window.new_page()
    page.goto(SERVERS)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_slash_goes_to_the_search_but_can_be_typed(window: BrowserContext) -> None:
    page = window.new_page()
    page.goto(SERVERS)
    search = page.get_by_role("searchbox")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    page.keyboard.type("a/b")
    expect(search).to_have_value("a/b")


def test_server_is_powered_on_by_keys_alone(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server("STOPPED")
    page = window.new_page()
    page.goto(SERVERS)
    page.keyboard.press("/")
    page.keyboard.type(server.upstream_id)
    expect(page.locator("tbody tr")).to_have_count(1)
    tab_to(page, page_has=server.shown_name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    tab_to(page, page_has="Power on")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/jobs/new/power_on/$"))
    tab_to(page, page_has=f"Power on {server.shown_name}")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))
    expect(page.locator(".outcome")).to_contain_text("waiting to be sent")


def tab_to(page: Page, *, page_has: str) -> None:
    """Press Tab until what has the focus reads like this."""
    wait_for(lambda: press_tab(page) == page_has, what=f"Tab reaches {page_has}")


def press_tab(page: Page) -> str:
    page.keyboard.press("Tab")
    text: str = page.evaluate("document.activeElement.innerText ?? ''")
    return text.strip()


def test_menu_closes_by_escape_and_gives_the_focus_back(window: BrowserContext) -> None:
    page = window.new_page()
    page.goto(SERVERS)
    menu = page.locator("details.menu").last
    menu.locator("summary").press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


@pytest.mark.parametrize("held", ["#id_q", "#server-{pk}-ip"])
def test_focus_and_scroll_stay_when_the_page_changes(
    held: str, window: BrowserContext, room: EngineRoom
) -> None:
    """A field that is being typed into, and a button in the very row that is exchanged."""
    server = room.server("STOPPED")
    page = window.new_page()
    page.set_viewport_size({"width": 1024, "height": 300})
    page.goto(SERVERS)
    held = held.format(pk=server.pk)
    page.locator(held).focus()
    page.evaluate("window.scrollTo(0, 120)")
    at = page.evaluate("window.scrollY")
    assert at > 0
    job = room.request(server)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    row = steps.row_of(page, server.upstream_id)
    expect(row.locator(".status-queued")).to_be_visible()
    expect(page.locator(held)).to_be_focused()
    room.follow(room.submit(job))
    expect(row.locator(".state")).to_have_text("running")
    expect(page.locator(held)).to_be_focused()
    assert page.evaluate("window.scrollY") == at


# --- Theme ----------------------------------------------------------------------------------------------


def test_theme_is_kept_for_the_next_page_and_the_next_browser(
    url: str, owner: User, visitor: MakeVisitor
) -> None:
    page = visitor(owner, url).new_page()
    page.goto(SERVERS)
    page.locator("summary[aria-label^=You]").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    assert page.url.endswith(SERVERS)
    wait_for(lambda: User.objects.get(pk=owner.pk).theme == "dark", what="the profile has it")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    elsewhere = visitor(owner, url).new_page()
    elsewhere.goto(SERVERS)
    expect(elsewhere.locator("html")).to_have_attribute("data-theme", "dark")
