"""The wish for a fresh reading of one server."""

import pytest

from audit.models import AuditEvent
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.pages import text_of


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team)


def url(server: Server) -> str:
    return f"/t/north-ops/servers/{server.pk}/refresh/"


def test_server_refresh_leaves_the_wish_and_goes_back(
    client_of: ClientOf, operator: User, server: Server
) -> None:
    page = client_of(operator).post(url(server))
    assert (page.status_code, page["Location"]) == (302, f"/t/north-ops/servers/{server.pk}/")
    server.refresh_from_db()
    assert server.refresh_asked_at is not None
    assert AuditEvent.objects.get(chain=server.team_id).action == "server.refresh"


def test_server_refresh_without_key_says_so(client_of: ClientOf, operator: User, server: Server) -> None:
    Server.objects.update(api_key=None)
    page = client_of(operator).post(url(server), follow=True)
    assert "No API key of this team sees this server." in text_of(page.content)
    server.refresh_from_db()
    assert server.refresh_asked_at is None


def test_server_refresh_is_no_reading_method(client_of: ClientOf, operator: User, server: Server) -> None:
    assert client_of(operator).get(url(server)).status_code == 405
    server.refresh_from_db()
    assert server.refresh_asked_at is None


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_server_refresh_is_not_for_readers(
    client_of: ClientOf, server: Server, role: str, request: pytest.FixtureRequest
) -> None:
    page = client_of(request.getfixturevalue(role)).post(url(server))
    assert page.status_code == 403
    assert "Ask for a fresh reading" in text_of(page.content)
    server.refresh_from_db()
    assert server.refresh_asked_at is None


def test_server_refresh_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, server: Server
) -> None:
    assert client_of(outsider).post(url(server)).status_code == 404


def test_server_refresh_of_another_team_is_404(
    client_of: ClientOf, operator: User, foreign_server: Server
) -> None:
    assert client_of(operator).post(url(foreign_server)).status_code == 404
    foreign_server.refresh_from_db()
    assert foreign_server.refresh_asked_at is None
