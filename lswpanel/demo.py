"""The team of `make demo`: people, servers, jobs with every kind of ending, and a colleague who never rests.

Everything goes through the same services and the same engine as in production; only Leaseweb is simulated.
"""

import itertools
import random
import uuid
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import transaction

from audit.heads import ChainBroken
from audit.origin import Actor
from jobs import services as job_services
from jobs import snapshot_names
from jobs.engine import reading
from jobs.kinds import KINDS, POWER_KINDS, SNAPSHOT_CREATE, JobKind, Readiness
from jobs.states import LIVE
from servers import services as server_services
from servers.leaseweb import Secret, ServerState
from servers.models import Server, Snapshot
from teams import services as team_services
from teams.access import Access
from teams.models import Membership, Team, User
from teams.permissions import Role

TEAM = "Demo"
PASSWORD = "try-lswpanel"  # noqa: S105  (printed at the start; there is nothing real behind it)
KEY = "demo-account-one"
PEOPLE = {
    Role.OWNER: ("Olivia Owner", "owner@demo.example"),
    Role.ADMIN: ("Adam Admin", "admin@demo.example"),
    Role.OPERATOR: ("Oscar Operator", "operator@demo.example"),
    Role.VIEWER: ("Vera Viewer", "viewer@demo.example"),
    Role.AUDITOR: ("Aude Auditor", "auditor@demo.example"),
}
# What Leaseweb does to some of the first jobs, so that every ending can be seen. Operation, fault, its options.
TROUBLES: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("reboot", "accept_and_ignore", {}),
    ("powerOn", "accept_and_ignore", {}),
    ("powerOff", "refuse", {"status": 409}),
    ("powerOn", "reset_after_execute", {}),
)
JOB_OF_OPERATION = {"reboot": "reboot", "powerOn": "power_on", "powerOff": "power_off"}
ORDINARY = ("power_on", "reboot", "power_off", "power_on", "reboot", "power_off", "reboot", "power_on")
# How often something happens to snapshots instead of power, on how many servers, and how many each keeps.
SNAPSHOTS_SHARE, WITH_SNAPSHOTS, MOST_SNAPSHOTS = 0.25, 4, 3
STATE_FOR = {
    "power_on": ServerState.STOPPED.value,
    "power_off": ServerState.RUNNING.value,
    "reboot": ServerState.RUNNING.value,
}


def seed() -> None:
    """Make people, key, servers and first jobs, once; a second call finds them and does nothing."""
    if Team.objects.filter(slug="demo").exists():
        return
    team = _people()
    key = server_services.api_key_add(
        team=team, name="Main account", key=Secret.api_key(KEY), actor=Actor(), user=None
    )
    reading.read_key(key.pk)
    _first_jobs(team)


def refuse_mixing() -> None:
    """Keep the published passwords of a demonstration out of a panel that people use, and such a panel out of it.

    Raises ImproperlyConfigured when DEMO does not fit the people in the database.
    """
    made_up = User.objects.filter(email__in=[email for _, email in PEOPLE.values()]).exists()
    if settings.DEMO and not made_up and User.objects.exists():
        raise ImproperlyConfigured(
            "DEMO=on, but there are real people in this database: turn DEMO off, or give the demonstration a DATA_DIR "
            "of its own."
        )
    if made_up and not settings.DEMO:
        raise ImproperlyConfigured(
            "This database holds a demonstration, whose passwords are published: set DEMO=on, or point DATA_DIR or "
            "DATABASE_URL to another one."
        )


def logins() -> list[str]:
    width = max(len(email) for _, email in PEOPLE.values())
    return [f"{email:<{width}}  {PASSWORD}  ({role.value})" for role, (_, email) in PEOPLE.items()]


def keep_moving() -> None:
    """Request one sensible job on some idle server on behalf of a colleague; called every now and then."""
    access = _access("operator@demo.example")
    idle = list(access.servers().filter(gone_at=None).exclude(jobs__status__in=LIVE).order_by("pk")[:60])
    if random.random() < SNAPSHOTS_SHARE:  # noqa: S311
        _move_snapshots(idle)
        return
    sensible = [(server, kind) for server in idle for kind in POWER_KINDS if _makes_sense(kind, server)]
    if sensible:
        server, kind = random.choice(sensible)  # noqa: S311  (which server moves next is no secret)
        _request(access, server, kind.name)


