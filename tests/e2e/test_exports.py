"""Lists taken away as files, and a change made elsewhere that shows up while its page is open."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from audit.models import AuditEvent
from jobs.engine import reading
from servers.models import Server
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.browser, pytest.mark.processes]
HOME = "/t/north-ops"


@pytest.fixture
def page(url: str, room: EngineRoom, visitor: MakeVisitor) -> Page:
    """Somebody who may export, before a team with eight servers."""
    return visitor(room.access.user, url).new_page()


def save(page: Page, link: Locator, folder: Path) -> tuple[str, str]:
    """The name and the text of the file that a link leads to; the page itself stays."""
    with page.expect_download() as waited:
        link.click()
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return path.name, path.read_bytes().decode("utf-8-sig")


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exported() -> list[str]:
    entries = AuditEvent.objects.filter(action="list.export").order_by("sequence")
    return list(entries.values_list("target_id", flat=True))


def test_servers_are_saved_as_they_are_filtered(page: Page, room: EngineRoom, tmp_path: Path) -> None:
    room.server("STOPPED")
    page.goto(f"{HOME}/servers/")
    steps.mark(page)
    link = page.get_by_role("link", name="Export CSV")
    _, everything = save(page, link, tmp_path)
    assert len(read(everything)) == room.access.servers().count()
    page.get_by_label("State").select_option("STOPPED")
    expect(page.locator("#results .state-running")).to_have_count(0)
    today = timezone.localdate()
    name, text = save(page, link, tmp_path)
    stopped = room.access.servers().filter(state="STOPPED")
    assert {line["leaseweb_id"] for line in read(text)} == set(stopped.values_list("upstream_id", flat=True))
    assert name in {f"servers-north-ops-{day:%Y-%m-%d}.csv" for day in (today, timezone.localdate())}
    assert exported() == ["servers", "servers"]
    assert steps.was_not_reloaded(page)


def test_jobs_and_contracts_are_saved(page: Page, room: EngineRoom, tmp_path: Path) -> None:
    job = room.request(room.server("STOPPED"))
    Server.objects.filter(pk=job.server_id).update(
        shown_name="web; 01, Büro 🔥", contract_ends_on=timezone.localdate() + timedelta(days=12)
    )
    page.goto(f"{HOME}/jobs/?status=live")
    name, text = save(page, page.get_by_role("link", name="Export CSV"), tmp_path)
    assert [(line["job"], line["server"]) for line in read(text)] == [(str(job.pk), "web; 01, Büro 🔥")]
    assert name.startswith("jobs-north-ops-")
    page.goto(f"{HOME}/contracts/")
    name, text = save(page, page.get_by_role("link", name="Calendar file"), tmp_path)
    assert name.startswith("contracts-north-ops-")
    assert name.endswith(".ics")
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert "SUMMARY:Contract of web\\; 01\\, Büro 🔥 ends\r\n" in text.replace("\r\n ", "")
    assert exported() == ["jobs", "contracts"]


def test_change_made_elsewhere_appears_on_the_open_page(page: Page, room: EngineRoom) -> None:
    server = room.server("RUNNING")
    page.goto(f"{HOME}/servers/{server.pk}/")
    steps.mark(page)
    expect(page.locator(".reported .state")).to_have_text("running")
    room.set_state(server, "STOPPED")
    assert reading.read_key(room.api_key.pk)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(".reported .state")).to_have_text("stopped")
    line = page.get_by_role("row").filter(has=page.locator(".status-external"))
    expect(line).to_contain_text("state: running → stopped, not by a job of this panel")
    assert steps.was_not_reloaded(page)
    page.get_by_role("link", name="All that was changed elsewhere").click()
    expect(page.get_by_role("row").filter(has_text="state: running → stopped")).to_have_count(1)
