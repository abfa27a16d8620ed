"""What a tick costs while nothing happens, and what it rings for the audit trail."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import verification
from audit.checkpoints import making
from audit.models import Checkpoint
from audit.origin import Actor
from jobs import engine, tasks
from servers.clock import after
from servers.models import ApiKey, ServerReading
from teams.models import Team
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


def test_checkpoint_that_is_due_and_a_wish_to_verify_are_rung_and_done_without_a_broker(
    room: EngineRoom, team: Team, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(making, "FIRST_AFTER", timedelta(0))
    room.click("reboot")
    verification.ask(team.pk, Actor())
    rung = {task: ids for task, ids in tasks.by_task(engine.tick()) if ids}
    assert (rung[tasks.verify_chain], rung[tasks.sign_checkpoint]) == ((team.pk,), (1,))
    engine.run_once()
    assert Checkpoint.objects.count() == 1
    rings = engine.tick()
    assert (rings.verifications, rings.checkpoints) == ((), ())