def _move_snapshots(idle: list[Server]) -> None:
    """A new snapshot of one of a few servers, or the oldest of them deleted, so that there are never many."""
    admin = _access("admin@demo.example")
    servers = [server for server in idle if _makes_sense(SNAPSHOT_CREATE, server)][:WITH_SNAPSHOTS]
    if not servers:
        return
    server = random.choice(servers)  # noqa: S311
    ours = admin.snapshots().filter(server=server, gone_at=None, state=Snapshot.State.READY)
    oldest = ours.order_by("taken_at").first()
    if oldest is not None and ours.count() > MOST_SNAPSHOTS:
        about = {"snapshot_id": oldest.upstream_id, "snapshot_name": oldest.name}
        _request(admin, server, "snapshot_delete", about)
    else:
        _request(admin, server, "snapshot_create", {"name": snapshot_names.suggested("Nightly")})


def _makes_sense(kind: JobKind, server: Server) -> bool:
    return kind.check(server.state).readiness is Readiness.GO


@transaction.atomic
def _people() -> Team:
    encoded, actor = make_password(PASSWORD), Actor()
    accounts = {
        role: team_services.user_create(
            email=email, password=PASSWORD, encoded=encoded, name=name, actor=actor
        )
        for role, (name, email) in PEOPLE.items()
    }
    team = team_services.team_create(name=TEAM, owner=accounts[Role.OWNER], actor=actor)
    for role, user in accounts.items():
        if role != Role.OWNER:
            team_services.member_add(team=team, user=user, role=role, actor=actor)
    return team


def _first_jobs(team: Team) -> None:
    """Queue a handful of jobs; the worker, which starts next, carries them out before the eyes of whoever looks."""
    free = {state: iter(list(_servers_in(team, state))) for state in set(STATE_FOR.values())}
    for operation, fault, options in TROUBLES:
        kind = JOB_OF_OPERATION[operation]
        server = next(free[STATE_FOR[kind]])
        _trouble(operation, server, fault, options)
        _request(_access("admin@demo.example"), server, kind)
    for kind in ORDINARY:
        idle = next(free[STATE_FOR[kind]], None)
        if idle is not None:
            _request(_access("operator@demo.example"), idle, kind)
    _first_snapshots(free[STATE_FOR["reboot"]])


def _first_snapshots(running: Iterator[Server]) -> None:
    """Two snapshots made through the panel, beside those that are there already."""
    admin = _access("admin@demo.example")
    for server in itertools.islice(running, 2):
        _request(admin, server, "snapshot_create", {"name": snapshot_names.suggested("Before upgrade")})


def _servers_in(team: Team, state: str) -> Iterator[Server]:
    return team.servers.filter(state=state).order_by("pk").iterator()


def _trouble(operation: str, server: Server, fault: str, options: dict[str, int]) -> None:
    rule = {"operation": operation, "server": server.upstream_id, "fault": fault, "times": 1, **options}
    url = urljoin(settings.LEASEWEB_API_URL, "/_simulator/faults")
    httpx.post(url, json=rule, timeout=5, trust_env=False).raise_for_status()


def _request(access: Access, server: Server, kind: str, params: dict[str, str] | None = None) -> None:
    about = job_services.About(params or {})
    try:
        job_services.job_create(access, server, KINDS[kind], client_token=uuid.uuid4(), about=about)
    except (job_services.JobRefused, PermissionDenied, ChainBroken):
        # Somebody who tries the demo was quicker, took the operator's right away, or broke the trail. Next time, then.
        return


def _access(email: str) -> Access:
    user = User.objects.get(email=email)
    membership = Membership.objects.select_related("team", "user").get(user=user, team__slug="demo")
    return Access(membership, Actor(user.pk, membership.role))
