"""Snapshots and a reinstall, pressed in a real browser; the simulator's journal is what Leaseweb really received."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Job
from servers.leaseweb.simulator.model import Durations
from servers.leaseweb.simulator.service import Simulator
from servers.models import Server
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.e2e.test_main_flow import SCALE, start
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.processes]
# The panel looks every two seconds, whatever the scale: what has to be seen lasts for several looks.
SEEN = Durations(revert=15.0 * SCALE, install=15.0 * SCALE)


class Stage(NamedTuple):
    """A panel in front of a simulated Leaseweb, open at a running server without snapshots."""

    page: Page
    sim: Simulator
    upstream_id: str
    name: str

    def received(self) -> list[tuple[str, dict[str, str]]]:
        """What Leaseweb was asked to do to this server, in this order."""
        entries = [entry for entry in self.sim.journal if entry.method != "GET"]
        assert {(entry.server, entry.status) for entry in entries} <= {(self.upstream_id, 202)}
        return [(entry.operation, entry.detail) for entry in entries]

    def snapshots(self) -> dict[str, str]:
        """Leaseweb's ids of the snapshots by name."""
        return {each.name: each.id for each in self.sim.world.server(self.upstream_id).snapshots.values()}


@pytest.fixture
def stage(stack: Stack, visitor: MakeVisitor) -> Iterator[Stage]:
    with Simulator(time_scale=SCALE, durations=SEEN) as sim:
        page = visitor().new_page()
        steps.set_up(page, start(stack, sim.base_url), team="North Ops")
        steps.add_key(page, sim.key)
        chosen = next(
            server
            for server in sim.world.servers.values()
            if server.state == "RUNNING" and server.snapshots_included and not server.snapshots
        )
        expect(steps.row_of(page, chosen.id)).to_contain_text("running", timeout=steps.SLOW_MS)
        steps.open_server(page, chosen.id)
        yield Stage(page, sim, chosen.id, Server.objects.get(upstream_id=chosen.id).shown_name)


def press(page: Page, label: str) -> None:
    """The button that does it, and the page of the job that comes of it."""
    page.get_by_role("button", name=re.compile(f"^{label}")).click()
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))


def expect_success(page: Page) -> None:
    outcome = page.locator(".outcome .status").first
    expect(outcome).to_have_class(re.compile("status-succeeded"), timeout=steps.SLOW_MS)


def type_name(page: Page, name: str) -> None:
    page.get_by_label("Type the server's name to go on").fill(name)


def create(stage: Stage, name: str) -> None:
    page = stage.page
    page.get_by_role("link", name="Create snapshot").click()
    field = page.get_by_label("Name of the snapshot")
    expect(field).to_have_value(re.compile(r"^Snapshot [A-Z2-9]{8}$"))
    field.fill("no_good")
    page.get_by_role("button", name="Create a snapshot of").click()
    expect(page.get_by_text("Leaseweb does not take this name.")).to_be_visible()
    field.fill(name)
    press(page, "Create a snapshot of")
    expect_success(page)


def inspect(stage: Stage, name: str) -> None:
    page = stage.page
    page.get_by_role("link", name="See the snapshots of this server").click()
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator(".reported")).to_contain_text("ready")
    expect(page.get_by_role("definition").filter(has_text=stage.snapshots()[name])).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Create snapshot")).to_have_count(1)


def refresh(stage: Stage, snapshot_id: str) -> None:
    """Have that one snapshot read again: one call, after which the page can be asked anew."""
    page = stage.page
    path = f"/cloud/v2/virtualServers/{stage.upstream_id}/snapshots/{snapshot_id}"

    def calls() -> list[tuple[str, int | None]]:
        return [(entry.method, entry.status) for entry in stage.sim.journal if entry.path == path]

    assert calls() == []
    page.get_by_role("button", name="Refresh", exact=True).click()
    wait_for(calls, what="the panel asks for that snapshot", seconds=steps.SLOW_MS / 1000)
    expect(page.get_by_role("button", name="Refresh", exact=True)).to_be_visible(timeout=steps.SLOW_MS)
    assert calls() == [("GET", 200)]


def restore(stage: Stage, *, first: str) -> None:
    """With a snapshot of how it is now first; the restore follows by itself."""
    page = stage.page
    page.get_by_role("link", name="Restore", exact=True).click()
    page.get_by_label("Take a snapshot of how the server is now first").check()
    page.get_by_label("Name of that snapshot").fill(first)
    type_name(page, "some other server")
    page.get_by_role("button", name=re.compile("^Restore")).click()
    expect(page.get_by_text("That is not the name of this server.")).to_be_visible()
    expect(page.get_by_label("Name of that snapshot")).to_have_value(first)
    type_name(page, stage.name.upper())
    press(page, "Restore")
    expect(page.locator(".outcome")).to_contain_text("as soon as this has succeeded, and only then")
    expect_success(page)
    page.locator(".outcome").get_by_role("link", name="Restore snapshot").click()
    expect_success(page)
    expect(page.locator(".timeline")).to_contain_text("It was seen reverting")


def delete(stage: Stage, name: str) -> None:
    page = stage.page
    page.get_by_role("link", name="Snapshots", exact=True).click()
    page.get_by_label("Search").fill(name)
    page.get_by_role("row").filter(has_text=name).get_by_role("rowheader").get_by_role("link").click()
    page.get_by_role("link", name="Delete", exact=True).click()
    type_name(page, stage.name)
    press(page, "Delete")
    expect_success(page)


def test_snapshot_is_made_looked_at_restored_and_deleted(stage: Stage) -> None:
    create(stage, "Before the upgrade R7F3K9QD")
    inspect(stage, "Before the upgrade R7F3K9QD")
    made = stage.snapshots()["Before the upgrade R7F3K9QD"]
    refresh(stage, made)
    restore(stage, first="Just before")
    delete(stage, "Before the upgrade R7F3K9QD")
    assert stage.received() == [
        ("createSnapshot", {"name": "Before the upgrade R7F3K9QD"}),
        ("createSnapshot", {"name": "Just before"}),
        ("restoreSnapshot", {"snapshotId": made}),
        ("deleteSnapshot", {"snapshotId": made}),
    ]
    assert set(stage.snapshots()) == {"Just before"}
    jobs = Job.objects.order_by("pk").values_list("kind", "status", "receipt")
    kinds = ("snapshot_create", "snapshot_create", "snapshot_restore", "snapshot_delete")
    assert list(jobs) == [(kind, "succeeded", "accepted") for kind in kinds]


def test_server_is_reinstalled_with_the_system_that_was_searched_for(stage: Stage) -> None:
    page = stage.page
    page.get_by_role("link", name="Reinstall", exact=True).click()
    search = page.get_by_label("Search the systems")
    expect(search).to_be_visible(timeout=steps.SLOW_MS)
    search.press_sequentially("debian 12")
    expect(page.get_by_role("radio")).to_have_count(1)
    page.get_by_label("Debian 12 (64-bit)").check()
    search.press("Enter")
    search.fill("")
    expect(page.get_by_label("Debian 12 (64-bit)")).to_be_checked()
    page.get_by_role("button", name="Erase and reinstall").click()
    type_name(page, stage.name)
    press(page, "Erase and reinstall")
    expect_success(page)
    expect(page.get_by_role("link", name="See its new credentials")).to_be_visible()
    ((operation, detail),) = stage.received()
    assert (operation, detail) == ("reinstall", {"operatingSystemId": "DEBIAN_12_64"})
    assert stage.sim.world.server(stage.upstream_id).template.startswith("Debian 12")
