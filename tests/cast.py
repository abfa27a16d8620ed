"""The fixed cast of every test: a team with one person per role, and an outsider with a team of their own.

People have no password, which keeps them cheap: `client_of` signs them in. A test about signing in sets one.
"""

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import audit.log
from audit import heads, persons
from audit.actions import AuditAction
from audit.models import AuditEvent
from audit.origin import Actor
from jobs.kinds import KINDS
from jobs.models import ExternalEvent, Job, JobEvent
from jobs.states import FINAL, JobStatus
from servers import search
from servers.leaseweb import Secret
from servers.models import ApiKey, Server, ServerKey, ServerReading, Snapshot
from teams.cursor import bump
from teams.models import Membership, Team, User
from teams.permissions import Role

KEY_TEXT = "key-of-a-test-0123456789abcdef"

MakePerson = Callable[..., User]
MakeTeam = Callable[[str, str], Team]
ClientOf = Callable[[User], Client]
MakeApiKey = Callable[..., ApiKey]
MakeServer = Callable[..., Server]
MakeJob = Callable[..., Job]
MakeSnapshotFirst = Callable[..., Job]
MakeSnapshot = Callable[..., Snapshot]
MakeReading = Callable[..., ServerReading]
MakeExternal = Callable[..., ExternalEvent]
MakeEntries = Callable[..., list[AuditEvent]]
QueriesOf = Callable[[Client, str], int]


# --- People -------------------------------------------------------------------------------------------------


@pytest.fixture
def make_person(db: None) -> MakePerson:
    """`make_person("Name", team, Role.VIEWER)`: an account and, with a team, its membership there."""

    def make(name: str, team: Team | None = None, role: Role = Role.VIEWER) -> User:
        user = User.objects.create_user(f"{name.lower().replace(' ', '.')}@example.com", name=name)
        persons.remember(user.pk, user.name, user.email)
        if team is not None:
            Membership.objects.create(team=team, user=user, role=role.value)
        return user

    return make


@pytest.fixture
def make_team(db: None) -> MakeTeam:
    """`make_team("North Ops", "north-ops")`: a team with its chain, in which nothing has happened yet."""

    def make(name: str, slug: str) -> Team:
        team = Team.objects.create(name=name, slug=slug)
        heads.start_chain(team.pk)
        return team

    return make


@pytest.fixture
def team(make_team: MakeTeam) -> Team:
    return make_team("North Ops", "north-ops")


@pytest.fixture
def owner(make_person: MakePerson, team: Team) -> User:
    return make_person("Olive Owner", team, Role.OWNER)


@pytest.fixture
def admin(make_person: MakePerson, team: Team) -> User:
    return make_person("Adam Admin", team, Role.ADMIN)


@pytest.fixture
def operator(make_person: MakePerson, team: Team) -> User:
    return make_person("Otto Operator", team, Role.OPERATOR)


@pytest.fixture
def viewer(make_person: MakePerson, team: Team) -> User:
    return make_person("Vera Viewer", team, Role.VIEWER)


@pytest.fixture
def auditor(make_person: MakePerson, team: Team) -> User:
    return make_person("Aude Auditor", team, Role.AUDITOR)


@pytest.fixture
def other_team(make_team: MakeTeam) -> Team:
    return make_team("South Ops", "south-ops")


@pytest.fixture
def outsider(make_person: MakePerson, other_team: Team, make_server: MakeServer) -> User:
    """Owns `other_team`, which has two servers, so that a leak in either direction has something to show."""
    person = make_person("Una Outsider", other_team, Role.OWNER)
    make_server(other_team, shown_name="foreign-1")
    make_server(other_team, shown_name="foreign-2")
    return person


@pytest.fixture
def foreign_server(outsider: User, other_team: Team) -> Server:
    """One of the servers of `other_team`."""
    return Server.objects.filter(team=other_team).earliest("pk")


@pytest.fixture
def client_of() -> ClientOf:
    """A browser in which this person is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


# --- Things -------------------------------------------------------------------------------------------------


@pytest.fixture
def make_api_key(db: None) -> MakeApiKey:
    """`make_api_key(team, **fields)`: a sealed key that was read a moment ago and works."""
    numbers = itertools.count(1)

    def make(team: Team, **fields: Any) -> ApiKey:
        values = {
            "name": f"Key {next(numbers)}",
            "health": ApiKey.Health.WORKING,
            "synced_at": timezone.now(),
        }
        api_key = ApiKey(team=team, **{**values, **fields})
        api_key.seal(Secret(KEY_TEXT))
        api_key.save()
        return api_key

    return make


@pytest.fixture
def api_key(make_api_key: MakeApiKey, team: Team) -> ApiKey:
    return make_api_key(team, name="Main account")


@pytest.fixture
def make_server(db: None, make_api_key: MakeApiKey) -> MakeServer:
    """`make_server(team, **fields)`: a running server, all fields filled, seen by the team's first key."""
    numbers = itertools.count(1)

    def make(team: Team, **fields: Any) -> Server:
        number = next(numbers)
        if "api_key" not in fields:
            fields["api_key"] = team.api_keys.order_by("pk").first() or make_api_key(team)
        values = {**_server_fields(number), "changed_seq": bump(team.pk), **fields}
        words = values["shown_name"], values["upstream_id"]
        values.setdefault("search_text", search.text_of(words, [f"10.0.0.{number}"]))
        server: Server = Server.objects.create(team=team, **values)
        if server.api_key is not None:
            ServerKey.objects.create(server=server, api_key=server.api_key)
        return server

    return make


