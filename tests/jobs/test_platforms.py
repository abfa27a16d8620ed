"""Platforms that differ where the API promises nothing: what a reinstall leaves on, and how old a list may be."""

from datetime import timedelta
from typing import Any

import pytest

from jobs import engine, services
from jobs.kinds import KINDS
from jobs.models import Job
from servers.leaseweb.simulator.catalogue import templates_for
from servers.models import ApiKey, Server
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.django_db, pytest.mark.req("E1"), pytest.mark.req("G3")]
STEP, WINDOW, LONGEST = timedelta(seconds=3), timedelta(minutes=31), timedelta(minutes=91)
PLATFORMS: dict[str, dict[str, Any]] = {
    "boots what it installs": {"boots_installed": True},
    "leaves off what it installs": {"stays_off": True},
    "list lags": {"list_lag": 20.0},
}


def settle(room: EngineRoom, jobs: list[Job]) -> dict[str, str]:
    """Read every few seconds, then at the end of the longest window, then let the time be over."""
    for _ in range(24):
        room.pass_time_of(jobs, STEP)
        jobs = room.poll_all(jobs)
    for pause in (WINDOW, STEP, STEP):
        room.pass_time_of(jobs, pause)
        jobs = room.poll_all(jobs)
    room.pass_time_of(jobs, LONGEST)
    engine.tick()
    return {job.kind: room.fresh(job).status for job in jobs}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_kind_ends_as_it_does_on_a_usual_platform(platform: str, room: EngineRoom) -> None:
    behave(room, platform)
    jobs = []
    for kind in KINDS:
        ApiKey.objects.update(budget_tokens=10)
        jobs.append(room.submit(room.click(kind)))
    assert settle(room, jobs) == dict.fromkeys(KINDS, "succeeded")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_reinstall_of_a_stopped_server_is_seen(platform: str, room: EngineRoom) -> None:
    behave(room, platform)
    server = room.server("STOPPED")
    job = room.submit(reinstall(room, server, room.params(server, "reinstall")))
    assert settle(room, [job]) == {"reinstall": "succeeded"}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("state", ["RUNNING", "STOPPED"])
def test_same_system_whose_dip_nobody_saw_is_unverified(platform: str, state: str, room: EngineRoom) -> None:
    behave(room, platform)
    server = room.server(state)
    found = room.upstream(server)
    same = next(each for each in templates_for(found) if each.label in found.template)
    job = reinstall(room, server, {"os_template_id": same.id, "os_template_name": same.name})
    room.submit(job)
    room.pass_time_of([job], timedelta(minutes=5))
    found.state = state
    assert settle(room, [room.fresh(job)]) == {"reinstall": "unverified"}


def reinstall(room: EngineRoom, server: Server, params: dict[str, str]) -> Job:
    return room.request(server, "reinstall", services.About(params))


@pytest.mark.parametrize(
    ("kind", "was", "now"), [("power_off", "STOPPED", "RUNNING"), ("reboot", "STOPPED", "RUNNING")]
)
def test_list_that_shows_how_it_was_before_the_send_proves_nothing(
    kind: str, was: str, now: str, room: EngineRoom
) -> None:
    """The server came up a moment ago, which its detail shows and the list does not; and the action does nothing."""
    behave(room, "list lags")
    server = room.server(was)
    room.clock.now += 60
    room.set_state(server, now)
    Server.objects.filter(pk=server.pk).update(state=now)
    job = room.request(server, kind)
    Server.objects.filter(pk=server.pk).update(state=was)
    room.sim.faults.add("accept_and_ignore", operation="writes")
    job = room.submit(job)
    for _ in range(10):
        room.pass_time_of([job], STEP)
        job = room.poll(job)
    assert (job.status, job.receipt) == ("observing", "accepted")


def behave(room: EngineRoom, platform: str) -> None:
    for name, value in PLATFORMS[platform].items():
        setattr(room.sim.world.behaviour, name, value)
