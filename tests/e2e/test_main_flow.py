"""The whole way through all processes: set up, add a key, power a server on, watch it, prove it afterwards."""

import re

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Job
from servers.leaseweb.simulator.service import Simulator
from servers.models import Server
from teams import services
from tests.contract.upstream import ContractUpstream
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.processes]
# Deadlines shrink with it: a faster panel would give a busy machine less than two seconds to send.
SCALE = 3


def start(stack: Stack, base_url: str) -> str:
    """A web server, a worker and beat that talk to that upstream; returns the set-up link."""
    stack.env.update(LEASEWEB_API_URL=base_url, TIME_SCALE=str(SCALE), CALL_BUDGET_PER_MINUTE="600")
    url = stack.web()
    stack.worker()
    stack.beat()
    return f"{url}/setup/{services.setup_link_create()}/"


def power_on(page: Page, link: str, *, key: str, upstream_id: str) -> None:
    """Everything from the set-up link to `succeeded`, by what the pages show."""
    steps.set_up(page, link, team="North Ops")
    steps.add_key(page, key)
    expect(page.get_by_text("The key “Main account” works and is kept.")).to_be_visible()
    row = steps.row_of(page, upstream_id)
    expect(row).to_contain_text("stopped", timeout=steps.SLOW_MS)
    steps.open_server(page, upstream_id)
    steps.confirm(page, "Power on")
    steps.mark(page)
    expect(page.locator(".outcome .status")).to_have_class(
        re.compile("status-succeeded"), timeout=steps.SLOW_MS
    )
    expect(page.locator(".timeline > li").last).to_contain_text("Two readings in a row show it running.")
    assert steps.was_not_reloaded(page)


def prove(page: Page, upstream_id: str) -> None:
    """The audit trail tells who asked, how it went on, and that nobody changed it."""
    name = Server.objects.get(upstream_id=upstream_id).shown_name
    page.get_by_role("link", name="Audit", exact=True).click()
    rows = page.get_by_role("row").filter(has_text=name)
    expect(rows.filter(has_text="requested a job").filter(has_text="Olive Owner")).to_have_count(1)
    steps_of_the_job = rows.filter(has_text="moved a job on")
    expect(steps_of_the_job).to_have_count(3)
    expect(steps_of_the_job.first).to_contain_text("Two readings in a row show it running.")
    steps_of_the_job.first.get_by_role("link").click()
    status = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="status"))
    expect(status.get_by_role("cell")).to_have_text(["observing", "succeeded"])
    page.get_by_role("link", name="Audit trail").click()
    page.get_by_role("link", name="Verify").click()
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#verification").get_by_text("The trail is intact")).to_be_visible()


@pytest.mark.sqlite_browser
def test_power_on_is_sent_once_followed_and_proven(stack: Stack, visitor: MakeVisitor) -> None:
    with Simulator(time_scale=SCALE) as sim:
        stopped = next(server.id for server in sim.world.servers.values() if server.state == "STOPPED")
        page = visitor().new_page()
        power_on(page, start(stack, sim.base_url), key=sim.key, upstream_id=stopped)
        prove(page, stopped)
        sent = [entry for entry in sim.journal if entry.method != "GET"]
        assert [(entry.operation, entry.server, entry.status) for entry in sent] == [
            ("powerOn", stopped, 202)
        ]
        assert sim.world.server(stopped).state == "RUNNING"
    job = Job.objects.get()
    assert (job.kind, job.status, job.server.upstream_id) == ("power_on", "succeeded", stopped)
    assert job.correlation_id == sent[0].correlation_id


def test_power_on_works_with_an_upstream_that_does_it_at_once(stack: Stack, visitor: MakeVisitor) -> None:
    with ContractUpstream() as upstream:
        last = list(upstream.servers)[-1]
        page = visitor().new_page()
        power_on(page, start(stack, upstream.base_url), key=upstream.key, upstream_id=last)
        expect_all_pages_read(page, upstream)
        prove(page, last)
        sent = [call.path for call in upstream.journal if call.method != "GET"]
        assert sent == [f"/cloud/v2/virtualServers/{last}/powerOn"]
    assert Job.objects.get().status == "succeeded"


def expect_all_pages_read(page: Page, upstream: ContractUpstream) -> None:
    """It hands out ten servers at a time, whatever is asked for."""
    page.get_by_role("link", name="Servers", exact=True).click()
    expect(page.locator(".pager")).to_contain_text(f"{len(upstream.servers)} servers")
