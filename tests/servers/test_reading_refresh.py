"""The wish for a fresh reading of what belongs to a server."""

import pytest

from audit.models import AuditEvent
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeServer
from tests.support.reach import Obstacle, disabled_refresh, out_of_reach, refused_refresh

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


@out_of_reach
@pytest.mark.parametrize("subject", BACK)
def test_reading_refresh_out_of_reach_says_why_and_asks_for_nothing(
    client_of: ClientOf, admin: User, server: Server, subject: str, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    (said,) = refused_refresh(client_of(admin), url(server, subject))
    assert said.startswith(obstacle.reason)
    assert not server.readings.exists()
    assert not AuditEvent.objects.filter(chain=server.team_id).exists()


@out_of_reach
def test_server_snapshots_out_of_reach_shows_why_there_is_no_refresh(
    client_of: ClientOf, operator: User, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    page = client_of(operator).get(f"/t/north-ops/servers/{server.pk}/snapshots/").content
    assert disabled_refresh(page, obstacle.reason)
    assert b'id="reading-refresh"' not in page


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
