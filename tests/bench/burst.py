"""Many clicks at once on one key: how long each waits for its send, and what that costs in calls to Leaseweb.

Sender, worker and beat run as `manage.py up` starts them, with the default call budget and nothing else due. A click
is what the form does behind its page; it is sent when the database says so.
"""

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.test.utils import override_settings

from jobs import services
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import JobStatus
from lswpanel import queues
from lswpanel.supervisor import programs
from servers.clock import after
from servers.leaseweb.simulator.keys import fingerprint
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server, ServerReading
from tests.bench import fleet
from tests.bench.figures import Figure, median
from tests.bench.ground import Ground
from tests.support.engine_room import ACTIONS, access_of
from tests.support.waiting import wait_for

SERVERS = 120
CLICKING = 4.0
BUDGET = 240
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Burst:
    """Seconds from each click to its send, the calls that Leaseweb got until the last send, and how many expired."""

    waits: tuple[float, ...]
    calls: int
    expired: int

    @property
    def p99(self) -> float:
        return sorted(self.waits)[int(len(self.waits) * 0.99)]


def measure(ground: Ground) -> list[Figure]:
    ground.start_broker()
    accounts = {"burst-110": SERVERS, "burst-60": SERVERS, "burst-1": SERVERS}
    with Simulator(accounts=accounts) as sim, override_settings(LEASEWEB_API_URL=sim.base_url):
        teams = {key: _furnish(sim, key) for key in accounts}
        env = {**os.environ, "LEASEWEB_API_URL": sim.base_url, "CALL_BUDGET_PER_MINUTE": str(BUDGET)}
        processes = [ground.run(program) for program in _programs(env)]
        for process in processes[:2]:
            process.wait_for_line("ready.")
        try:
            single = _burst(sim, teams["burst-1"], 1)
            return _figures(_burst(sim, teams["burst-110"], 110), _burst(sim, teams["burst-60"], 60), single)
        finally:
            for process in processes:
                process.stop()


def _programs(env: Mapping[str, str]) -> list[programs.Program]:
    return [
        programs.worker(env=env, name="sender", queue=queues.SENDS),
        programs.worker(env=env, queue=queues.READINGS),
        programs.beat(env=env),
    ]


def _furnish(sim: Simulator, key: str) -> fleet.Fleet:
    """A team called like its key, whose servers all run, with a full budget and nothing due for an hour."""
    found = fleet.found(key, name=key)
    for upstream_id in sim.world.servers:
        sim.world.set_state(upstream_id, "RUNNING")
    Server.objects.update(state="RUNNING")
    later = after(timedelta(hours=1))
    ServerReading.objects.update(due_at=later)
    ApiKey.objects.update(next_sync_at=later, budget_tokens=BUDGET / 4, budget_at=after(timedelta(0)))
    return found


def _burst(sim: Simulator, found: fleet.Fleet, clicks: int) -> Burst:
    access, since = access_of(found.owner, found.team), sim.journal.last
    began = time.monotonic()
    for number, server in enumerate(found.team.servers.order_by("pk")[:clicks]):
        time.sleep(max(0.0, began + number * CLICKING / clicks - time.monotonic()))
        services.job_create(access, server, KINDS["power_off"], client_token=uuid.uuid4())
    jobs = Job.objects.filter(team=found.team)
    waiting = jobs.filter(status__in=(JobStatus.QUEUED, JobStatus.SENDING))
    wait_for(lambda: not waiting.exists(), what="all are sent", seconds=PATIENCE, pause=0.1)
    sent = jobs.filter(sent_at__isnull=False).values_list("created_at", "sent_at")
    ours = fingerprint(found.team.name)
    calls = [entry.operation for entry in sim.journal.entries(since=since) if entry.key == ours]
    until_last = len(calls) - next(n for n, name in enumerate(reversed(calls)) if name in ACTIONS)
    waits = tuple((sent_at - created_at).total_seconds() for created_at, sent_at in sent)
    return Burst(waits, until_last, jobs.filter(status=JobStatus.EXPIRED).count())


def _figures(many: Burst, some: Burst, single: Burst) -> list[Figure]:
    how = f"clicks in {CLICKING:g} s on one key of {SERVERS} servers, {BUDGET} calls a minute"
    return [
        Figure(
            name="110 clicks: expired", value=many.expired, unit="jobs", bar=0, how=f"110 {how}", digits=0
        ),
        Figure(name="110 clicks: last send", value=max(many.waits), unit="s", bar=60, how="the longest wait"),
        Figure(
            name="110 clicks: calls",
            value=many.calls,
            unit="calls",
            bar=150,
            how="to the last send",
            digits=0,
        ),
        Figure(name="60 clicks: p50", value=median(some.waits), unit="s", bar=5, how=f"60 {how}"),
        Figure(name="60 clicks: p99", value=some.p99, unit="s", bar=30, how="wait from click to send"),
        Figure(name="1 click: send", value=single.waits[0], unit="s", bar=1, how="idle, click to send"),
        Figure(
            name="1 click: calls",
            value=single.calls,
            unit="calls",
            bar=2,
            how="its reading and its send",
            digits=0,
        ),
    ]
