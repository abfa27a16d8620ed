"""Opening a page has old details read again; nobody waits for it, and nothing else is written."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from servers import details
from servers.models import Server, ServerReading
from teams.models import Team
from tests.cast import MakeServer
from tests.support.reach import Obstacle, out_of_reach

SUBJECT = ServerReading.Subject.SNAPSHOTS
HOUR = timedelta(hours=1)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team)


def ago(**length: int) -> Any:
    return timezone.now() - timedelta(**length)


def reading(server: Server, **fields: Any) -> ServerReading:
    return ServerReading.objects.create(server=server, subject=SUBJECT, **fields)


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, True),
        ({"read_at": 90}, True),
        ({"read_at": 30}, False),
        ({"read_at": 90, "error_at": 1}, False),
        ({"read_at": 90, "error_at": 80}, True),
    ],
)
def test_freshen_asks_for_what_is_old(server: Server, fields: dict[str, int], asks: bool) -> None:
    """Ages in minutes; what is older than an hour is old."""
    row = reading(server, **{name: ago(minutes=age) for name, age in fields.items()})
    assert details.freshen(server, SUBJECT, HOUR) is asks
    row.refresh_from_db()
    assert (row.asked_at is not None) is asks


def test_freshen_of_no_age_asks_whatever_came_before(server: Server) -> None:
    reading(server, read_at=ago(seconds=1), error_at=ago(seconds=1))
    assert details.freshen(server, SUBJECT, timedelta(0))


def test_freshen_makes_the_reading_that_a_server_has_not_yet(server: Server) -> None:
    assert details.freshen(server, SUBJECT, HOUR)
    assert ServerReading.objects.get(server=server, subject=SUBJECT).asked_at is not None


def test_freshen_writes_nothing_when_it_was_asked_already(server: Server) -> None:
    row = reading(server, asked_at=ago(seconds=10))
    with CaptureQueriesContext(connection) as seen:
        assert details.freshen(server, SUBJECT, HOUR)
    assert all(query["sql"].startswith("SELECT") for query in seen)
    assert ServerReading.objects.get(pk=row.pk).asked_at == row.asked_at


@out_of_reach
def test_freshen_asks_nobody_who_cannot_answer(server: Server, obstacle: Obstacle) -> None:
    obstacle.put(server)
    server.refresh_from_db()
    assert not details.freshen(server, SUBJECT, HOUR)
    assert not ServerReading.objects.exists()


def test_freshen_is_nobodys_act(team: Team, server: Server) -> None:
    team.refresh_from_db()
    before = team.cursor
    details.freshen(server, SUBJECT, HOUR)
    team.refresh_from_db()
    assert team.cursor == before
    assert not AuditEvent.objects.exists()
