"""Every power action and every wish for a reading, pressed in a browser; the journal tells what Leaseweb received."""

import pytest
from playwright.sync_api import BrowserContext, expect

from jobs import engine
from jobs.models import Job
from teams.models import User
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.support.engine_room import OPERATIONS, START, EngineRoom

pytestmark = [pytest.mark.browser, pytest.mark.processes]
SERVERS = "/t/north-ops/servers/"
LABELS = {"power_on": "Power on", "power_off": "Power off", "reboot": "Reboot"}


@pytest.fixture
def window(url: str, room: EngineRoom, admin: User, visitor: MakeVisitor) -> BrowserContext:
    return visitor(admin, url)


@pytest.mark.parametrize("kind", LABELS)
def test_power_action_is_pressed_and_sent_once(window: BrowserContext, room: EngineRoom, kind: str) -> None:
    server = room.server(START[kind])
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/")
    steps.confirm(page, LABELS[kind])
    job = room.follow(room.submit(Job.objects.get()))
    assert job.status == "succeeded"
    assert [(entry.operation, entry.status) for entry in room.sends(server)] == [(OPERATIONS[kind], 202)]
    page.reload()
    expect(page.locator(".outcome")).to_contain_text(f"{LABELS[kind]}: done")


def test_refreshes_read_the_list_and_one_server(window: BrowserContext, room: EngineRoom) -> None:
    server = room.server()
    before = room.sim.journal.last
    page = window.new_page()
    page.goto(f"{SERVERS}{server.pk}/")
    page.get_by_role("button", name="Refresh").first.click()
    expect(page.get_by_text("reading…").first).to_be_visible()
    engine.run_once()
    page.goto("/t/north-ops/api-keys/")
    page.get_by_role("button", name="Refresh").first.click()
    engine.run_once()
    read = {(entry.operation, entry.server) for entry in room.sim.journal.entries(since=before)}
    assert {("getServer", server.upstream_id), ("listServers", None)} <= read
