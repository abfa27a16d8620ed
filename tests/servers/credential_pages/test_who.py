"""Who may see the pages about passwords of a server, and who is told why not."""

from django.test import Client

from servers.models import Server
from teams.models import User
from tests.cast import ClientOf
from tests.servers.credential_pages.asking import ROOT, TYPED, calls, url
from tests.support.engine_room import EngineRoom
from tests.support.pages import text_of
from tests.support.proof import prove

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
