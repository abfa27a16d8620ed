"""Names and passwords of servers in a real browser: what is shown, for how long, and what arrived at Leaseweb."""

import re
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from jobs.engine import reading
from servers import details
from servers.models import Server
from teams.models import User
from tests.e2e import steps
from tests.e2e.canary import Canaries
from tests.e2e.conftest import MakeVisitor
from tests.e2e.test_live import HIDE
from tests.support.engine_room import EngineRoom
from tests.support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.processes]
SERVERS = "/t/north-ops/servers/"
ROOT = ("OPERATING_SYSTEM", "root")


@pytest.fixture
def window(room: EngineRoom, stack: Stack, admin: User, visitor: MakeVisitor) -> BrowserContext:
    """The browser of an admin, before a panel that can ask the simulated Leaseweb itself."""
    url = stack.web(LEASEWEB_API_URL=room.sim.base_url)
    return visitor(admin, url, permissions=["clipboard-read", "clipboard-write"])


@pytest.fixture
def server(room: EngineRoom) -> Server:
    """A server whose credentials were read."""
    server = room.server()
    details.freshen(server, "credentials", details.SOURCES["credentials"].every)
    reading.read_detail(server.readings.get(subject="credentials").pk)
    return server


@pytest.fixture
def canary(room: EngineRoom, server: Server, canaries: Canaries) -> str:
    """The password of the user `root`, which the search at the end of the run looks for."""
    password = f"canary-{secrets.token_hex(12)}"
    canaries.add(password, "a revealed password")
    room.sim.world.server(server.upstream_id).credentials[ROOT] = password
    return password


def arrived(room: EngineRoom, operation: str) -> list[dict[str, Any]]:
    """What Leaseweb was told by calls of this kind."""
    return [entry.detail for entry in room.sim.journal.entries(operation)]


# --- Names ------------------------------------------------------------------------------------------------------


def test_rename_in_the_list_and_on_the_page(window: BrowserContext, room: EngineRoom, server: Server) -> None:
    page = window.new_page()
    page.goto(SERVERS)
    steps.mark(page)
    row = steps.row_of(page, server.upstream_id)
    opener = row.get_by_role("link", name="Rename")
    opener.click()
    field = row.get_by_role("textbox")
    expect(field).to_be_focused()
    field.press("Escape")
    expect(field).to_have_count(0)
    expect(opener).to_be_focused()

    opener.click()
    field.fill("shop front")
    field.press("Enter")
    expect(row.get_by_role("link", name="shop front", exact=True)).to_be_visible()
    expect(opener).to_be_focused()
    assert steps.was_not_reloaded(page)

    row.get_by_role("link", name="shop front", exact=True).click()
    head = page.locator("header.page-head")
    head.get_by_role("link", name="Rename").click()
    head.get_by_role("textbox").fill("")
    head.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Server {server.upstream_id}")
    assert arrived(room, "updateServer") == [{"reference": "shop front"}, {"reference": ""}]


def test_news_leave_a_name_that_is_being_typed(
    window: BrowserContext, room: EngineRoom, server: Server
) -> None:
    page = window.new_page()
    page.goto(SERVERS)
    row = steps.row_of(page, server.upstream_id)
    row.get_by_role("link", name="Rename").click()
    field = row.get_by_role("textbox")
    field.fill("half a na")
    room.set_state(server, "STOPPED")
    Server.objects.filter(pk=server.pk).update(refresh_asked_at=server.seen_at)
    reading.read_server(server.pk)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(row.locator(".state")).to_have_text("stopped")
    expect(field).to_have_value("half a na")
    expect(field).to_be_focused()
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    expect(row.get_by_role("link", name="half a name", exact=True)).to_be_visible()
    assert arrived(room, "updateServer") == [{"reference": "half a name"}]


# --- Passwords --------------------------------------------------------------------------------------------------


def reveal(page: Page, server: Server) -> None:
    """From the page of the server to its password."""
    page.goto(f"{SERVERS}{server.pk}/")
    page.get_by_role("link", name="Passwords").click()
    page.get_by_role("link", name="Reveal the password of root").click()
    page.get_by_label("Why do you need it?").fill("ticket 4711")
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#password")).to_be_visible()
    expect(page.locator("#seconds-left")).to_contain_text("Hides in")  # its script runs by now


def expect_hidden(page: Page, canary: str) -> None:
    expect(page.locator("#password")).to_have_count(0)
    assert canary not in page.content()


@pytest.mark.req("R1")
def test_revealed_password_is_gone_in_time(
    window: BrowserContext, room: EngineRoom, server: Server, canary: str
) -> None:
    page = window.new_page()
    page.clock.install(time=datetime(2030, 1, 1, tzinfo=UTC))
    reveal(page, server)
    page.clock.pause_at(datetime(2030, 1, 1, 1, tzinfo=UTC))
    expect_hidden(page, canary)

    page.get_by_role("link", name="Reveal it once more").click()
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#password")).to_have_text(canary)
    expect(page.locator("#seconds-left")).to_have_text("Hides in 30 s")
    page.clock.run_for(29_000)
    expect(page.locator("#seconds-left")).to_have_text("Hides in 1 s")
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == canary
    page.clock.run_for(1_000)
    expect(page.get_by_text("Hidden again.")).to_be_visible()
    expect_hidden(page, canary)
    assert len(arrived(room, "getCredential")) == 2


@pytest.mark.req("R1")
def test_revealed_password_is_gone_with_the_person(
    window: BrowserContext, room: EngineRoom, server: Server, canary: str
) -> None:
    """Leaving the tab, leaving the page, coming back by the browser's own button, loading it again."""
    page = window.new_page()
    reveal(page, server)
    page.evaluate(HIDE, True)
    expect_hidden(page, canary)

    reveal(page, server)
    page.get_by_role("link", name="Hide").click()
    expect(page.get_by_role("heading", name="At Leaseweb")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Reveal")).to_be_visible()
    expect_hidden(page, canary)

    reveal(page, server)
    page.reload()
    expect(page.get_by_role("button", name="Reveal")).to_be_visible()
    expect_hidden(page, canary)
    assert len(arrived(room, "getCredential")) == 3


def test_generated_password_is_stored(
    window: BrowserContext, room: EngineRoom, server: Server, canaries: Canaries
) -> None:
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/credentials/")
    page.get_by_role("link", name="Store another password of root").click()
    expect(page.get_by_label("User", exact=True)).to_have_value("root")
    page.get_by_role("button", name="Generate one").click()
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_value(re.compile("^[a-zA-Z2-9]{24}$"))
    password = field.input_value()
    canaries.add(password, "a generated password")
    page.get_by_role("button", name="Store at Leaseweb").click()
    expect(page.get_by_text("Leaseweb shows the new password of “root” now.")).to_be_visible()
    assert arrived(room, "storeCredential") == [{"username": "root", "type": "OPERATING_SYSTEM"}]
    assert room.sim.world.server(server.upstream_id).credentials[ROOT] == password
    page.go_back()
    expect(field).to_have_value("")
