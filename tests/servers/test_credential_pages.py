"""The pages about passwords of a server: which there are, revealing one, storing one."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent, AuditHead
from jobs.engine import reading
from servers.models import Server, ServerReading
from teams.models import Membership, User
from tests.cast import ClientOf, MakeJob
from tests.support.answers import arrange
from tests.support.engine_room import EngineRoom
from tests.support.pages import HOSTILE, same_queries, text_of
from tests.support.proof import prove
from tests.support.reach import Obstacle, disabled_refresh, out_of_reach, refused_refresh

ROOT = "?type=OPERATING_SYSTEM&username=root"
TYPED = {
    "type": "CONTROL_PANEL",
    "username": "web master",
    "password": "c0rrect horse",
    "again": "c0rrect horse",
}


@pytest.fixture
def server(room: EngineRoom) -> Server:
    """One whose credentials were read a while ago."""
    server = room.server()
    row, _ = ServerReading.objects.get_or_create(server=server, subject="credentials")
    ServerReading.objects.filter(pk=row.pk).update(
        read_at=timezone.now() - timedelta(minutes=90),
        content=[{"type": "OPERATING_SYSTEM", "username": "root"}],
    )
    return server


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    """An admin who gave their password a moment ago."""
    return prove(client_of(admin), admin)


def url(server: Server, act: str = "") -> str:
    return f"/t/north-ops/servers/{server.pk}/credentials/{act}"


def row_of(server: Server) -> ServerReading:
    return ServerReading.objects.get(server=server, subject="credentials")


def password_of(room: EngineRoom, server: Server) -> str:
    return room.sim.world.server(server.upstream_id).credentials["OPERATING_SYSTEM", "root"]


def calls(room: EngineRoom, operation: str = "getCredential") -> int:
    return len(room.sim.journal.entries(operation))


# --- The list ---------------------------------------------------------------------------------------------------


def test_credential_list_names_users_and_how_old_that_is(browser: Client, server: Server) -> None:
    page = browser.get(url(server))
    shown = text_of(page.content)
    assert "root Operating system" in shown
    assert "as of 1 h ago" in shown
    assert "It may differ from the one on the machine if it was changed there." in shown
    assert "none through this panel" in shown
    assert f"{url(server, 'reveal/')}?type=OPERATING_SYSTEM&amp;username=root" in page.content.decode()
    assert row_of(server).asked_at is None, "it is young enough"


def test_credential_list_tells_of_the_last_reinstall_and_the_last_store(
    browser: Client, server: Server, make_job: MakeJob, room: EngineRoom
) -> None:
    make_job(server, "reinstall", "expired", sent_at=None)
    job = make_job(server, "reinstall", "succeeded")
    make_job(server, "reinstall", "queued")
    browser.post(url(server, "store/"), TYPED)
    page = browser.get(url(server))
    assert f"/t/north-ops/jobs/{job.pk}/" in page.content.decode()
    assert "for “ web master ” by Adam Admin" in text_of(page.content)
    assert "did not confirm" not in text_of(page.content)
    arrange(room.sim, "cut after sending", "storeCredential")
    browser.post(url(server, "store/"), TYPED)
    assert "Leaseweb did not confirm it" in text_of(browser.get(url(server)).content)


def test_credential_list_is_read_on_opening_when_it_was_never_read(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    ServerReading.objects.filter(server=server).delete()
    page = browser.get(url(server))
    assert "The panel is asking Leaseweb which users there are." in text_of(page.content)
    assert b'data-moving="yes"' in page.content
    reading.read_detail(row_of(server).pk)
    news = browser.get(f"/t/north-ops/changes/?since=0&page=credentials&ids={server.pk}&shown=reading")
    assert "root Operating system" in text_of(news.content)
    assert b'data-moving="no"' in news.content


def test_credential_list_waits_without_news_while_it_is_read(browser: Client, server: Server) -> None:
    ServerReading.objects.filter(server=server, subject="credentials").update(asked_at=timezone.now())
    browser.get(url(server))
    since = Membership.objects.select_related("team").get(user__name="Adam Admin").team.cursor
    news = f"/t/north-ops/changes/?since={since}&page=credentials&ids={server.pk}&shown=reading"
    assert browser.get(news).status_code == 204


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"content": []}, "Leaseweb stores no password of this server."),
        ({"error": "Leaseweb had trouble.", "error_at": Now()}, "Leaseweb had trouble."),
    ],
)
def test_credential_list_says_why_it_shows_nothing_new(
    browser: Client, server: Server, fields: dict[str, Any], words: str
) -> None:
    ServerReading.objects.filter(server=server, subject="credentials").update(**fields)
    assert words in text_of(browser.get(url(server)).content)


def test_credential_list_of_a_gone_server_says_why_nothing_can_be_done(
    browser: Client, server: Server
) -> None:
    Server.objects.filter(pk=server.pk).update(gone_at=timezone.now())
    page = browser.get(url(server)).content
    assert "Leaseweb has not listed this server since" in text_of(page)
    assert b"reveal/?" not in page
    assert b'/store/"' not in page


def test_credential_refresh_is_in_the_trail(browser: Client, server: Server) -> None:
    assert browser.post(url(server, "refresh/")).status_code == 302
    assert row_of(server).asked_at is not None
    assert AuditEvent.objects.get(action="server.refresh").after == {"subject": "credentials"}
    assert browser.get(url(server, "refresh/")).status_code == 405


@out_of_reach
def test_credential_refresh_out_of_reach_says_why_and_asks_for_nothing(
    browser: Client, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    (said,) = refused_refresh(browser, url(server, "refresh/"))
    assert said.startswith(obstacle.reason)
    assert row_of(server).asked_at is None
    assert not AuditEvent.objects.filter(action="server.refresh").exists()
    assert disabled_refresh(browser.get(url(server)).content, obstacle.reason)


@pytest.mark.req("X12")
def test_credential_pages_escape_names(browser: Client, server: Server) -> None:
    names = [{"type": "CONTROL_PANEL", "username": text[:256]} for text in HOSTILE]
    ServerReading.objects.filter(server=server, subject="credentials").update(content=names)
    Server.objects.filter(pk=server.pk).update(shown_name=HOSTILE[0])
    page = browser.get(url(server)).content
    assert "The API takes user names of 1 to 256 printable characters" in page.decode(), (
        "one is not printable"
    )
    assert b"<script>alert" not in page + browser.get(url(server, "store/")).content


def test_credential_list_takes_the_same_queries_for_any_number_of_users(
    browser: Client, server: Server
) -> None:
    names = [{"type": "OPERATING_SYSTEM", "username": f"user{number}"} for number in range(30)]
    row = ServerReading.objects.filter(server=server, subject="credentials")
    same_queries(browser, url(server), lambda: row.update(content=names))


# --- Revealing --------------------------------------------------------------------------------------------------


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
    assert "The next one can be revealed in 9 min" in text_of(page.content)
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
    assert page.status_code == 500
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


# --- Storing ----------------------------------------------------------------------------------------------------


def test_credential_store_stores_and_says_what_that_means(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    assert "The password on the machine stays as it is." in text_of(
        browser.get(url(server, "store/")).content
    )
    page = browser.post(url(server, "store/"), TYPED, follow=True)
    assert page.redirect_chain == [(url(server), 302)]
    shown = text_of(page.content)
    assert (
        "Leaseweb shows the new password of “web master” now. The machine itself still has its own." in shown
    )
    kept = room.sim.world.server(server.upstream_id).credentials
    assert kept["CONTROL_PANEL", "web master"] == "c0rrect horse"
    assert "c0rrect horse" not in page.content.decode()


def test_credential_store_knows_who_is_meant(browser: Client, server: Server) -> None:
    page = browser.get(url(server, "store/?type=CONTROL_PANEL&username=a%26b")).content.decode()
    assert 'value="a&amp;b"' in page
    assert '<option value="CONTROL_PANEL" selected>' in page


WRONG = {
    "different": ({"again": "c0rrect house"}, "The two are not the same."),
    "two lines": ({"password": "a\nb", "again": "a\nb"}, "one line of printable characters"),
    "nothing": ({"password": "", "again": ""}, "This field is required."),
    "too long": ({"password": "x" * 257, "again": "x" * 257}, "at most 256 characters"),
    "no user": ({"username": ""}, "This field is required."),
    "unprintable user": ({"username": "a\u202eb"}, "The API takes user names"),
    "unknown type": ({"type": "ROOT"}, "Select a valid choice."),
}


@pytest.mark.parametrize(("change", "complaint"), WRONG.values(), ids=WRONG)
def test_credential_store_complains_and_never_sends_the_password_back(
    browser: Client, room: EngineRoom, server: Server, change: dict[str, str], complaint: str
) -> None:
    typed = TYPED | change
    page = browser.post(url(server, "store/"), typed)
    assert page.status_code == 422
    assert complaint in text_of(page.content)
    for name in ("password", "again"):
        assert not typed[name] or typed[name] not in page.content.decode()
    assert calls(room, "storeCredential") == 0


def test_credential_store_that_was_refused_or_not_confirmed_says_so(
    browser: Client, room: EngineRoom, server: Server
) -> None:
    arrange(room.sim, "409", "storeCredential")
    page = browser.post(url(server, "store/"), TYPED)
    assert page.status_code == 422
    assert "“The server has another task; try again later.”" in text_of(page.content)
    assert 'value="web master"' in page.content.decode()
    assert "c0rrect horse" not in page.content.decode()
    room.sim.faults.clear()
    arrange(room.sim, "cut after sending", "storeCredential")
    page = browser.post(url(server, "store/"), TYPED, follow=True)
    assert "Reveal the password of “web master” to see which one is stored." in text_of(page.content)


@pytest.mark.req("R1")
def test_credential_store_asks_for_a_fresh_proof_first(
    client_of: ClientOf, admin: User, room: EngineRoom, server: Server
) -> None:
    browser = client_of(admin)
    assert browser.get(url(server, "store/")).status_code == 302
    refused = browser.post(url(server, "store/"), TYPED)
    assert refused.status_code == 403
    assert "c0rrect horse" not in refused.content.decode()
    assert calls(room, "storeCredential") == 0


# --- Who --------------------------------------------------------------------------------------------------------

PAGES = {"": "get", f"reveal/{ROOT}": "post", "store/": "post", "refresh/": "post"}


def test_credential_pages_are_for_those_who_may_reveal(
    client_of: ClientOf, room: EngineRoom, server: Server, viewer: User, operator: User, auditor: User
) -> None:
    for person in (viewer, operator, auditor):
        browser = prove(client_of(person), person)
        for act, method in PAGES.items():
            page = getattr(browser, method)(url(server, act), TYPED)
            assert page.status_code == 403
            assert "it does not include “" in text_of(page.content)
    assert calls(room) + calls(room, "storeCredential") == 0


def test_credential_pages_do_not_exist_for_an_outsider(
    client_of: ClientOf, room: EngineRoom, server: Server, outsider: User
) -> None:
    browser = prove(client_of(outsider), outsider)
    for act, method in PAGES.items():
        assert getattr(browser, method)(url(server, act), TYPED).status_code == 404
    assert calls(room) + calls(room, "storeCredential") == 0


def test_credential_pages_refuse_other_methods(browser: Client, server: Server) -> None:
    for act in PAGES:
        assert browser.put(url(server, act)).status_code == 405


def test_server_page_leads_to_the_credentials_or_says_why_not(
    browser: Client, client_of: ClientOf, operator: User, server: Server
) -> None:
    page = f"/t/north-ops/servers/{server.pk}/"
    assert f'href="{url(server)}"' in browser.get(page).content.decode()
    theirs = client_of(operator).get(page).content.decode()
    assert f'href="{url(server)}"' not in theirs
    assert "it does not include “Reveal server passwords”" in theirs
