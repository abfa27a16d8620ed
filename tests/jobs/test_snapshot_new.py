"""Asking for a snapshot, for going back to one, and for deleting one."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jobs.kinds import KINDS
from jobs.models import Job
from servers.models import Server, ServerReading, Snapshot
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeReading, MakeServer, MakeSnapshot
from tests.support.pages import HOSTILE, same_queries, text_of
from tests.support.proof import prove

SUGGESTED = r"[A-Z][A-Za-z ]* [A-Z2-9]{8}"
OF_SNAPSHOT = ("snapshot_restore", "snapshot_delete")


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    return prove(client_of(admin), admin)


@pytest.fixture
def server(team: Team, make_server: MakeServer, make_reading: MakeReading) -> Server:
    server = make_server(team, shown_name="web-01", upstream_id="218000", state="RUNNING")
    make_reading(server, "snapshots")
    return server


@pytest.fixture
def snapshot(server: Server, make_snapshot: MakeSnapshot) -> Snapshot:
    return make_snapshot(server, "Before upgrade", upstream_id="s-1")


def url(server: Server, kind: str, query: str = "") -> str:
    return f"/t/north-ops/servers/{server.pk}/jobs/new/{kind}/{query}"


def entered(**fields: Any) -> dict[str, Any]:
    return {"client_token": str(uuid.uuid4()), **fields}


def of(snapshot: Snapshot, **fields: Any) -> dict[str, Any]:
    return entered(snapshot=snapshot.pk, typed="web-01", **fields)


def suggestion(page: bytes) -> str:
    found = re.search(r'name="name"(?: value="([^"]*)")?', page.decode())
    assert found
    return found[1] or ""


# --- Create ----------------------------------------------------------------------------------------------------


def test_create_explains_the_name_before_anything_is_sent(browser: Client, server: Server) -> None:
    page = browser.get(url(server, "snapshot_create"))
    shown = text_of(page.content)
    for part in (
        "Starts with a letter; letters A to Z, digits and spaces only; at most 255 characters.",
        "the panel finds yours by them",
        "General Purpose pack",
        KINDS["snapshot_create"].consequence,
        "Create a snapshot of web-01",
    ):
        assert part in shown
    assert re.fullmatch(SUGGESTED, suggestion(page.content))


def test_create_needs_no_proof_and_no_name_of_the_server(
    client_of: ClientOf, operator: User, server: Server
) -> None:
    browser = client_of(operator)
    assert b'name="typed"' not in browser.get(url(server, "snapshot_create")).content
    assert browser.post(url(server, "snapshot_create"), entered(name="Nightly 1")).status_code == 302
    job = Job.objects.get()
    assert (job.kind, job.params, job.follow_up) == ("snapshot_create", {"name": "Nightly 1"}, None)


@pytest.mark.parametrize("name", ["Nightly R7F3K9QD", "a", "x" * 255, "  Before   the  upgrade "])
def test_create_takes_names_that_leaseweb_takes(browser: Client, server: Server, name: str) -> None:
    assert browser.post(url(server, "snapshot_create"), entered(name=name)).status_code == 302
    assert Job.objects.get().params == {"name": " ".join(name.split())}


@pytest.mark.parametrize(
    "name", ["", "   ", "1st", "web-01", "x" * 256, "Büro", "a_b", "=1+1", "a\0b", "\uff21"]
)
def test_create_refuses_other_names_and_keeps_them(browser: Client, server: Server, name: str) -> None:
    page = browser.post(url(server, "snapshot_create"), entered(name=name))
    assert page.status_code == 422
    assert b'class="errors"' in page.content
    assert suggestion(page.content).replace("&#x27;", "'") == name
    assert not Job.objects.exists()


def test_create_refuses_a_name_that_is_there(
    browser: Client, server: Server, snapshot: Snapshot, make_snapshot: MakeSnapshot
) -> None:
    page = browser.post(url(server, "snapshot_create"), entered(name="Before upgrade"))
    assert page.status_code == 422
    assert "The server has a snapshot called “Before upgrade” already" in text_of(page.content)
    make_snapshot(server, "Old one", gone_at=timezone.now())
    assert browser.post(url(server, "snapshot_create"), entered(name="Old one")).status_code == 302


def test_create_tells_how_many_there_are(browser: Client, server: Server, snapshot: Snapshot) -> None:
    shown = text_of(browser.get(url(server, "snapshot_create")).content)
    assert "The server has 1 snapshot already, the newest taken 2 d ago." in shown


def test_create_of_a_stopped_server_is_not_offered(browser: Client, server: Server) -> None:
    Server.objects.update(state="STOPPED")
    page = browser.get(url(server, "snapshot_create")).content
    assert "Leaseweb makes snapshots of running servers only" in text_of(page)
    assert b'name="name"' not in page


def test_create_again_keeps_the_words_and_gives_a_new_marker(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    first = make_job(server, "snapshot_create", "failed", params={"name": "Nightly R7F3K9QD"})
    name = suggestion(browser.get(url(server, "snapshot_create", f"?again={first.pk}")).content)
    assert re.fullmatch(r"Nightly [A-Z2-9]{8}", name)
    assert name != "Nightly R7F3K9QD"


def test_opening_a_form_has_old_lists_read(browser: Client, server: Server) -> None:
    ServerReading.objects.update(read_at=timezone.now() - timedelta(hours=1))
    browser.get(url(server, "snapshot_create"))
    assert ServerReading.objects.get(subject="snapshots").asked_at is not None


# --- Restore ---------------------------------------------------------------------------------------------------


def test_restore_says_what_goes_back_and_how_far(browser: Client, server: Server, snapshot: Snapshot) -> None:
    shown = text_of(browser.get(url(server, "snapshot_restore", f"?snapshot={snapshot.pk}")).content)
    for part in (
        "Before upgrade",
        "taken 2 d ago",
        KINDS["snapshot_restore"].consequence,
        "with the memory it had then",
        "Take a snapshot of how the server is now first",
        "Restore web-01 to “Before upgrade”",
    ):
        assert part in shown


def test_restore_is_taken_for_its_snapshot(browser: Client, server: Server, snapshot: Snapshot) -> None:
    assert browser.post(url(server, "snapshot_restore"), of(snapshot, name="")).status_code == 302
    job = Job.objects.get()
    assert (job.kind, job.follow_up) == ("snapshot_restore", None)
    assert job.params == {"snapshot_id": "s-1", "snapshot_name": "Before upgrade"}


def test_restore_with_a_snapshot_first_asks_for_that_one(
    browser: Client, server: Server, snapshot: Snapshot
) -> None:
    page = browser.post(
        url(server, "snapshot_restore"), of(snapshot, snapshot_first="on", name="Just before")
    )
    job = Job.objects.get()
    assert (job.kind, job.params) == ("snapshot_create", {"name": "Just before"})
    params = {"snapshot_id": "s-1", "snapshot_name": "Before upgrade"}
    assert job.follow_up == {"kind": "snapshot_restore", "params": params}
    shown = text_of(browser.get(page["Location"]).content)
    assert "Then: Restore snapshot “ Before upgrade ”, as soon as this has succeeded, and only then." in shown


def test_restore_with_a_snapshot_first_needs_a_name_that_fits(
    browser: Client, server: Server, snapshot: Snapshot
) -> None:
    for name in ("", "no_good", "Before upgrade"):
        page = browser.post(url(server, "snapshot_restore"), of(snapshot, snapshot_first="on", name=name))
        assert page.status_code == 422
        assert re.search(rb'name="snapshot_first"[^>]* checked', page.content)
    assert not Job.objects.exists()


def test_restore_again_offers_both_steps_again(
    browser: Client, server: Server, snapshot: Snapshot, make_job: MakeJob
) -> None:
    then = {"kind": "snapshot_restore", "params": {"snapshot_id": "s-1", "snapshot_name": "Before upgrade"}}
    first = make_job(server, "snapshot_create", "failed", params={"name": "Just before"}, follow_up=then)
    again = f"{url(server, 'snapshot_restore')}?again={first.pk}"
    assert f'href="{again}"'.encode() in browser.get(f"/t/north-ops/jobs/{first.pk}/").content
    page = browser.get(again).content.decode()
    assert re.search(r'name="snapshot_first"[^>]* checked', page)
    assert f'name="snapshot" value="{snapshot.pk}"' in page


@pytest.mark.parametrize("state", ["CREATING", "ALLOCATED", "ERROR", "EXPUNGING", "REVERTING", "UNKNOWN"])
def test_restore_of_one_that_is_not_ready_is_not_offered(
    browser: Client, server: Server, make_snapshot: MakeSnapshot, state: str
) -> None:
    broken = make_snapshot(server, state=state)
    page = browser.get(url(server, "snapshot_restore", f"?snapshot={broken.pk}")).content
    assert "only a ready one can be restored" in text_of(page)
    assert b'name="typed"' not in page


# --- Delete ----------------------------------------------------------------------------------------------------


def test_delete_names_what_is_deleted(browser: Client, server: Server, snapshot: Snapshot) -> None:
    page = browser.get(url(server, "snapshot_delete", f"?snapshot={snapshot.pk}"))
    shown = text_of(page.content)
    assert "Delete “Before upgrade” of web-01" in shown
    assert KINDS["snapshot_delete"].consequence in shown
    assert b"button danger" in page.content


def test_delete_works_on_a_stopped_server_and_on_a_broken_snapshot(
    browser: Client, server: Server, make_snapshot: MakeSnapshot
) -> None:
    Server.objects.update(state="STOPPED")
    broken = make_snapshot(server, state="ERROR", upstream_id="s-2")
    assert b'name="typed"' in browser.get(url(server, "snapshot_delete", f"?snapshot={broken.pk}")).content
    browser.post(url(server, "snapshot_delete"), of(broken))
    assert Job.objects.get().params["snapshot_id"] == "s-2"


# --- What both have in common ----------------------------------------------------------------------------------


@pytest.mark.req("R2")
@pytest.mark.parametrize("kind", OF_SNAPSHOT)
def test_proof_comes_before_the_form_and_again_with_it(
    client_of: ClientOf, admin: User, server: Server, snapshot: Snapshot, kind: str
) -> None:
    browser = client_of(admin)
    page = browser.get(url(server, kind, f"?snapshot={snapshot.pk}"))
    assert page["Location"].startswith("/accounts/confirm/?next=")
    assert f"snapshot%3D{snapshot.pk}" in page["Location"]
    page = browser.post(url(server, kind), of(snapshot))
    assert page.status_code == 403
    assert not Job.objects.exists()


@pytest.mark.req("R2")
@pytest.mark.parametrize("kind", OF_SNAPSHOT)
def test_wrong_name_sends_nothing_and_loses_nothing(
    browser: Client, server: Server, snapshot: Snapshot, kind: str
) -> None:
    page = browser.post(url(server, kind), {**of(snapshot), "typed": "Before upgrade"})
    assert page.status_code == 422
    assert "That is not the name of this server." in text_of(page.content)
    assert b'value="Before upgrade"' in page.content
    assert f'name="snapshot" value="{snapshot.pk}"'.encode() in page.content
    assert not Job.objects.exists()


@pytest.mark.parametrize("kind", OF_SNAPSHOT)
def test_without_a_snapshot_the_list_is_where_to_choose(browser: Client, server: Server, kind: str) -> None:
    page = browser.get(url(server, kind))
    assert (page.status_code, page["Location"]) == (302, f"/t/north-ops/servers/{server.pk}/snapshots/")
    assert browser.post(url(server, kind), entered(typed="web-01")).status_code == 404


@pytest.mark.req("X2")
@pytest.mark.parametrize("kind", OF_SNAPSHOT)
def test_snapshot_of_another_server_or_team_is_404(
    browser: Client,
    team: Team,
    server: Server,
    foreign_server: Server,
    make_server: MakeServer,
    make_snapshot: MakeSnapshot,
    kind: str,
) -> None:
    others = [make_snapshot(make_server(team)).pk, make_snapshot(foreign_server).pk, 999_999]
    for pk in others:
        assert browser.get(url(server, kind, f"?snapshot={pk}")).status_code == 404
        assert browser.post(url(server, kind), entered(snapshot=pk, typed="web-01")).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("kind", OF_SNAPSHOT)
def test_gone_snapshot_is_not_offered(
    browser: Client, server: Server, make_snapshot: MakeSnapshot, kind: str
) -> None:
    gone = make_snapshot(server, gone_at=timezone.now())
    page = browser.get(url(server, kind, f"?snapshot={gone.pk}")).content
    assert "Leaseweb does not list this snapshot any more." in text_of(page)
    assert b'name="typed"' not in page


@pytest.mark.req("G4")
def test_one_token_is_one_job(browser: Client, server: Server, snapshot: Snapshot) -> None:
    sent = of(snapshot)
    pages = [browser.post(url(server, "snapshot_delete"), sent) for _ in range(2)]
    assert pages[0]["Location"] == pages[1]["Location"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize("kind", OF_SNAPSHOT)
def test_operator_is_told_why_not(
    client_of: ClientOf, operator: User, server: Server, snapshot: Snapshot, kind: str
) -> None:
    browser = prove(client_of(operator), operator)
    for page in (browser.get(url(server, kind)), browser.post(url(server, kind), of(snapshot))):
        assert page.status_code == 403
    assert not Job.objects.exists()


def test_forms_take_the_same_queries_for_any_number_of_snapshots(
    browser: Client, server: Server, snapshot: Snapshot, make_snapshot: MakeSnapshot
) -> None:
    def more() -> None:
        for number in range(30):
            make_snapshot(server, f"Nightly {number}")

    ServerReading.objects.update(
        read_at=timezone.now() + timedelta(hours=1)
    )  # young, however long this takes
    same_queries(browser, url(server, "snapshot_restore", f"?snapshot={snapshot.pk}"), more)


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_forms_escape_names(browser: Client, server: Server, make_snapshot: MakeSnapshot, text: str) -> None:
    Server.objects.update(shown_name=text[:200])
    hostile = make_snapshot(server, text[:255])
    for kind in OF_SNAPSHOT:
        page = browser.get(url(server, kind, f"?snapshot={hostile.pk}")).content
        assert b"<script>alert" not in page
        assert b"<img src=x" not in page
