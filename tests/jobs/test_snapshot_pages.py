"""The snapshots of one server, and the page of one of them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from servers.models import Server, Snapshot
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeReading, MakeServer, MakeSnapshot
from tests.support.pages import HOSTILE, same_queries, text_of

Address = Callable[[Snapshot], str]
PAGES: dict[str, Address] = {
    "of a server": lambda snapshot: f"/t/north-ops/servers/{snapshot.server_id}/snapshots/",
    "of one": lambda snapshot: f"/t/north-ops/servers/{snapshot.server_id}/snapshots/{snapshot.pk}/",
}
both = pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    return client_of(admin)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, shown_name="web-01", upstream_id="218000", state="RUNNING")


@pytest.fixture
def snapshot(server: Server, make_snapshot: MakeSnapshot) -> Snapshot:
    return make_snapshot(server, "Before upgrade", upstream_id="s-1")


def of_server(browser: Client, server: Server) -> bytes:
    return browser.get(f"/t/north-ops/servers/{server.pk}/snapshots/").content


def of_one(browser: Client, snapshot: Snapshot) -> bytes:
    return browser.get(PAGES["of one"](snapshot)).content


# --- Of a server -----------------------------------------------------------------------------------------------


def test_server_snapshots_lists_them_with_their_buttons(
    browser: Client, server: Server, snapshot: Snapshot, make_snapshot: MakeSnapshot
) -> None:
    broken = make_snapshot(server, "Nightly", "ERROR")
    page = of_server(browser, server)
    shown = text_of(page)
    for part in ("Snapshots of web-01", "218000", "2 snapshots", "Before upgrade ready 2 d ago"):
        assert part in shown
    confirm = f"/t/north-ops/servers/{server.pk}/jobs/new/"
    for link in (f"snapshot_restore/?snapshot={snapshot.pk}", f"snapshot_delete/?snapshot={broken.pk}"):
        assert f'href="{confirm}{link}"'.encode() in page
    assert f"snapshot_restore/?snapshot={broken.pk}".encode() not in page
    assert "The snapshot is broken; only a ready one can be restored." in page.decode()


def test_server_snapshots_says_when_none_is_there(
    browser: Client, server: Server, make_reading: MakeReading, make_snapshot: MakeSnapshot
) -> None:
    make_reading(server, "snapshots")
    make_snapshot(server, "Old one", gone_at=timezone.now())
    shown = text_of(of_server(browser, server))
    assert "Leaseweb lists no snapshots of this server." in shown
    assert "Old one" not in shown


def test_server_snapshots_has_them_read_and_says_so(browser: Client, server: Server) -> None:
    page = of_server(browser, server)
    assert "Its snapshots were not read yet. They appear here by themselves within seconds." in text_of(page)
    assert b'data-moving="yes"' in page
    assert server.readings.get(subject="snapshots").asked_at is not None
    assert not AuditEvent.objects.exists()


def test_server_snapshots_tells_of_a_failed_reading(
    browser: Client, server: Server, snapshot: Snapshot, make_reading: MakeReading
) -> None:
    earlier, lately = (timezone.now() - timedelta(hours=hours) for hours in (5, 3))
    failed = {"error": "Leaseweb has trouble.", "error_at": lately, "correlation_id": "c0ffee-7"}
    make_reading(server, "snapshots", read_at=earlier, **failed)
    shown = text_of(of_server(browser, server))
    parts = ["The last reading failed, 3 h ago", "Leaseweb has trouble.", "c0ffee-7", "as of 5 h ago"]
    assert [part for part in [*parts, "Before upgrade"] if part not in shown] == []


def test_server_snapshots_names_the_job_in_the_way(
    browser: Client, server: Server, snapshot: Snapshot, make_job: MakeJob
) -> None:
    job = make_job(server, "snapshot_create", "observing")
    page = of_server(browser, server)
    assert f'href="/t/north-ops/jobs/{job.pk}/"'.encode() in page
    assert b'data-moving="yes"' in page
    assert b"jobs/new/" not in page
    assert "“Create snapshot” is in flight on this server" in text_of(page)


def test_server_snapshots_gives_a_viewer_the_reasons(
    client_of: ClientOf, viewer: User, server: Server, snapshot: Snapshot
) -> None:
    page = of_server(client_of(viewer), server)
    assert "does not include “Create snapshots”" in text_of(page)
    assert b"jobs/new/" not in page


# --- Of one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "word", "means"),
    [
        ("READY", "ready", "It can be restored or deleted."),
        ("CREATING", "being created", "Leaseweb is making it."),
        ("ALLOCATED", "about to be created", "has not begun to make it"),
        ("ERROR", "broken", "It cannot be restored; it can be deleted."),
        ("EXPUNGING", "being deleted", "Leaseweb is deleting it."),
        ("REVERTING", "being restored", "taking the server back to it"),
        ("UNKNOWN", "unknown", "that its documentation does not name"),
    ],
)
def test_snapshot_has_a_face_for_each_state(
    browser: Client, server: Server, make_snapshot: MakeSnapshot, state: str, word: str, means: str
) -> None:
    since, lately = (timezone.now() - timedelta(minutes=minutes) for minutes in (20, 10))
    page = of_one(browser, make_snapshot(server, state=state, state_since=since, seen_at=lately))
    shown = text_of(page)
    for part in (word, means):
        assert part in shown
    assert re.search(r"first seen so 2[0-3] min ago", shown)
    assert re.search(r"last seen 1[0-3] min ago", shown)
    assert "Stuck" not in shown


@pytest.mark.parametrize(
    ("state", "minutes"), [("CREATING", 61), ("ALLOCATED", 61), ("REVERTING", 61), ("EXPUNGING", 31)]
)
def test_snapshot_stuck_at_leaseweb_is_a_verdict(
    browser: Client, server: Server, make_snapshot: MakeSnapshot, state: str, minutes: int
) -> None:
    since = timezone.now() - timedelta(minutes=minutes)
    stuck = make_snapshot(server, "Nightly", state, state_since=since, upstream_id="s-9")
    page = of_one(browser, stuck)
    shown = text_of(page)
    assert "Stuck at Leaseweb:" in shown
    for part in ("Virtual server: 218000", "Snapshot: s-9", f"State: {state}"):
        assert part in shown
    stuck.state_since = since + timedelta(minutes=2)
    stuck.save()
    assert "Stuck" not in text_of(of_one(browser, stuck))


def test_snapshot_that_is_gone_is_kept_and_offers_nothing(
    browser: Client, server: Server, make_snapshot: MakeSnapshot
) -> None:
    page = of_one(browser, make_snapshot(server, gone_at=timezone.now()))
    assert "Leaseweb does not list it any more." in text_of(page)
    assert b"jobs/new/" not in page


def test_snapshot_shows_the_jobs_about_it_alone(
    browser: Client, server: Server, snapshot: Snapshot, make_job: MakeJob
) -> None:
    older = {"created_at": timezone.now() - timedelta(days=2)}
    made = make_job(server, "snapshot_create", "succeeded", params={"name": "Before upgrade"}, **older)
    restored = make_job(server, "snapshot_restore", "succeeded", params={"snapshot_id": "s-1"})
    others = [
        make_job(server, "snapshot_create", "succeeded", params={"name": "Nightly"}),
        make_job(server, "snapshot_delete", "succeeded", params={"snapshot_id": "s-2"}),
    ]
    page = of_one(browser, snapshot).decode()
    assert all(f'id="job-row-{job.pk}"' in page for job in (made, restored))
    assert not any(f'id="job-row-{job.pk}"' in page for job in others)


# --- The questions of every view -------------------------------------------------------------------------------


@both
def test_pages_open_for_a_viewer(
    client_of: ClientOf, viewer: User, snapshot: Snapshot, address: Address
) -> None:
    assert client_of(viewer).get(address(snapshot)).status_code == 200


@both
def test_pages_refuse_other_methods(browser: Client, snapshot: Snapshot, address: Address) -> None:
    assert browser.post(address(snapshot)).status_code == 405


@both
def test_pages_do_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, snapshot: Snapshot, address: Address
) -> None:
    assert client_of(outsider).get(address(snapshot)).status_code == 404


@both
def test_pages_of_another_team_are_404(
    browser: Client, foreign_server: Server, make_snapshot: MakeSnapshot, address: Address
) -> None:
    assert browser.get(address(make_snapshot(foreign_server))).status_code == 404


def test_snapshot_under_another_server_is_404(
    browser: Client, team: Team, snapshot: Snapshot, make_server: MakeServer
) -> None:
    other = make_server(team)
    assert browser.get(f"/t/north-ops/servers/{other.pk}/snapshots/{snapshot.pk}/").status_code == 404


@both
def test_pages_take_the_same_queries_for_any_number_of_lines(
    browser: Client,
    server: Server,
    snapshot: Snapshot,
    make_snapshot: MakeSnapshot,
    make_job: MakeJob,
    make_reading: MakeReading,
    address: Address,
) -> None:
    later = timezone.now() + timedelta(hours=1)
    make_reading(server, "snapshots", read_at=later)  # young, however long this takes
    make_job(server, "snapshot_restore", "failed", params={"snapshot_id": "s-1"})

    def more() -> None:
        for number in range(30):
            make_snapshot(server, f"Nightly {number}")
            make_job(server, "snapshot_restore", "failed", params={"snapshot_id": "s-1"})

    same_queries(browser, address(snapshot), more)


@pytest.mark.req("X12")
@both
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_pages_escape_everything_foreign(
    browser: Client,
    team: Team,
    make_server: MakeServer,
    make_snapshot: MakeSnapshot,
    make_reading: MakeReading,
    address: Address,
    text: str,
) -> None:
    server = make_server(team, shown_name=text[:200], upstream_id=text[:64])
    trouble: dict[str, Any] = {"error": text[:500], "correlation_id": text[:100], "error_at": timezone.now()}
    make_reading(server, "snapshots", **trouble)
    page = browser.get(address(make_snapshot(server, text[:255], "ERROR", upstream_id=text[:64]))).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
