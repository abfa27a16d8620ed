"""What a tick costs while nothing happens."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import engine
from servers.clock import after
from servers.models import ApiKey, ServerReading
from tests.support.engine_room import EngineRoom

pytestmark = pytest.mark.django_db


def test_tick_of_a_quiet_panel_only_asks_and_asks_little(room: EngineRoom) -> None:
    """It comes every two seconds, all day long; writing would take the one write lock that SQLite has."""
    ServerReading.objects.update(due_at=after(timedelta(hours=1)))
    ApiKey.objects.update(next_sync_at=after(timedelta(hours=1)))
    with CaptureQueriesContext(connection) as queries:
        assert engine.tick() == engine.Rings()
    assert [each["sql"] for each in queries if not each["sql"].startswith("SELECT")] == []
    assert len(queries) == 12
