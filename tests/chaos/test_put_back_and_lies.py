"""The panel's own processes against a list that lies, and on an older copy of their database."""

import uuid
from datetime import timedelta

import pytest

from jobs import services
from jobs.engine import send_counter
from jobs.kinds import KINDS
from jobs.models import ExternalEvent, Job, SendCounter
from jobs.states import JobStatus
from lswpanel import queues
from servers.clock import after, before
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from teams.models import Team, User
from tests.chaos.test_hanging_reads import known_servers
from tests.support.engine_room import access_of
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.processes


@pytest.mark.req("X13")
def test_workers_believe_no_list_that_lacks_everything(stack: Stack, team: Team, settings: object) -> None:
    with Simulator(servers=60) as sim:
        settings.LEASEWEB_API_URL = sim.base_url  # type: ignore[attr-defined]
        known_servers(sim, team)
        lie = sim.faults.add(Fault.EMPTY_LIST, operation="listServers")
        ApiKey.objects.update(next_sync_at=after(timedelta(0)))
        stack.env.update(LEASEWEB_API_URL=sim.base_url, CALL_BUDGET_PER_MINUTE="6000")
        stack.worker()
        stack.beat()
        wait_for(lambda: ApiKey.objects.exclude(list_error="").exists(), what="the list is doubted")
        assert lie.struck
        assert Server.objects.filter(gone_at=None).count() == 60
        assert not ExternalEvent.objects.exists()


@pytest.mark.req("G2")
def test_sender_on_an_older_copy_of_the_database_sends_nothing(
    stack: Stack, team: Team, admin: User, settings: object
) -> None:
    with Simulator(servers=1) as sim:
        settings.LEASEWEB_API_URL = sim.base_url  # type: ignore[attr-defined]
        (server,) = known_servers(sim, team)
        stack.env.update(LEASEWEB_API_URL=sim.base_url)
        send_counter.born()
        counter = SendCounter.objects.values().get()
        job = services.job_create(access_of(admin, team), server, KINDS["reboot"], client_token=uuid.uuid4())
        then = Job.objects.filter(pk=job.pk).values().get()
        sender = stack.worker(name="sender", queue=queues.SENDS)
        sent = Job.objects.filter(pk=job.pk, status=JobStatus.OBSERVING)
        wait_for(sent.exists, what="the job is sent")
        sender.stop()
        SendCounter.objects.update(**counter)
        Job.objects.filter(pk=job.pk).update(**then | {"not_before": before(timedelta(seconds=1))})
        stack.worker(name="sender", queue=queues.SENDS)
        wait_for(SendCounter.objects.exclude(held_at=None).exists, what="sending is held back")
        assert Job.objects.get(pk=job.pk).status == JobStatus.QUEUED
        assert len(sim.journal.entries("reboot")) == 1
