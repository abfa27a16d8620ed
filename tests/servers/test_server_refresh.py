"""The wish for a fresh reading of one server."""

import pytest

from audit.models import AuditEvent
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.pages import text_of
from tests.support.reach import Obstacle, disabled_refresh, out_of_reach, refused_refresh


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


@out_of_reach
def test_server_refresh_out_of_reach_says_why_and_asks_for_nothing(
    client_of: ClientOf, operator: User, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    (said,) = refused_refresh(client_of(operator), url(server))
    assert said.startswith(obstacle.reason)
    server.refresh_from_db()
    assert server.refresh_asked_at is None
    assert not AuditEvent.objects.filter(chain=server.team_id).exists()


@out_of_reach
def test_server_detail_out_of_reach_shows_why_there_is_no_refresh(
    client_of: ClientOf, operator: User, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    page = client_of(operator).get(f"/t/north-ops/servers/{server.pk}/").content
    assert disabled_refresh(page, obstacle.reason)
    assert b'id="server-refresh"' not in page


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
