"""The engine and a simulated Leaseweb in one process, with clocks that a test turns by hand."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.utils import timezone

from audit.origin import Actor
from jobs import engine, services
from jobs.engine import reading
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import LIVE
from servers.leaseweb import Secret
from servers.leaseweb.simulator import model as upstream_model
from servers.leaseweb.simulator.catalogue import templates_for
from servers.leaseweb.simulator.journal import Entry
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from teams.access import Access
from teams.models import Membership, Team, User

MOMENTS = (
    "lease_until",
    "not_before",
    "rung_at",
    "next_poll_at",
    "created_at",
    "expires_at",
    "sent_at",
    "deadline_at",
)
# What the simulator calls that which each kind sends, and the state of a server that it makes sense for.
OPERATIONS = {
    "power_on": "powerOn",
    "power_off": "powerOff",
    "reboot": "reboot",
    "reinstall": "reinstall",
    "snapshot_create": "createSnapshot",
    "snapshot_restore": "restoreSnapshot",
    "snapshot_delete": "deleteSnapshot",
}
ACTIONS = frozenset(OPERATIONS.values())
START = dict.fromkeys(OPERATIONS, "RUNNING") | {"power_on": "STOPPED"}
SNAPSHOT_NAME = "Nightly R7F3K9QD"
NOTHING_MORE = services.About()


class Clock:
    """Seconds that pass only when a test says so; the simulator lives by it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class EngineRoom:
    """A team with a key that sees a simulated fleet, and hands to play the parts of people and of time."""

    def __init__(self, sim: Simulator, clock: Clock, api_key: ApiKey, access: Access) -> None:
        self.sim, self.clock, self.api_key, self.access = sim, clock, api_key, access

    def server(self, state: str = "RUNNING") -> Server:
        """A server that Leaseweb and we know to be in `state`, with nothing in flight."""
        server = Server.objects.filter(team=self.access.team, jobs=None, gone_at=None).earliest("pk")
        self.set_state(server, state)
        Server.objects.filter(pk=server.pk).update(state=state)
        server.refresh_from_db()
        return server

    def set_state(self, server: Server, state: str) -> None:
        self.sim.world.set_state(server.upstream_id, state)

    def snapshot(self, server: Server, name: str = SNAPSHOT_NAME, state: str = "READY") -> str:
        """The id of a snapshot that Leaseweb has of this server, and that we have not read yet."""
        return add_snapshot(self.sim, server.upstream_id, name, state)

    def upstream(self, server: Server) -> upstream_model.Server:
        """The server as it is at the simulated Leaseweb."""
        return self.sim.world.server(server.upstream_id)

    def params(self, server: Server, kind: str) -> dict[str, str]:
        """What a job of this kind needs to be about, there upstream."""
        return params_for(self.sim, server.upstream_id, kind)

    def request(self, server: Server, kind: str = "power_on", about: services.About = NOTHING_MORE) -> Job:
        return services.job_create(self.access, server, KINDS[kind], client_token=uuid4(), about=about)

    def click(self, kind: str, follow_up: services.FollowUp | None = None) -> Job:
        """A job of this kind on a server that it makes sense for."""
        server = self.server(START[kind])
        about = services.About(self.params(server, kind), follow_up=follow_up)
        return self.request(server, kind, about)

    def submit(self, job: Job) -> Job:
        engine.submit(job.pk)
        return self.fresh(job)

    def poll(self, job: Job) -> Job:
        """One reading, as if the job were due now."""
        Job.objects.filter(pk=job.pk).update(next_poll_at=timezone.now() - timedelta(seconds=1))
        assert engine.poll(self.api_key.pk)
        return self.fresh(job)

    def poll_all(self, jobs: list[Job]) -> list[Job]:
        """One reading for all of these jobs that are watched."""
        watched = Job.objects.filter(pk__in=[job.pk for job in jobs], status="observing")
        watched.update(next_poll_at=timezone.now() - timedelta(seconds=1))
        assert engine.poll(self.api_key.pk)
        return [self.fresh(job) for job in jobs]

    def pass_time(self, job: Job, duration: timedelta) -> Job:
        """Let `duration` pass for a job, by making it that much older, and for Leaseweb."""
        self.pass_time_of([job], duration)
        return self.fresh(job)

    def pass_time_of(self, jobs: list[Job], duration: timedelta) -> None:
        """The same for several jobs at once."""
        self.clock.now += duration.total_seconds()
        older = {
            name: ExpressionWrapper(F(name) - Value(duration), output_field=DateTimeField())
            for name in MOMENTS
        }
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(**older)
        ApiKey.objects.filter(pk=self.api_key.pk).update(budget_tokens=10, paused_until=None)

    def run_out_of_time(self, jobs: list[Job], duration: timedelta) -> list[Job]:
        """Let the time pass that they are watched for; they were read all along, and nothing showed."""
        self.pass_time_of(jobs, duration)
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(next_poll_at=timezone.now())
        engine.tick()
        return [self.fresh(job) for job in jobs]

    def follow(self, job: Job, *, every: timedelta = timedelta(seconds=3), readings: int = 10) -> Job:
        """Read again and again until the job's outcome is known."""
        for _ in range(readings):
            job = self.poll(self.pass_time(job, every))
            if job.status not in LIVE:
                break
        return job

    def fresh(self, job: Job) -> Job:
        return Job.objects.select_related("server", "team").get(pk=job.pk)

    def sends(self, server: Server) -> list[Entry]:
        """What Leaseweb received to act upon this server."""
        return [
            entry
            for entry in self.sim.journal
            if entry.server == server.upstream_id and entry.operation in ACTIONS
        ]


def params_for(sim: Simulator, upstream_id: str, kind: str) -> dict[str, str]:
    """What a job of a kind is about; a snapshot that it needs is made at the simulated Leaseweb."""
    server = sim.world.server(upstream_id)
    if kind == "reinstall":
        other = next(each for each in templates_for(server) if each.label not in server.template)
        return {"os_template_id": other.id, "os_template_name": other.name}
    if kind == "snapshot_create":
        return {"name": SNAPSHOT_NAME}
    if kind in ("snapshot_restore", "snapshot_delete"):
        return {"snapshot_id": add_snapshot(sim, upstream_id), "snapshot_name": SNAPSHOT_NAME}
    return {}


def add_snapshot(sim: Simulator, upstream_id: str, name: str = SNAPSHOT_NAME, state: str = "READY") -> str:
    """Somebody else made a snapshot; its id."""
    server = sim.world.server(upstream_id)
    made = upstream_model.Snapshot(str(uuid4()), name, timezone.now(), state, server.template)
    server.snapshots[made.id] = made
    return made.id


def access_of(user: User, team: Team) -> Access:
    membership = Membership.objects.select_related("team", "user").get(user=user, team=team)
    return Access(membership, Actor(user.pk, membership.role))


@pytest.fixture
def simulator(settings: object) -> Iterator[tuple[Simulator, Clock]]:
    clock = Clock()
    with Simulator(servers=8, clock=clock) as sim:
        settings.LEASEWEB_API_URL = sim.base_url  # type: ignore[attr-defined]
        yield sim, clock


@pytest.fixture
def room(simulator: tuple[Simulator, Clock], team: Team, admin: User) -> EngineRoom:
    sim, clock = simulator
    api_key = ApiKey(team=team, name="Simulated account")
    api_key.seal(Secret(sim.key))
    api_key.save()
    assert reading.read_key(api_key.pk)
    return EngineRoom(sim, clock, ApiKey.objects.get(pk=api_key.pk), access_of(admin, team))
