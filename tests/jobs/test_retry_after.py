"""A Retry-After is one clock for all calls of a key, whatever call it answered; and Leaseweb coming back is noticed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from jobs import checkpoints, engine
from jobs.models import Job
from jobs.states import JobStatus
from servers import health, live, naming
from servers.clock import after, before
from servers.leaseweb import RateLimited
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerReading
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.django_db, pytest.mark.req("E2")]
MINUTE = timedelta(minutes=1)


def sends(room: EngineRoom) -> None:
    room.submit(room.click("power_on"))


def sends_snapshot(room: EngineRoom) -> None:
    room.submit(room.click("snapshot_create"))


def renames(room: EngineRoom) -> None:
    naming.server_rename(room.access, room.server(), "web")


def reads(room: EngineRoom) -> None:
    room.submit(room.click("reboot"))


FIRST: dict[str, Callable[[EngineRoom], None]] = {
    "powerOn": sends,
    "createSnapshot": sends_snapshot,
    "updateServer": renames,
    "getServer": reads,
}


@pytest.mark.parametrize("operation", FIRST)
@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.REFUSE])
def test_nothing_is_asked_before_the_time_whatever_call_was_told_to_wait(
    room: EngineRoom, operation: str, fault: Fault
) -> None:
    """One job is watched, one waits to be sent, and everything that is read by its turn or at a wish is due."""
    watched, waiting = room.submit(room.click("power_off")), room.click("power_on")
    told = {"status": 503, "headers": {"Retry-After": "300"}} if fault is Fault.REFUSE else {"seconds": 300}
    room.sim.faults.add(fault, operation=operation, times=1, **told)
    FIRST[operation](room)
    since = room.sim.journal.last
    Job.objects.update(not_before=before(MINUTE), next_poll_at=before(MINUTE), rung_at=before(MINUTE))
    ApiKey.objects.update(next_sync_at=before(MINUTE), budget_tokens=10)
    Server.objects.update(refresh_asked_at=before(MINUTE))
    ServerReading.objects.update(due_at=before(MINUTE), asked_at=before(MINUTE))
    for _ in range(2):
        engine.run_once()
        room.submit(waiting)
    assert live.rename(room.api_key, watched.server.upstream_id, "other").status is None
    assert room.sim.journal.entries(since=since) == []
    assert (room.fresh(watched).status, room.fresh(waiting).status) == (JobStatus.OBSERVING, JobStatus.QUEUED)


@pytest.mark.django_db(transaction=True)
def test_reading_stops_as_soon_as_another_call_is_told_to_wait(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three servers are read one by one; while Leaseweb answers the first, a send elsewhere gets its 429."""
    jobs = [room.submit(room.click("power_off")) for _ in range(3)]
    ApiKey.objects.update(server_count=5000)
    Job.objects.update(next_poll_at=before(MINUTE))
    asked: list[str] = []

    def told_to_wait(operation: str, server: str | None) -> None:
        asked.append(operation)
        health.heed(room.api_key, RateLimited(retry_after=60))
        connection.close()

    monkeypatch.setattr(room.sim.faults, "take", told_to_wait)
    engine.poll(room.api_key.pk)
    assert asked == ["getServer"]
    assert {room.fresh(job).status for job in jobs} == {JobStatus.OBSERVING}


def test_nothing_is_sent_when_another_call_is_told_to_wait_while_the_server_is_read(room: EngineRoom) -> None:
    def told_to_wait(place: str, job_id: int) -> None:
        if place == "read_before_sending":
            health.heed(room.api_key, RateLimited(retry_after=60))

    checkpoints.listeners.append(told_to_wait)
    try:
        job = room.submit(room.click("power_on"))
    finally:
        checkpoints.listeners.remove(told_to_wait)
    assert (job.status, room.sends(job.server)) == (JobStatus.QUEUED, [])


def test_click_is_sent_soon_after_leaseweb_is_back(room: EngineRoom) -> None:
    """Its key would rest for four minutes more; the last try is a minute ago."""
    job = room.click("power_on")
    ApiKey.objects.update(failures=8, error="down", error_at=before(MINUTE), paused_until=after(4 * MINUTE))
    assert room.submit(job).status == JobStatus.OBSERVING
    assert not ApiKey.objects.filter(paused_until__isnull=False).exists()


def test_click_that_could_not_be_read_for_long_is_tried_again_within_fifteen_seconds(
    room: EngineRoom,
) -> None:
    job = room.click("power_on")
    Job.objects.filter(pk=job.pk).update(epoch=9)
    room.sim.faults.add(Fault.HTML_504, operation="reads")
    assert room.submit(job).status == JobStatus.QUEUED
    assert Job.objects.filter(pk=job.pk, not_before__lte=after(timedelta(seconds=15))).exists()


def test_while_leaseweb_is_down_one_call_tries_and_not_every_click(room: EngineRoom) -> None:
    jobs = [room.click("power_off") for _ in range(3)]
    room.sim.faults.add(Fault.HTML_504, operation="reads")
    ApiKey.objects.update(failures=8, error="down", error_at=before(MINUTE), paused_until=before(MINUTE))
    since = room.sim.journal.last
    for job in jobs:
        assert room.submit(job).status == JobStatus.QUEUED
    assert len(room.sim.journal.entries(since=since)) <= 2, "a list pass and the one reading that it was for"
