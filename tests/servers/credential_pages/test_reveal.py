"""Revealing a password of a server: after a fresh proof, live, and in one answer alone."""

import re

import pytest
from django.test import Client

from audit.models import AuditEvent, AuditHead
from servers.models import Server, ServerReading
from teams.models import User
from tests.cast import ClientOf
from tests.servers.credential_pages.asking import ROOT, calls, password_of, url
from tests.support.answers import arrange
from tests.support.engine_room import EngineRoom
from tests.support.pages import text_of
from tests.support.proof import prove


@pytest.mark.req("R1")
def test_credential_reveal_asks_for_a_fresh_proof_first(
    client_of: ClientOf, admin: User, room: EngineRoom, server: Server
) -> None:
    browser = prove(client_of(admin), admin, seconds_ago=601)
    page = browser.get(url(server, f"reveal/{ROOT}"))
    assert page["Location"].startswith("/accounts/confirm/?next=")
    posted = browser.post(url(server, f"reveal/{ROOT}"), {"reason": "ticket"})
    assert posted.status_code == 403
    assert calls(room) == 0
    assert not AuditEvent.objects.filter(action="credential.reveal").exists()


@pytest.mark.req("R1")
def test_credential_reveal_shows_the_password_once_and_to_nobody_else(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    form = browser.get(url(server, f"reveal/{ROOT}"))
    assert "shows it for 30 seconds" in text_of(form.content)
    assert calls(room) == 0, "looking at the form asks for nothing"
    page = browser.post(url(server, f"reveal/{ROOT}"), {"reason": "ticket 4711"})
    password = password_of(room, server)
    assert f'<pre class="target" id="password">{password}</pre>' in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    assert "Without JavaScript it does not hide by itself" in page.content.decode()
    asked = AuditEvent.objects.filter(action="credential.reveal").earliest("sequence")
    assert (asked.reason, calls(room)) == ("ticket 4711", 1)
    for address in (url(server), url(server, f"reveal/{ROOT}"), f"/t/north-ops/audit/{asked.sequence}/"):
        assert password not in browser.get(address).content.decode()


def test_credential_reveal_escapes_the_password(browser: Client, room: EngineRoom, server: Server) -> None:
    hostile = '"><script>alert(1)</script>&amp;  two spaces'
    room.sim.world.server(server.upstream_id).credentials["OPERATING_SYSTEM", "root"] = hostile
    page = browser.post(url(server, f"reveal/{ROOT}"))
    assert "<script>alert" not in page.content.decode()
    assert "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;  two spaces" in page.content.decode()


def test_credential_reveal_that_fails_says_why(browser: Client, room: EngineRoom, server: Server) -> None:
    arrange(room.sim, "503 documented", "getCredential")
    page = browser.post(url(server, f"reveal/{ROOT}"), {"reason": "ticket 4711"})
    assert page.status_code == 422
    assert "Leaseweb has trouble answering at the moment." in text_of(page.content)
    assert 'value="ticket 4711"' in page.content.decode()


@pytest.mark.req("R1")
def test_credential_reveal_for_the_sixth_time_is_refused(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    statuses = [browser.post(url(server, f"reveal/{ROOT}")).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    page = browser.post(url(server, f"reveal/{ROOT}"))
    assert "5 passwords were revealed within the last 10 minutes." in text_of(page.content)
    assert re.search(r"The next one can be revealed in [1-9] min", text_of(page.content))
    assert calls(room) == 5


@pytest.mark.req("R1")
@pytest.mark.req("A2")
def test_credential_reveal_without_a_trail_asks_leaseweb_nothing(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    browser.post(url(server, f"reveal/{ROOT}"))
    AuditHead.objects.update(sequence=0)
    browser.raise_request_exception = False
    page = browser.post(url(server, f"reveal/{ROOT}"))
    assert page.status_code == 503
    assert password_of(room, server) not in page.content.decode()
    assert calls(room) == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?type=OPERATING_SYSTEM",
        "?type=OPERATING_SYSTEM&username=admin",
        "?type=CONTROL_PANEL&username=root",
        "?type=SOMETHING&username=root",
        "?type=OPERATING_SYSTEM&username=root%00",
        f"?type=OPERATING_SYSTEM&username={'x' * 300}",
    ],
)
def test_credential_reveal_of_what_leaseweb_does_not_list_is_404(
    browser: Client, room: EngineRoom, server: Server, query: str
) -> None:
    assert browser.get(url(server, f"reveal/{query}")).status_code == 404
    assert browser.post(url(server, f"reveal/{query}")).status_code == 404
    assert calls(room) == 0


def test_credential_reveal_of_a_name_that_cannot_be_asked_for_says_so(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    ServerReading.objects.filter(server=server, subject="credentials").update(
        content=[{"type": "OPERATING_SYSTEM", "username": ".."}]
    )
    page = browser.post(url(server, "reveal/?type=OPERATING_SYSTEM&username=.."))
    assert page.status_code == 422
    assert "The API takes user names of 1 to 256 printable characters" in text_of(page.content)
    assert calls(room) == 0


def test_credential_reveal_complains_in_place(browser: Client, room: EngineRoom, server: Server) -> None:
    page = browser.post(url(server, f"reveal/{ROOT}"), {"reason": "x" * 301})
    assert page.status_code == 422
    assert "at most 300 characters" in text_of(page.content)
    assert calls(room) == 0
