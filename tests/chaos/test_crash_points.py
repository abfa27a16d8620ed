"""kill -9 of the worker around every commit and around the first byte: nothing is sent twice, everything settles."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from audit.verify import verify
from jobs import services, tasks
from jobs.checkpoints import PLACES
from jobs.engine import reading
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import FINAL, MOVING, JobStatus, Receipt
from servers.clock import after, before
from servers.leaseweb import Secret
from servers.leaseweb.simulator.model import Durations
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server, ServerReading
from teams.access import Access
from teams.models import Team, User
from tests.support.engine_room import ACTIONS, START, access_of, params_for
from tests.support.processes import Processes
from tests.support.stack import Stack
from tests.support.waiting import wait_for

# The panel's time runs faster than that of the simulator: what Leaseweb goes through is seen, although workers die.
SCALE, THEIRS = 20.0, 5.0
# What Leaseweb accepted is settled by evidence; of the rest some never can be.
UNSENT = (JobStatus.QUEUED, JobStatus.SENDING)
MOVING_UNTIL_SEEN = Q(status__in=UNSENT) | Q(status=JobStatus.OBSERVING, receipt=Receipt.ACCEPTED)
AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
POWER = ("power_on", "power_off", "reboot")
# Which worker is killed with which kinds: a start of Celery takes several times as long as the killing. The worker
# without a broker ticks by itself; whoever else did would take its rings away.
KINDS_OF = {"celery": POWER, "engine": tuple(kind for kind in KINDS if kind not in POWER)}
RINGS: dict[str, Callable[[], None]] = {"celery": tasks.tick, "engine": lambda: None}
QUICK = Durations(install=2.0, create=4.0)


@pytest.mark.processes
@pytest.mark.req("G2")
@pytest.mark.req("G5")
@pytest.mark.parametrize("driver", KINDS_OF)
def test_worker_killed_at_every_place_sends_at_most_once_and_settles_all(
    driver: str,
    stack: Stack,
    processes: Processes,
    team: Team,
    admin: User,
    settings: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    accounts = {f"key-{place}": 3 * len(KINDS) for place in PLACES}
    with Simulator(time_scale=THEIRS, durations=QUICK, accounts=accounts) as sim:
        settings.LEASEWEB_API_URL, settings.TIME_SCALE = sim.base_url, SCALE
        servers = {place: iter(_known_servers(team, f"key-{place}")) for place in PLACES}
        harness = Harness(sim, access_of(admin, team), servers, tmp_path, RINGS[driver])
        env = {"LEASEWEB_API_URL": sim.base_url, "TIME_SCALE": str(SCALE), "CALL_BUDGET_PER_MINUTE": "600"}
        words = ("-m", "tests.chaos.worker", driver, str(harness.plan), str(harness.kills))
        processes.python("crashing-worker", *words, env=stack.env | env)
        for place in PLACES:
            harness.kill_at(place, KINDS_OF[driver])
        harness.settle_all()
    with capsys.disabled():
        print(f"\nkilled {len(list(harness.kills.iterdir()))} times, at: {', '.join(PLACES)}")
        print("outcomes:", dict(Counter(Job.objects.order_by().values_list("status", flat=True))))
    _check_against_the_journal(sim)
    assert verify(team.pk).intact


class Harness:
    """Clicks jobs and plans where the worker dies with each. `ring` is what beat would do, only more often."""

    def __init__(
        self,
        sim: Simulator,
        access: Access,
        servers: dict[str, Iterator[Server]],
        folder: Path,
        ring: Callable[[], None],
    ) -> None:
        self._sim, self._access, self._servers, self._ring = sim, access, servers, ring
        self.plan, self.kills = folder / "plan", folder / "kills"
        self._noticed = set[Path]()
        self.kills.mkdir()
        self._write({})

    def kill_at(self, place: str, kinds: tuple[str, ...]) -> None:
        """Have the worker killed there by a job of each kind.

        A job that ended before it came there, because an earlier kill took its time, gives way to a fresh one.
        """
        missing = list(kinds)
        while missing:
            with transaction.atomic():  # the plan has to be there before anybody can see the jobs
                jobs = [self._click(kind, place) for kind in missing]
                self._write({job.pk: place for job in jobs})
            self._ring_until(
                lambda jobs=jobs: all(self._struck(job, place) or self._ended(job) for job in jobs)
            )
            missing = [job.kind for job in jobs if not self._struck(job, place)]
        self._give_up_what_nobody_can_know()

    def settle_all(self) -> None:
        """What was accepted is seen to have happened, or nobody saw it in time, which is made to be over."""
        self._ring_until(lambda: not Job.objects.filter(status__in=UNSENT).exists())
        self._ring_until(self._nothing_goes_on_upstream)
        Job.objects.filter(status=JobStatus.OBSERVING).update(sent_at=F("sent_at") - AN_HOUR)
        self._ring_until(lambda: not Job.objects.filter(MOVING_UNTIL_SEEN).exists())
        self._give_up_what_nobody_can_know()
        self._ring_until(lambda: not Job.objects.filter(status__in=MOVING).exists())

    def _give_up_what_nobody_can_know(self) -> None:
        """It ends at its deadline, and a day later nobody looks any more; both are made to be over."""
        unsure = Job.objects.filter(status=JobStatus.OBSERVING, receipt=Receipt.UNCERTAIN)
        unsure.update(deadline_at=before(2 * A_DAY))

    def _nothing_goes_on_upstream(self) -> bool:
        with self._sim.world.lock:
            self._sim.world.settle()
            return not any(server.task for server in self._sim.world.servers.values())

    def _struck(self, job: Job, place: str) -> bool:
        return (self.kills / f"{job.pk}-{place}").exists()

    def _ended(self, job: Job) -> bool:
        return Job.objects.filter(pk=job.pk, status__in=FINAL).exists()

    def _click(self, kind: str, place: str) -> Job:
        server = next(self._servers[place])
        self._sim.world.set_state(server.upstream_id, START[kind])
        Server.objects.filter(pk=server.pk).update(state=START[kind])
        about = services.About(params_for(self._sim, server.upstream_id, kind))
        job = services.job_create(self._access, server, KINDS[kind], client_token=uuid.uuid4(), about=about)
        Job.objects.filter(pk=job.pk).update(rung_at=before(AN_HOUR))
        return job

    def _write(self, places: dict[int, str]) -> None:
        draft = self.plan.with_suffix(".new")
        draft.write_text(json.dumps(places))
        draft.rename(self.plan)

    def _ring_until(self, condition: Callable[[], bool]) -> None:
        def asked() -> bool:
            keep_turns_away()
            self._pass_time_of_the_dead()
            self._ring()
            return condition()

        wait_for(asked, what="the worker was killed, or all jobs settled", seconds=300, pause=0.05)

    def _pass_time_of_the_dead(self) -> None:
        """What a killed worker held, or had been told, is free again after a while; that is made to be at once."""
        dead = set(self.kills.iterdir()) - self._noticed
        if not dead:
            return
        self._noticed |= dead
        held = Job.objects.filter(pk__in=[int(mark.name.partition("-")[0]) for mark in dead])
        held.exclude(lease_until=None).update(lease_until=Now())
        Job.objects.filter(status=JobStatus.QUEUED).update(rung_at=before(AN_HOUR))
        ApiKey.objects.update(poll_lease_until=None)


def keep_turns_away() -> None:
    """What is read by its turn would only be in the way. As far ahead as a turn may lie, it comes by after minutes."""
    ServerReading.objects.filter(due_at__lt=after(A_DAY / 2)).update(due_at=after(A_DAY))
    ApiKey.objects.filter(next_sync_at__lt=after(AN_HOUR / 2)).update(next_sync_at=after(AN_HOUR))


def _known_servers(team: Team, key: str) -> list[Server]:
    """Each place has an account of its own: one pass through all servers would take most of the time."""
    api_key = ApiKey(team=team, name=key, budget_tokens=10)
    api_key.seal(Secret(key))
    api_key.save()
    assert reading.read_key(api_key.pk)
    keep_turns_away()
    return list(Server.objects.filter(api_key=api_key).order_by("pk"))


def _check_against_the_journal(sim: Simulator) -> None:
    sent = Counter(entry.server for entry in sim.journal if entry.operation in ACTIONS)
    done = Counter(entry.server for entry in sim.journal if entry.operation in ACTIONS and entry.executed)
    for job in Job.objects.select_related("server"):
        server = job.server.upstream_id
        assert sent[server] <= 1, f"{job} was sent {sent[server]} times"
        if job.status == JobStatus.SUCCEEDED:
            assert done[server] == 1, f"{job} claims a success that never happened"
            assert shows(sim, job), f"{job} claims a success that Leaseweb does not show"


def shows(sim: Simulator, job: Job) -> bool:
    """Whether the simulated server is as a job of this kind leaves it."""
    server, params = sim.world.server(job.server.upstream_id), job.params
    if job.kind == "reinstall":
        return server.template != job.before["template"] or bool(server.installs)
    if job.kind == "snapshot_create":
        return any(
            each.name == params["name"] and each.state == "READY" for each in server.snapshots.values()
        )
    if job.kind == "snapshot_restore":
        return server.snapshots[params["snapshot_id"]].state == "READY" and server.state == "RUNNING"
    if job.kind == "snapshot_delete":
        return params["snapshot_id"] not in server.snapshots
    return server.state == ("STOPPED" if job.kind == "power_off" else "RUNNING")
