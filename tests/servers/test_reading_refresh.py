"""The wish for a fresh reading of what belongs to a server."""

import pytest

from audit.models import AuditEvent
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.pages import text_of

BACK = {"snapshots": "snapshots/", "templates": "jobs/new/reinstall/"}


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team)


def url(server: Server, subject: str = "snapshots") -> str:
    return f"/t/north-ops/servers/{server.pk}/readings/{subject}/refresh/"


@pytest.mark.parametrize("subject", BACK)
def test_reading_refresh_leaves_the_wish_and_goes_back(
    client_of: ClientOf, operator: User, server: Server, subject: str
) -> None:
    page = client_of(operator).post(url(server, subject))
    assert (page.status_code, page["Location"]) == (302, f"/t/north-ops/servers/{server.pk}/{BACK[subject]}")
    assert server.readings.get().subject == subject
    assert server.readings.get().asked_at is not None
    entry = AuditEvent.objects.get(chain=server.team_id)
    assert (entry.action, entry.after) == ("server.refresh", {"subject": subject})
    server.refresh_from_db()
    server.team.refresh_from_db()
    assert server.changed_seq == server.team.cursor


def test_reading_refresh_without_key_says_so(client_of: ClientOf, operator: User, server: Server) -> None:
    Server.objects.update(api_key=None)
    page = client_of(operator).post(url(server), follow=True)
    assert "No API key of this team sees this server." in text_of(page.content)
    assert not server.readings.exists()


@pytest.mark.parametrize("subject", ["traffic", "credentials", "passwords", "SNAPSHOTS"])
def test_reading_refresh_of_nothing_that_is_shown_this_way_is_404(
    client_of: ClientOf, operator: User, server: Server, subject: str
) -> None:
    assert client_of(operator).post(url(server, subject)).status_code == 404
    assert not server.readings.exists()


def test_reading_refresh_is_no_reading_method(client_of: ClientOf, operator: User, server: Server) -> None:
    assert client_of(operator).get(url(server)).status_code == 405
    assert not server.readings.exists()


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_reading_refresh_is_not_for_readers(
    client_of: ClientOf, server: Server, role: str, request: pytest.FixtureRequest
) -> None:
    page = client_of(request.getfixturevalue(role)).post(url(server))
    assert page.status_code == 403
    assert not server.readings.exists()


def test_reading_refresh_of_another_team_is_404(
    client_of: ClientOf, operator: User, outsider: User, server: Server, foreign_server: Server
) -> None:
    assert client_of(outsider).post(url(server)).status_code == 404
    assert client_of(operator).post(url(foreign_server)).status_code == 404
    assert not foreign_server.readings.exists()
