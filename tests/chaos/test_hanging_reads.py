"""Readings that hang hold all threads that there are for readings, and keep no click waiting."""

import signal
import statistics
import uuid
from datetime import timedelta

import pytest

from jobs import services
from jobs.engine import reading
from jobs.kinds import KINDS
from jobs.models import Job
from lswpanel import queues
from servers.clock import after, before
from servers.leaseweb import Secret
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server, ServerReading
from teams.access import Access
from teams.models import Team, User
from tests.support.engine_room import access_of
from tests.support.stack import Stack
from tests.support.waiting import wait_for

CLICKS, HANGING, THREADS = 5, 50, 8
# Longer than any reading is waited for.
FOR_EVER = 120.0
HOUR = timedelta(hours=1)


@pytest.mark.processes
@pytest.mark.req("G5")
def test_click_is_sent_at_once_while_fifty_readings_hang(
    stack: Stack, team: Team, admin: User, settings: object
) -> None:
    with Simulator(servers=60) as sim:
        settings.LEASEWEB_API_URL = sim.base_url  # type: ignore[attr-defined]
        servers = known_servers(sim, team)
        stack.env.update(LEASEWEB_API_URL=sim.base_url, CALL_BUDGET_PER_MINUTE="6000")
        stack.worker(name="sender", queue=queues.SENDS)
        reader = stack.worker(queue=queues.READINGS)
        stack.beat()
        for operation in ("listServers", "listSnapshots"):
            sim.faults.add(Fault.DELAY, operation=operation, seconds=FOR_EVER)
        hanging = ServerReading.objects.filter(subject="snapshots", server__in=servers[CLICKS:][:HANGING])
        assert hanging.update(asked_at=after(timedelta(0))) == HANGING
        wait_for(lambda: len(sim.journal.entries("listSnapshots")) == THREADS, what="all threads hang")
        waits = [seconds_to_the_send(access_of(admin, team), server) for server in servers[:CLICKS]]
        assert ServerReading.objects.filter(asked_at__isnull=False).count() == HANGING, "none came back"
        assert statistics.median(waits) <= 2
        reader.signal(signal.SIGKILL)
        held = ServerReading.objects.filter(lease_until__gt=after(timedelta(0)))
        assert held.count() == THREADS
        assert not held.filter(lease_until__gt=after(timedelta(seconds=15))).exists(), (
            "soon free for the next reader"
        )


def known_servers(sim: Simulator, team: Team) -> list[Server]:
    """Servers that run, with nothing due."""
    for server in sim.world.servers:
        sim.world.set_state(server, "RUNNING")
    api_key = ApiKey(team=team, name="Simulated account")
    api_key.seal(Secret(sim.key))
    api_key.save()
    assert reading.read_key(api_key.pk)
    ApiKey.objects.update(next_sync_at=after(HOUR))
    ServerReading.objects.update(due_at=after(HOUR), read_at=before(HOUR))
    return list(Server.objects.order_by("pk"))


def seconds_to_the_send(access: Access, server: Server) -> float:
    """From the moment at which a job may be sent, by the database's clock."""
    job = services.job_create(access, server, KINDS["power_off"], client_token=uuid.uuid4())
    sent = Job.objects.filter(pk=job.pk, sent_at__isnull=False)
    moments = wait_for(lambda: sent.values_list("not_before", "sent_at").first(), what="the job is sent")
    return (moments[1] - moments[0]).total_seconds()
