"""What open pages and the key learn from the engine's steps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from jobs.states import JobStatus
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey
from tests.support.engine_room import EngineRoom


@pytest.mark.django_db(transaction=True)
def test_counter_of_changes_moves_only_in_the_transaction_of_the_change(room: EngineRoom) -> None:
    """Taken outside, it would be seen before the change, and pages would ask only for what comes after it."""
    taken: list[bool] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith('UPDATE "teams_team" SET "cursor"'):
            taken.append(connection.in_atomic_block)
        return execute(sql, params, many, context)

    server = room.server("RUNNING")
    with connection.execute_wrapper(watch):
        job = room.follow(room.submit(room.request(server, "reboot")))
    assert job.status == JobStatus.SUCCEEDED
    assert job.events.filter(from_status="observing", to_status="observing").exists()
    assert len(taken) > 5
    assert all(taken)


@pytest.mark.django_db
def test_accepted_action_shows_that_a_key_is_for_more_than_reading(room: EngineRoom) -> None:
    ApiKey.objects.update(health=ApiKey.Health.READS_ONLY)
    room.submit(room.request(room.server("STOPPED")))
    assert ApiKey.objects.get().health == ApiKey.Health.WORKING


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [Fault.CLOSE_AFTER_EXECUTE, Fault.UNAVAILABLE])
def test_action_without_acceptance_leaves_the_key_reads_only(room: EngineRoom, fault: Fault) -> None:
    ApiKey.objects.update(health=ApiKey.Health.READS_ONLY)
    room.sim.faults.add(fault, operation="powerOn")
    room.submit(room.request(room.server("STOPPED")))
    assert ApiKey.objects.get().health == ApiKey.Health.READS_ONLY
