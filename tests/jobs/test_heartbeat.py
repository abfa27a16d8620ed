"""Who is alive, and what becomes of the work of those who are not."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from jobs import checkpoints, engine
from jobs.engine import heartbeat
from jobs.engine.heartbeat import Pulse, pulse
from jobs.models import Heartbeat, Job
from jobs.states import JobStatus
from servers.clock import after, before
from tests.support.engine_room import EngineRoom

pytestmark = pytest.mark.django_db
Driver = Heartbeat.Driver
A_MOMENT, SEVEN_SECONDS = timedelta(seconds=1), timedelta(seconds=7)


def held_by_another(room: EngineRoom, status: str, *, silent_for: timedelta) -> tuple[Job, Pulse]:
    """A job that another worker of this machine holds, which was heard of `silent_for` ago."""
    other, job = Pulse(), room.click("reboot")
    other.beat(Driver.WORKER)
    Heartbeat.objects.filter(name=other.name).update(at=before(silent_for))
    held = {"status": status, "held_by": other.name, "lease_until": after(timedelta(seconds=90)), "epoch": 1}
    Job.objects.filter(pk=job.pk).update(**held)
    return room.fresh(job), other


def test_job_of_a_silent_worker_is_free_at_once(room: EngineRoom) -> None:
    job, other = held_by_another(room, "queued", silent_for=SEVEN_SECONDS)
    assert room.submit(job).status == JobStatus.QUEUED
    heartbeat.bury_the_silent()
    sent = room.submit(job)
    assert (sent.status, sent.held_by, sent.lost_leases) == (JobStatus.OBSERVING, pulse.name, 1)
    assert not Heartbeat.objects.filter(name=other.name).exists()


def test_job_of_a_worker_that_beats_stays_with_it(room: EngineRoom) -> None:
    job, _ = held_by_another(room, "queued", silent_for=A_MOMENT)
    heartbeat.bury_the_silent()
    assert room.submit(job).status == JobStatus.QUEUED


def test_what_a_silent_worker_was_sending_stays_with_it_until_its_lease_is_over(room: EngineRoom) -> None:
    job, _ = held_by_another(room, "sending", silent_for=SEVEN_SECONDS)
    heartbeat.bury_the_silent()
    engine.tick()
    assert room.fresh(job).status == JobStatus.SENDING


def test_what_an_ended_worker_was_sending_is_uncertain_at_once(room: EngineRoom) -> None:
    job, _ = held_by_another(room, "sending", silent_for=A_MOMENT)
    heartbeat.bury_ended(os.getpid())
    engine.tick()
    assert (room.fresh(job).status, room.fresh(job).receipt) == (JobStatus.OBSERVING, "uncertain")
    assert room.sends(job.server) == []


def test_worker_that_only_slept_can_no_longer_send(room: EngineRoom) -> None:
    """It wakes after its job was freed and before somebody else has taken it."""
    job = room.click("reboot")

    def sleep_long(place: str, job_id: int) -> None:
        if place == "read_before_sending":
            pulse.beat(Driver.WORKER)
            Heartbeat.objects.update(at=before(SEVEN_SECONDS))
            Job.objects.filter(pk=job_id).update(held_by=other.name)
            Heartbeat.objects.filter(name=pulse.name).update(name=other.name)
            heartbeat.bury_the_silent()

    other = Pulse()
    checkpoints.listeners.append(sleep_long)
    try:
        room.submit(job)
    finally:
        checkpoints.listeners.remove(sleep_long)
    assert (room.fresh(job).status, len(room.sends(job.server))) == (JobStatus.QUEUED, 0)
    assert room.submit(job).status == JobStatus.OBSERVING


def test_tick_is_missed_only_when_nobody_ticks(room: EngineRoom) -> None:
    assert heartbeat.no_tick_lately()
    engine.tick()
    pulse.beat(Driver.WORKER)
    assert not heartbeat.no_tick_lately()
    for moment in (before(timedelta(seconds=7)), after(timedelta(hours=2))):
        Heartbeat.objects.filter(driver=Driver.WORKER).update(ticked_at=moment)
        assert heartbeat.no_tick_lately()


@pytest.mark.django_db(transaction=True)
def test_ticks_at_the_same_time_are_one(room: EngineRoom) -> None:
    """A worker that ticks because no tick came may be wrong about that."""
    over, hour = before(timedelta(minutes=1)), before(timedelta(hours=1))
    due = {
        room.click("reboot").pk: {"expires_at": over},
        room.click("reboot").pk: {"lost_leases": 3},
        room.click("reboot").pk: {"status": "sending", "lease_until": over, "sent_at": hour},
        room.click("reboot").pk: {"status": "observing", "deadline_at": over, "sent_at": hour},
    }
    for pk, columns in due.items():
        Job.objects.filter(pk=pk).update(**columns)
    start = threading.Barrier(4)

    def tick() -> None:
        start.wait()
        engine.tick()
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(tick) for _ in range(4)]:
            each.result()
    steps = Counter(Job.objects.filter(pk__in=due).values_list("pk", "events__to_status"))
    assert set(steps.values()) == {1}
    assert sorted(Job.objects.filter(pk__in=due).values_list("status", flat=True)) == [
        "expired",
        "failed",
        "observing",
        "unknown",
    ]
