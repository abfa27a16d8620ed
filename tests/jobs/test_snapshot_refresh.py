"""The wish for a fresh reading of one snapshot, and what its page says meanwhile and afterwards."""

from datetime import timedelta

import pytest
from django.test import Client

from audit.models import AuditEvent
from jobs import engine
from servers.clock import before
from servers.models import Server, ServerReading, Snapshot
from teams.models import Team, User
from tests.cast import ClientOf, MakeReading, MakeServer, MakeSnapshot
from tests.jobs.test_changes import place
from tests.support.pages import text_of
from tests.support.reach import Obstacle, disabled_refresh, out_of_reach, refused_refresh

BUTTON = b'id="snapshot-refresh"'


@pytest.fixture
def snapshot(team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot) -> Snapshot:
    return make_snapshot(make_server(team))


@pytest.fixture
def fresh(snapshot: Snapshot, make_reading: MakeReading) -> ServerReading:
    """Its list was read a moment ago, so that opening its page asks for nothing."""
    return make_reading(snapshot.server, "snapshots")


def page_url(snapshot: Snapshot) -> str:
    return f"/t/north-ops/servers/{snapshot.server_id}/snapshots/{snapshot.pk}/"


def url(snapshot: Snapshot) -> str:
    return f"{page_url(snapshot)}refresh/"


def asked(snapshot: Snapshot) -> bool:
    return Snapshot.objects.get(pk=snapshot.pk).asked_at is not None


def test_snapshot_refresh_leaves_the_wish_and_goes_back(
    client_of: ClientOf, operator: User, snapshot: Snapshot
) -> None:
    page = client_of(operator).post(url(snapshot))
    assert (page.status_code, page["Location"]) == (302, page_url(snapshot))
    assert asked(snapshot)
    entry = AuditEvent.objects.get(chain=snapshot.team_id)
    assert (entry.action, entry.target_id) == ("server.refresh", str(snapshot.server_id))
    assert entry.after == {"snapshot": "Nightly"}


def test_snapshot_refresh_pressed_twice_asks_once(
    client_of: ClientOf, operator: User, snapshot: Snapshot
) -> None:
    browser = client_of(operator)
    browser.post(url(snapshot))
    first = Snapshot.objects.get(pk=snapshot.pk)
    browser.post(url(snapshot))
    assert Snapshot.objects.get(pk=snapshot.pk).asked_at == first.asked_at
    assert AuditEvent.objects.filter(chain=snapshot.team_id).count() == 1


def test_snapshot_page_waits_for_the_reading_and_tells_when_nobody_could_do_it(
    client_of: ClientOf, operator: User, snapshot: Snapshot, fresh: ServerReading
) -> None:
    browser = client_of(operator)
    assert BUTTON in browser.get(page_url(snapshot)).content
    page = browser.post(url(snapshot), follow=True).content
    assert b'data-moving="yes"' in page
    assert "reading…" in text_of(page)
    assert BUTTON not in page
    assert browser.get(place(page)[0]).status_code == 204
    Snapshot.objects.update(asked_at=before(timedelta(minutes=3)))
    assert engine.tick().snapshots == ()
    news = browser.get(place(page)[0]).content
    assert "Nobody could read it within two minutes" in text_of(news)
    assert (BUTTON in news, b'data-moving="yes"' in news) == (True, False)


@out_of_reach
def test_snapshot_refresh_out_of_reach_says_why_and_asks_for_nothing(
    client_of: ClientOf, operator: User, snapshot: Snapshot, obstacle: Obstacle
) -> None:
    obstacle.put(snapshot.server)
    (said,) = refused_refresh(client_of(operator), url(snapshot))
    assert said.startswith(obstacle.reason)
    assert not asked(snapshot)
    assert not AuditEvent.objects.filter(chain=snapshot.team_id).exists()


@out_of_reach
def test_snapshot_page_out_of_reach_shows_why_there_is_no_refresh(
    client_of: ClientOf, operator: User, snapshot: Snapshot, obstacle: Obstacle
) -> None:
    obstacle.put(snapshot.server)
    page = client_of(operator).get(page_url(snapshot)).content
    assert disabled_refresh(page, obstacle.reason)
    assert BUTTON not in page


def test_snapshot_refresh_is_no_reading_method(
    client_of: ClientOf, operator: User, snapshot: Snapshot
) -> None:
    assert client_of(operator).get(url(snapshot)).status_code == 405
    assert not asked(snapshot)


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_snapshot_refresh_is_not_for_readers(
    client_of: ClientOf, snapshot: Snapshot, fresh: ServerReading, role: str, request: pytest.FixtureRequest
) -> None:
    browser: Client = client_of(request.getfixturevalue(role))
    page = browser.get(page_url(snapshot)).content
    assert (BUTTON in page, b'aria-disabled="true" title="' in page) == (False, True)
    refused = browser.post(url(snapshot))
    assert refused.status_code == 403
    assert "Ask for a fresh reading" in text_of(refused.content)
    assert not asked(snapshot)


def test_snapshot_refresh_of_others_or_under_another_server_is_404(
    client_of: ClientOf,
    operator: User,
    outsider: User,
    team: Team,
    snapshot: Snapshot,
    foreign_server: Server,
    make_server: MakeServer,
    make_snapshot: MakeSnapshot,
) -> None:
    theirs = make_snapshot(foreign_server)
    misplaced = f"/t/north-ops/servers/{make_server(team).pk}/snapshots/{snapshot.pk}/refresh/"
    assert client_of(outsider).post(url(snapshot)).status_code == 404
    assert client_of(operator).post(url(theirs)).status_code == 404
    assert client_of(operator).post(misplaced).status_code == 404
    assert not Snapshot.objects.filter(asked_at__isnull=False).exists()