def _server_fields(number: int) -> dict[str, Any]:
    return {
        "upstream_id": str(uuid.UUID(int=number)),
        "shown_name": f"web-{number:02}",
        "reference": f"web-{number:02}",
        "state": Server.State.RUNNING,
        "firewall_state": "ENABLED",
        "data_center": "AMS-01",
        "template": "Ubuntu 24.04 LTS (Noble Numbat)",
        "service_offering": "M",
        "sla": "BRONZE",
        "cpu_cores": 4,
        "memory_amount": 8,
        "memory_unit": "GB",
        "storage_amount": 160,
        "storage_unit": "GB",
        "ips": [{"ip": f"10.0.0.{number % 250}", "version": 4, "type": "PUBLIC"}],
        "traffic_limit": 10,
        "traffic_unit": "TB",
    }


@pytest.fixture
def make_snapshot(db: None) -> MakeSnapshot:
    """`make_snapshot(server, name="Nightly", state="READY", **fields)`: as a reading a moment ago showed it."""
    numbers = itertools.count(1)

    def make(server: Server, name: str = "Nightly", state: str = "READY", **fields: Any) -> Snapshot:
        now = timezone.now()
        values = {
            "team": server.team,
            "upstream_id": str(uuid.UUID(int=next(numbers))),
            "taken_at": now - timedelta(days=2),
            "state_since": now - timedelta(days=2),
            "seen_at": now,
            "changed_seq": bump(server.team_id),
            **fields,
        }
        snapshot: Snapshot = Snapshot.objects.create(server=server, name=name, state=state, **values)
        return snapshot

    return make


@pytest.fixture
def make_reading(db: None) -> MakeReading:
    """`make_reading(server, "templates", content=[…], **fields)`: read a moment ago."""

    def make(server: Server, subject: str, **fields: Any) -> ServerReading:
        values = {"read_at": timezone.now(), "due_at": timezone.now() + timedelta(days=1), **fields}
        reading: ServerReading = ServerReading.objects.create(server=server, subject=subject, **values)
        return reading

    return make


@pytest.fixture
def make_job(db: None) -> MakeJob:
    """`make_job(server, kind="power_on", status="queued", **fields)`: a job as the engine leaves it."""

    def make(server: Server, kind: str = "power_on", status: str = "queued", **fields: Any) -> Job:
        values = {**_job_fields(server, kind, JobStatus(status)), **fields}
        job: Job = Job.objects.create(server=server, kind=kind, status=status, **values)
        JobEvent.objects.create(job=job, to_status=status, actor=job.requested_by, message="Requested.")
        return job

    return make


@pytest.fixture
def make_snapshot_first(make_job: MakeJob) -> MakeSnapshotFirst:
    """`make_snapshot_first(server, status="observing", **fields)`: a snapshot that a restore is to follow."""

    def make(server: Server, status: str = "observing", **fields: Any) -> Job:
        about = {"snapshot_id": "s-1", "snapshot_name": "Before upgrade"}
        then = {"kind": "snapshot_restore", "params": about}
        values = {"params": {"name": "Just before"}, "follow_up": then, **fields}
        return make_job(server, "snapshot_create", status, **values)

    return make


def _job_fields(server: Server, kind: str, status: JobStatus) -> dict[str, Any]:
    now = timezone.now()
    return {
        "team": server.team,
        "api_key": server.api_key,
        "expires_at": now + KINDS[kind].expires,
        "changed_seq": bump(server.team_id),
        "sent_at": None if status == JobStatus.QUEUED else now,
        "finished_at": now if status in FINAL else None,
    }


@pytest.fixture
def make_external(db: None) -> MakeExternal:
    """`make_external(server, what="state", **fields)`: a change that a reading showed and no job explains."""

    def make(server: Server, what: str = "state", **fields: Any) -> ExternalEvent:
        values = {"before": "RUNNING", "after": "STOPPED"} if what == "state" else {}
        return ExternalEvent.objects.create(
            team=server.team, server=server, what=what, **{**values, **fields}
        )

    return make


@pytest.fixture
def make_entries(db: None) -> MakeEntries:
    """`make_entries(team, user, count=1, action=…, **of_record)`: entries of the team's trail, made by `record()`."""

    def make(
        team: Team,
        user: User | None,
        count: int = 1,
        action: AuditAction = AuditAction.JOB_REQUEST,
        **fields: Any,
    ) -> list[AuditEvent]:
        actor = Actor(user_id=user.pk if user else None, role="operator" if user else "")
        with transaction.atomic():
            return [audit.log.record(action, chain=team.pk, actor=actor, **fields) for _ in range(count)]

    return make


@pytest.fixture
def queries_of() -> QueriesOf:
    """How many queries a page takes; lists are asked with 1 row and with 30 and must say the same."""

    def count(client: Client, address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    return count
