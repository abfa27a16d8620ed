"""A click while somebody else holds the lock of SQLite: nothing is kept, and the page says so."""

import sqlite3
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from audit.models import AuditEvent
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.pages import text_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team)


@pytest.fixture
def browser(server: Server, owner: User, client_of: ClientOf) -> Client:
    """Its panel waits a moment for the lock, not twenty seconds, and answers as in production."""
    browser = client_of(owner)
    browser.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    return browser


@pytest.fixture
def locked(browser: Client) -> Iterator[None]:
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()
    connection.close()  # and with it the short wait


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("servers/{}/note/", {"note": "rack 12"}),
        ("servers/{}/refresh/", {}),
        ("servers/{}/jobs/new/power_off/", {"client_token": "0d5e0c2f-8b3c-4b1f-9a1b-a3d6eb8c7a11"}),
    ],
)
def test_click_that_could_not_be_kept_says_so_and_leads_back(
    browser: Client, server: Server, locked: None, address: str, form: dict[str, str]
) -> None:
    page = f"http://testserver/t/north-ops/servers/{server.pk}/"
    answer = browser.post(f"/t/north-ops/{address.format(server.pk)}", form, headers={"Referer": page})
    assert (answer.status_code, answer["Retry-After"], answer["X-Nothing-Kept"]) == (503, "10", "yes")
    assert "Nothing of what you sent was kept." in text_of(answer.content)
    assert f'href="/t/north-ops/servers/{server.pk}/"' in answer.content.decode()
    assert 'data-way="back"' in answer.content.decode(), "and what was typed is kept on that way"
    assert "Content-Security-Policy" in answer
    kept = Server.objects.get()
    assert (kept.note, kept.refresh_asked_at, kept.jobs.count()) == ("", None, 0)
    assert AuditEvent.objects.count() == 0


def test_page_that_is_only_read_is_shown(browser: Client, server: Server, locked: None) -> None:
    assert browser.get(f"/t/north-ops/servers/{server.pk}/note/").status_code == 200


def test_other_faults_stay_faults(browser: Client, server: Server) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE servers_server RENAME TO servers_away")
    try:
        assert browser.get("/t/north-ops/servers/").status_code == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE servers_away RENAME TO servers_server")
