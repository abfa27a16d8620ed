"""The page before a disk is erased: proof, the right server, a system of its own list, and its name typed."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.services import About, job_create
from servers.models import Server, ServerReading
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeReading, MakeServer, MakeSnapshot
from tests.support.engine_room import EngineRoom
from tests.support.pages import HOSTILE, access_of, same_queries, text_of
from tests.support.proof import prove

TEMPLATES = [
    {"id": "U24", "name": "Ubuntu 24.04 (64-bit)"},
    {"id": "D12", "name": "Debian 12 (64-bit)"},
    {"id": "U22", "name": "Ubuntu 22.04 (64-bit)"},
]


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    return prove(client_of(admin), admin)


@pytest.fixture
def server(team: Team, make_server: MakeServer, make_reading: MakeReading) -> Server:
    server = make_server(team, shown_name="web-01", upstream_id="218000", state="RUNNING", template="D12 old")
    make_reading(server, "templates", content=TEMPLATES)
    make_reading(server, "snapshots")
    return server


def url(server: Server, query: str = "") -> str:
    return f"/t/north-ops/servers/{server.pk}/jobs/new/reinstall/{query}"


def entered(**fields: str) -> dict[str, str]:
    return {"client_token": str(uuid.uuid4()), "os_template_id": "D12", "typed": "web-01", **fields}


def templates(server: Server, **fields: Any) -> None:
    server.readings.filter(subject="templates").update(**fields)


# --- The proof -------------------------------------------------------------------------------------------------


@pytest.mark.req("R2")
def test_reinstall_asks_for_a_proof_before_it_shows_anything(
    client_of: ClientOf, admin: User, server: Server
) -> None:
    for browser in (client_of(admin), prove(client_of(admin), admin, seconds_ago=601)):
        page = browser.get(url(server))
        assert page.status_code == 302
        assert page["Location"].startswith("/accounts/confirm/?next=")


@pytest.mark.req("R2")
def test_reinstall_sent_without_a_proof_is_not_taken(
    client_of: ClientOf, admin: User, server: Server
) -> None:
    page = client_of(admin).post(url(server), entered())
    assert page.status_code == 403
    assert "Confirm that it is you, then enter it again" in text_of(page.content)
    assert not Job.objects.exists()


# --- What it shows ---------------------------------------------------------------------------------------------


def test_reinstall_says_what_is_lost_and_where(browser: Client, server: Server) -> None:
    shown = text_of(browser.get(url(server)).content)
    for part in ("web-01", "218000", "AMS-01", "D12 old", KINDS["reinstall"].consequence):
        assert part in shown
    assert "Erase and reinstall web-01" in shown
    assert "The server has no snapshots that the panel knows of." in shown


def test_reinstall_offers_the_servers_own_systems_by_family_and_chooses_none(
    browser: Client, server: Server
) -> None:
    page = browser.get(url(server)).content.decode()
    assert re.findall(r'name="os_template_id" value="(\w+)"', page) == ["D12", "U22", "U24"]
    assert re.findall(r"<legend>(\w+)</legend>", page) == ["Debian", "Ubuntu"]
    assert " checked>" not in page


def test_reinstall_can_be_searched_without_a_script(browser: Client, server: Server) -> None:
    page = browser.get(url(server, "?q=UBUNTU+22")).content.decode()
    labels = re.findall(r"<label data-choice( hidden)?><input[^>]*value=\"(\w+)\"", page)
    assert labels == [(" hidden", "D12"), ("", "U22"), (" hidden", "U24")]
    assert '<p class="muted" id="systems-none" hidden>' in page
    assert '<p class="muted" id="systems-none">' in browser.get(url(server, "?q=plan9")).content.decode()


def test_reinstall_names_the_snapshots_at_stake_with_their_age(
    browser: Client, server: Server, make_snapshot: MakeSnapshot
) -> None:
    make_snapshot(server, "Before upgrade", taken_at=timezone.now() - timedelta(days=90))
    make_snapshot(server, "Long gone", gone_at=timezone.now())
    shown = text_of(browser.get(url(server)).content)
    assert "1 snapshot of this server is at stake" in shown
    assert "Before upgrade ready taken 90 d ago" in shown
    assert "It may refuse while there are any, or they may be lost." in shown
    assert "Long gone" not in shown


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"asked_at": Now(), "read_at": None}, "are being read This page shows them by itself"),
        (
            {"error": "Leaseweb has trouble.", "error_at": Now(), "read_at": None},
            "could not be read",
        ),
        ({"read_at": Now()}, "Leaseweb offers no system for this server"),
    ],
)
def test_reinstall_without_a_list_says_why_and_what_to_do(
    browser: Client, server: Server, fields: dict[str, Any], says: str
) -> None:
    templates(server, content=[], **fields)
    page = browser.get(url(server)).content
    assert says in text_of(page)
    assert b'name="typed"' not in page
    assert (b'data-moving="yes"' in page) is ("asked_at" in fields)
    refresh = f'action="/t/north-ops/servers/{server.pk}/readings/templates/refresh/"'.encode()
    assert (refresh in page) is ("asked_at" not in fields)


def test_reinstall_has_a_list_read_that_was_never_read(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    server = make_server(team)
    assert "are being read" in text_of(browser.get(url(server)).content)
    awaited = ServerReading.objects.filter(server=server, asked_at__isnull=False)
    assert set(awaited.values_list("subject", flat=True)) == {"templates", "snapshots"}
    assert not AuditEvent.objects.exists()


def test_reinstall_with_an_old_list_shows_it_and_its_age(browser: Client, server: Server) -> None:
    trouble = {"error": "Leaseweb has trouble.", "error_at": timezone.now(), "correlation_id": "c0ffee-7"}
    templates(server, read_at=timezone.now() - timedelta(days=3), **trouble)
    shown = text_of(browser.get(url(server)).content)
    for part in ("as of 3 d ago", "The last reading of this list failed: Leaseweb has trouble.", "c0ffee-7"):
        assert part in shown
    assert "Ubuntu 24.04" in shown


def test_reinstall_in_between_is_not_offered(browser: Client, server: Server) -> None:
    Server.objects.update(state="STARTING")
    page = browser.get(url(server)).content
    assert "The server is starting; wait until it runs." in text_of(page)
    assert b'name="typed"' not in page


# --- What it takes ---------------------------------------------------------------------------------------------


def test_reinstall_is_taken_with_its_system(browser: Client, admin: User, server: Server) -> None:
    page = browser.post(url(server), entered())
    job = Job.objects.get()
    assert page["Location"] == f"/t/north-ops/jobs/{job.pk}/"
    assert (job.kind, job.status, job.requested_by, job.follow_up) == ("reinstall", "queued", admin, None)
    assert job.params == {"os_template_id": "D12", "os_template_name": "Debian 12 (64-bit)"}
    after = AuditEvent.objects.get(action="job.request").after
    assert (after["kind"], after["os_template_id"]) == ("reinstall", "D12")


@pytest.mark.req("G4")
def test_reinstall_twice_with_one_token_is_one_job(browser: Client, server: Server) -> None:
    sent = entered()
    assert browser.post(url(server), sent)["Location"] == browser.post(url(server), sent)["Location"]
    assert Job.objects.count() == 1


@pytest.mark.req("R2")
@pytest.mark.parametrize("typed", ["", "web-02", "web", "web-01x", "218000", "\0web-01"])
def test_reinstall_takes_no_other_name_and_loses_nothing(browser: Client, server: Server, typed: str) -> None:
    page = browser.post(url(server), entered(typed=typed, os_template_id="U22"))
    assert page.status_code == 422
    shown = page.content.decode()
    assert "Nothing was sent" in text_of(page.content)
    assert re.search(r'value="U22" checked', shown)
    assert typed.strip("\0") in shown
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("web-01", "  WEB-01 "),
        ("Büro Köln / 3", "büro köln\t/  3"),
        ("<b>web</b> & 'co'", "<B>web</B> & 'CO'"),
        ("\u202egnp.exe", "gnp.exe"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
        ("x" * 200, "x" * 200),
        ("\u200b\u202e", "218000"),
        ("\x07web\x1b[2J-01", "web[2J-01"),
        ("\x07", "218000"),
    ],
)
def test_reinstall_takes_the_name_as_people_type_it(
    browser: Client, server: Server, name: str, typed: str
) -> None:
    Server.objects.update(shown_name=name)
    assert browser.post(url(server), entered(typed=typed)).status_code == 302


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ("", "Choose the system to install."),
        ("U20", "does not hold that system any more"),
        ("<b>", "does not hold that system"),
    ],
)
def test_reinstall_takes_only_what_is_in_the_list(
    browser: Client, server: Server, chosen: str, says: str
) -> None:
    page = browser.post(url(server), entered(os_template_id=chosen))
    assert page.status_code == 422
    assert says in text_of(page.content)
    assert b'value="web-01"' in page.content
    assert not Job.objects.exists()


def test_reinstall_without_its_token_keeps_what_was_entered(browser: Client, server: Server) -> None:
    page = browser.post(url(server), entered(client_token="x"))
    assert page.status_code == 422
    assert "incomplete" in text_of(page.content)
    token = re.search(rb'name="client_token" value="([\w-]{36})"', page.content)
    assert token
    assert browser.post(url(server), entered(client_token=token[1].decode())).status_code == 302


def test_reinstall_while_another_job_lives_is_refused_and_kept(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    live = make_job(server, "reboot", "observing")
    page = browser.post(url(server), entered())
    assert page.status_code == 409
    assert "“Reboot” is in flight on this server." in text_of(page.content)
    assert f"/t/north-ops/jobs/{live.pk}/".encode() in page.content


def test_reinstall_again_chooses_what_the_person_chose_then(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    params = {"os_template_id": "U22", "os_template_name": "Ubuntu 22.04 (64-bit)"}
    first = make_job(server, "reinstall", "failed", params=params)
    page = browser.get(url(server, f"?again={first.pk}"))
    assert re.findall(r'value="(\w+)" checked', page.content.decode()) == ["U22"]
    browser.post(url(server), entered(again=str(first.pk)))
    assert Job.objects.get(status="queued").again_of == first


def test_reinstall_again_of_what_is_not_offered_any_more_says_so(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    params = {"os_template_id": "C7", "os_template_name": "CentOS 7"}
    first = make_job(server, "reinstall", "failed", params=params)
    page = browser.get(url(server, f"?again={first.pk}")).content.decode()
    assert "“CentOS 7”, which was installed then, is not offered any more." in page
    assert " checked>" not in page


# --- The questions of every view -------------------------------------------------------------------------------


def test_reinstall_is_not_for_an_operator(client_of: ClientOf, operator: User, server: Server) -> None:
    browser = prove(client_of(operator), operator)
    for page in (browser.get(url(server)), browser.post(url(server), entered())):
        assert page.status_code == 403
        assert "does not include “Reinstall servers”" in text_of(page.content)
    assert not Job.objects.exists()


def test_reinstall_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, server: Server
) -> None:
    browser = prove(client_of(outsider), outsider)
    assert browser.get(url(server)).status_code == 404
    assert browser.post(url(server), entered()).status_code == 404


def test_reinstall_refuses_other_methods(browser: Client, server: Server) -> None:
    assert browser.put(url(server)).status_code == 405


def test_reinstall_takes_the_same_queries_for_any_number_of_lines(
    browser: Client, server: Server, make_snapshot: MakeSnapshot
) -> None:
    def more() -> None:
        for number in range(30):
            make_snapshot(server, f"Nightly {number}")
        templates(server, content=[{"id": f"T{number}", "name": f"Plan {number}"} for number in range(30)])

    ServerReading.objects.update(
        read_at=timezone.now() + timedelta(hours=1)
    )  # young, however long this takes
    same_queries(browser, url(server), more)


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_reinstall_escapes_everything_foreign(
    browser: Client, server: Server, make_snapshot: MakeSnapshot, text: str
) -> None:
    Server.objects.update(shown_name=text[:200], template=text[:200])
    templates(server, content=[{"id": text, "name": text}], error=text[:500], error_at=timezone.now())
    make_snapshot(server, text[:255])
    page = browser.get(url(server)).content
    for harm in (b"<script>alert", b"<img src=x"):
        assert harm not in page


def test_reinstall_that_succeeded_has_the_new_credentials_read(
    room: EngineRoom, team: Team, admin: User
) -> None:
    server = room.server("RUNNING")
    ServerReading.objects.filter(server=server).update(asked_at=None, due_at=timezone.now())
    about = About({"os_template_id": "DEBIAN_12_64", "os_template_name": "Debian 12"})
    access = access_of(admin, team)
    job = job_create(access, server, KINDS["reinstall"], client_token=uuid.uuid4(), about=about)
    room.follow(room.submit(job), readings=20)
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert server.readings.get(subject="credentials").asked_at is not None
