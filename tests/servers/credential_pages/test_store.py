"""Storing a password of a server at Leaseweb."""

import pytest
from django.test import Client

from servers.models import Server
from teams.models import User
from tests.cast import ClientOf
from tests.servers.credential_pages.asking import TYPED, calls, url
from tests.support.answers import arrange
from tests.support.engine_room import EngineRoom
from tests.support.pages import text_of


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
