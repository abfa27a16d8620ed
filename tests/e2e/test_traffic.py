"""Traffic in a browser: read while one looks, read out by mouse and by keyboard, measured against a limit."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from jobs.engine import reading
from servers.models import Server, ServerReading
from teams.models import User
from tests.e2e.conftest import MakeVisitor
from tests.support.engine_room import EngineRoom
from tests.support.traffic import busy_lately

pytestmark = [pytest.mark.browser, pytest.mark.processes]
SAID = re.compile(r"\w{3} \d+ \w{3} \d{4}: [\d.]+ [kMGT]?B up, [\d.]+ [kMGT]?B down, [\d.]+ [kMGT]?B in all")


@pytest.fixture
def server(room: EngineRoom) -> Server:
    """One that moved something lately, and whose contract tells no limit."""
    servers = Server.objects.filter(team=room.access.team).order_by("pk")
    found = next(server for server in servers if busy_lately(room.upstream(server)))
    servers.filter(pk=found.pk).update(traffic_limit=None, traffic_unit="")
    return found


@pytest.fixture
def page(url: str, admin: User, server: Server, visitor: MakeVisitor) -> Page:
    page = visitor(admin, url).new_page()
    page.goto(f"/t/north-ops/servers/{server.pk}/")
    page.get_by_role("link", name="See the traffic").click()
    return page


def worker_reads(server: Server) -> None:
    reading.read_detail(ServerReading.objects.get(server=server, subject="traffic").pk)


def asked(room: EngineRoom, server: Server) -> list[str]:
    """The granularities that Leaseweb was asked for."""
    entries = room.sim.journal.entries("getTraffic", server=server.upstream_id)
    return [parse_qs(urlsplit(entry.path).query)["granularity"][0] for entry in entries]


def read_out(page: Page) -> Locator:
    return page.locator("figure output")


def test_traffic_is_read_shown_and_measured(page: Page, room: EngineRoom, server: Server) -> None:
    expect(page.get_by_text("are being read for the first time")).to_be_visible()
    worker_reads(server)
    plot = page.get_by_role("img", name="Traffic by day")
    expect(plot).to_be_visible()
    assert asked(room, server) == ["DAY"]
    read_by_mouse(page, plot)
    read_by_keyboard(page, plot)
    page.get_by_role("link", name="24 hours").click()
    expect(page).to_have_url(re.compile(r"\?range=24h$"))
    worker_reads(server)
    expect(page.get_by_role("img", name="Traffic by hour")).to_be_visible()
    assert asked(room, server) == ["DAY", "HOUR"]
    set_limit(page)


def read_by_mouse(page: Page, plot: Locator) -> None:
    expect(read_out(page)).to_contain_text("Point at a bar")
    box = plot.bounding_box()
    assert box is not None
    texts = set()
    for share in (0.2, 0.5, 0.8):
        before = read_out(page).inner_text()
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + 100)
        expect(page.locator(".plot .on")).to_have_count(1)
        expect(read_out(page)).not_to_have_text(before)
        texts.add(read_out(page).inner_text())
    assert len(texts) == 3
    assert any(SAID.fullmatch(text) for text in texts)
    page.mouse.move(0, 0)
    expect(read_out(page)).to_contain_text("Point at a bar")


def read_by_keyboard(page: Page, plot: Locator) -> None:
    plot.focus()
    page.keyboard.press("End")
    last = read_out(page).inner_text()
    page.keyboard.press("ArrowLeft")
    expect(read_out(page)).not_to_have_text(last)
    page.keyboard.press("ArrowRight")
    expect(read_out(page)).to_have_text(last)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".plot > rect").first).to_have_class("on")
    page.keyboard.press("Escape")
    expect(page.locator(".plot .on")).to_have_count(0)


def set_limit(page: Page) -> None:
    page.get_by_role("link", name="Set the limit").click()
    page.get_by_label("Limit of a calendar month").fill("900")
    page.get_by_label("Unit").select_option("TB")
    page.get_by_role("button", name="Set the limit").click()
    month = page.locator("#month")
    expect(month).to_contain_text("of 900 TB")
    expect(month).to_contain_text("(set in this panel)")
    expect(month.get_by_role("link", name="Change the limit")).to_be_visible()


def test_every_bar_has_a_tooltip_without_javascript(
    url: str, admin: User, room: EngineRoom, server: Server, visitor: MakeVisitor
) -> None:
    page = visitor(admin, url, java_script_enabled=False).new_page()
    page.goto(f"/t/north-ops/servers/{server.pk}/traffic/")
    worker_reads(server)
    page.reload()
    titles = [text for text in page.locator(".plot title").all_text_contents() if SAID.fullmatch(text)]
    assert len(titles) > 20
    expect(read_out(page)).to_be_empty()
    page.get_by_text("The same figures as a table").click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()
