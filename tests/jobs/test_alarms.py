"""What every page says when the panel as a whole cannot do its work."""

from datetime import timedelta

import pytest
from django.test import Client

from jobs import alarms
from jobs.engine import heartbeat, send_counter
from jobs.engine.heartbeat import pulse
from jobs.models import Heartbeat, SendCounter
from servers.clock import after, before
from teams.models import Team, User
from tests.cast import ClientOf

pytestmark = pytest.mark.django_db
LONG = timedelta(seconds=31)


@pytest.fixture
def browser(client_of: ClientOf, owner: User) -> Client:
    return client_of(owner)


@pytest.fixture
def running(team: Team) -> None:
    """A panel that was started a minute ago, with a worker that ticks."""
    send_counter.born()
    heartbeat.started()
    Heartbeat.objects.update(ticked_at=before(2 * LONG))
    pulse.ticked()
    pulse.beat(Heartbeat.Driver.WORKER)


def words() -> str:
    return alarms.shown(alarms.of_panel())


def test_running_panel_has_no_alarm(running: None) -> None:
    assert words() == ""


def test_panel_that_comes_up_has_its_time(team: Team) -> None:
    send_counter.born()
    heartbeat.started()
    assert words() == ""


@pytest.mark.parametrize("moment", [before(LONG), after(timedelta(hours=2))], ids=["long ago", "to come"])
def test_panel_without_a_tick_says_that_nothing_moves(running: None, browser: Client, moment: object) -> None:
    Heartbeat.objects.update(ticked_at=moment)
    assert words() == "still"
    assert 'data-shown="still"' in browser.get("/t/north-ops/").content.decode()


def test_page_that_is_open_is_told_and_told_when_it_is_over(
    running: None, browser: Client, team: Team
) -> None:
    query = {"since": team.cursor, "page": "overview", "ids": "", "shown": "", "alarms": ""}
    assert browser.get("/t/north-ops/changes/", query).status_code == 204
    Heartbeat.objects.update(ticked_at=before(LONG))
    told = browser.get("/t/north-ops/changes/", query).content.decode()
    assert 'id="alarms" hx-swap-oob="innerHTML"' in told
    assert 'data-shown="still"' in told
    query["alarms"] = "still"
    assert browser.get("/t/north-ops/changes/", query).status_code == 204
    pulse.ticked()
    pulse.beat(Heartbeat.Driver.WORKER)
    over = browser.get("/t/north-ops/changes/", query).content.decode()
    assert 'id="alarms"' in over
    assert "data-shown" not in over


def test_worker_that_reaches_no_broker_is_named(running: None) -> None:
    pulse.beat(Heartbeat.Driver.WORKER, trouble=Heartbeat.Trouble.BROKER)
    assert words() == "broker"
    Heartbeat.objects.update(at=before(LONG), ticked_at=before(LONG))
    assert words() == "still"


def test_database_that_was_put_back_is_named(running: None, browser: Client) -> None:
    SendCounter.objects.update(held_at=after(timedelta(0)))
    assert "manage.py resume" in browser.get("/t/north-ops/").content.decode()


@pytest.mark.once
def test_full_disk_is_named_and_pages_are_read_on(
    running: None, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full is what has too little room for SQLite to write."""
    monkeypatch.setattr(alarms, "FULL_BELOW", 1 << 62)
    assert 'data-shown="full"' in browser.get("/t/north-ops/").content.decode()


def test_stranger_learns_nothing_of_it(running: None, client: Client) -> None:
    Heartbeat.objects.update(ticked_at=before(LONG))
    assert "data-shown" not in client.get("/accounts/login/", follow=True).content.decode()
