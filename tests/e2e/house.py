"""A team in which everything has happened: every status, every health, and every nasty name."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

import audit.log
from audit import persons
from audit.actions import AuditAction
from audit.models import INSTALLATION, AuditEvent, Outcome
from audit.origin import Actor
from jobs.kinds import KINDS
from jobs.models import ExternalEvent, Job
from jobs.states import JobStatus
from servers.leaseweb import Granularity
from servers.models import ApiKey, Server, ServerReading, Snapshot, TrafficPoint
from servers.traffic.buckets import begin
from teams.models import Membership, Team, User
from teams.permissions import Role
from tests.cast import (
    MakeApiKey,
    MakeEntries,
    MakeExternal,
    MakeJob,
    MakePerson,
    MakeReading,
    MakeServer,
    MakeSnapshot,
    MakeTeam,
)

LONG = "wordwithoutend" * 715
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe \u05e9\u05e8\u05ea \u062e\u0627\u062f\u0645",
    "🔥🚒🧯 👩‍👩‍👧‍👦",
    LONG,
    "{{ team.name }}{% debug %}",
    "  many   spaces\tand\ttabs  ",
)
OF_SNAPSHOT = ("snapshot_restore", "snapshot_delete")
SECONDS_AGO = timedelta(seconds=90)


@dataclass(frozen=True)
class House:
    """What there is to look at."""

    team: Team
    empty_team: Team
    servers: list[Server]
    stored: Server
    snapshots: list[Snapshot]
    jobs: dict[str, Job]
    keys: dict[str, ApiKey]
    entries: list[AuditEvent]
    account_entries: list[AuditEvent]


@pytest.fixture
def house(
    team: Team,
    owner: User,
    viewer: User,
    operator: User,
    make_api_key: MakeApiKey,
    make_server: MakeServer,
    make_snapshot: MakeSnapshot,
    make_reading: MakeReading,
    make_job: MakeJob,
    make_external: MakeExternal,
    make_entries: MakeEntries,
    make_person: MakePerson,
    make_team: MakeTeam,
) -> House:
    """The owner has a second team, too, in which nothing has happened yet, and looks after the installation.

    Nobody is spared a nasty name.
    """
    for person in (owner, viewer):
        person.set_password("a long walk along the canal")
        person.save()
    User.objects.filter(pk=owner.pk).update(is_installation_admin=True)
    guests = [make_person(f"Guest {number}", team) for number in range(len(NASTY))]
    for person, name in zip(guests, NASTY, strict=True):
        User.objects.filter(pk=person.pk).update(name=name[:100])
        persons.remember(person.pk, name[:100], person.email)
    empty = make_team(NASTY[0], "empty")
    Membership.objects.create(team=empty, user=owner, role=Role.OWNER.value)
    keys = _keys(team, make_api_key)
    servers = _servers(team, keys, make_server)
    _credentials(servers)
    stored = _stored(team, keys["working"], make_server, make_reading)
    snapshots = _snapshots(stored, make_snapshot)
    jobs = _jobs(servers, operator, make_job)
    _traffic(servers)
    _external(servers, make_external)
    entries = [_entry(make_entries, team, owner, name) for name in NASTY]
    signed_in = [_account_entry(person, name) for person, name in zip(guests, NASTY, strict=True)]
    return House(team, empty, servers, stored, snapshots, jobs, keys, entries, signed_in)


def _keys(team: Team, make_api_key: MakeApiKey) -> dict[str, ApiKey]:
    """One of each health; the troubled ones say why, and one is being read."""
    keys = {}
    for number, health in enumerate(ApiKey.Health.values):
        trouble = {"error": LONG[:500], "error_at": timezone.now(), "correlation_id": "c0ffee-1"}
        fields = {} if health in ("working", "untried") else trouble
        name = NASTY[number][:80]
        keys[health] = make_api_key(team, name=name, health=health, **fields)
    keys["reading"] = make_api_key(team, name="Being read", refresh_asked_at=timezone.now())
    return keys


def _servers(team: Team, keys: dict[str, ApiKey], make_server: MakeServer) -> list[Server]:
    """Every nasty name, every state, every health of a key; one gone, one without a key, one that is bare."""
    states, healths = Server.State.values, ApiKey.Health.values
    servers = [
        make_server(
            team,
            shown_name=name[:200],
            reference=name,
            template=name[:200],
            data_center=name[:64],
            state=states[number % len(states)],
            api_key=keys[healths[number % len(healths)]],
        )
        for number, name in enumerate(NASTY)
    ]
    servers += [make_server(team, state=state, api_key=keys["working"]) for state in states * 2]
    old = timezone.now() - timedelta(days=2)
    gone = make_server(team, gone_at=old, seen_at=old, api_key=keys["working"])
    orphan = make_server(team, api_key=None)
    bare = {"ips": [], "template": "", "data_center": "", "cpu_cores": None, "memory_amount": None}
    return [*servers, gone, orphan, make_server(team, shown_name="bare", api_key=keys["working"], **bare)]


def _credentials(servers: list[Server]) -> None:
    """Names of users as nasty as any, none at all, a failed reading, one that is going on; the rest was never read."""
    now, kinds = timezone.now(), ("OPERATING_SYSTEM", "CONTROL_PANEL")
    nasty = [{"type": kinds[number % 2], "username": name[:256]} for number, name in enumerate(NASTY)]
    failed = {"error": LONG[:500], "error_at": now, "correlation_id": "c0ffee-1", "read_at": now}
    found: list[dict[str, Any]] = [
        {"content": [{"type": kinds[0], "username": "root"}, *nasty], "read_at": now},
        {"read_at": now},
        {"content": nasty[:1], **failed},
        {"asked_at": now},
    ]
    for server, fields in zip([*servers[:3], servers[-1]], found, strict=True):
        Server.objects.filter(pk=server.pk).update(note=NASTY[server.pk % len(NASTY)][:2000])
        ServerReading.objects.create(server=server, subject="credentials", **fields)


def _stored(team: Team, api_key: ApiKey, make_server: MakeServer, make_reading: MakeReading) -> Server:
    """A running server with a nasty name of its own, and every nasty name among its systems."""
    server = make_server(team, shown_name=NASTY[2], api_key=api_key)
    content = [{"id": f"T{number}", "name": name} for number, name in enumerate((*NASTY, "Debian 12"))]
    old = timezone.now() - timedelta(days=2)
    trouble = {"error": LONG[:500], "error_at": timezone.now(), "correlation_id": "c0ffee-2"}
    make_reading(server, "templates", content=content, read_at=old, **trouble)
    make_reading(server, "snapshots", read_at=old, **trouble)
    return server


def _snapshots(server: Server, make_snapshot: MakeSnapshot) -> list[Snapshot]:
    """Every state, each with a nasty name; one that is stuck, one that is gone, and one whose own reading failed."""
    long_ago = timezone.now() - timedelta(days=200)
    states = zip(Snapshot.State.values, NASTY, strict=True)
    snapshots = [make_snapshot(server, name[:255], state) for state, name in states]
    stuck = make_snapshot(server, "Stuck", "EXPUNGING", state_since=long_ago, taken_at=long_ago)
    gone = make_snapshot(server, NASTY[0], gone_at=long_ago)
    # A ready one under the longest name.
    trouble = {"error": LONG[:500], "error_at": timezone.now(), "correlation_id": "c0ffee-3"}
    ready = make_snapshot(server, LONG[:255], **trouble)
    return [*snapshots[:4], ready, *snapshots[4:], stuck, gone]


def _jobs(servers: list[Server], person: User, make_job: MakeJob) -> dict[str, Job]:
    """One of each status, on servers of their own, asked for a while ago."""
    kinds = list(KINDS)
    jobs = {}
    for number, status in enumerate(JobStatus.values):
        jobs[status] = make_job(
            servers[number],
            kinds[number % len(kinds)],
            status,
            requested_by=person,
            requested_role="operator",
            params=_about(kinds[number % len(kinds)], NASTY[number % len(NASTY)]),
            follow_up={"kind": "snapshot_restore", "params": _about("snapshot_restore", NASTY[number % 2])},
            message=f"What is known. {NASTY[number % len(NASTY)]}"[:600],
            created_at=timezone.now() - SECONDS_AGO,
            deadline_at=timezone.now() + timedelta(minutes=5),
            called_off_at=timezone.now() if status == JobStatus.OBSERVING else None,
            called_off_by=person if status == JobStatus.OBSERVING else None,
            receipt="uncertain" if number % 2 else "accepted",
            resolution="happened" if status == JobStatus.RESOLVED else "",
            correlation_id="c0ffee00-1111-4222-8333-444455556666",
        )
    return jobs


def _about(kind: str, text: str) -> dict[str, str]:
    names = {"reinstall": "os_template_name", "snapshot_create": "name"}
    return {names.get(kind, "snapshot_name"): text[:255]} if kind in (*names, *OF_SNAPSHOT) else {}


def _traffic(servers: list[Server]) -> None:
    """Days with a gap and a nasty error for the first; some of this month for others; a limit for the bare one."""
    today = begin(timezone.now(), Granularity.DAY)
    points = [
        TrafficPoint(
            server=servers[0], granularity="DAY", at=today - timedelta(days=day), up=10**10, down=10**9 * day
        )
        for day in range(60)
        if day % 9
    ]
    points += [TrafficPoint(server=server, granularity="DAY", at=today, up=10**12) for server in servers[1:9]]
    TrafficPoint.objects.bulk_create(points)
    trouble = {"error": LONG[:500], "error_at": timezone.now(), "correlation_id": "c0ffee-2"}
    ServerReading.objects.create(server=servers[0], subject="traffic", **trouble)
    Server.objects.filter(pk=servers[0].pk).update(traffic_unit="XB")
    Server.objects.filter(pk=servers[-1].pk).update(traffic_limit=None, quota_bytes=10**12)


def _external(servers: list[Server], make_external: MakeExternal) -> None:
    """Each kind of change, from one nasty text to another."""
    for number, what in enumerate(ExternalEvent.What.values):
        text = NASTY[number % len(NASTY)]
        make_external(servers[number], what, subject=text[:255], before=text[:200], after=text[::-1][:200])


def _entry(make_entries: MakeEntries, team: Team, user: User, text: str) -> AuditEvent:
    return make_entries(team, user, reason=text)[0]


@transaction.atomic
def _account_entry(person: User, text: str) -> AuditEvent:
    """A sign-in, the failed try on the account before it, and one on no account."""
    for target in (audit.log.Target("user", str(person.pk)), audit.log.Target("user", "")):
        failed = Actor(ip="2001:db8:85a3:8d3:1319:8a2e:370:7348", user_agent=text[:256])
        entry = {"chain": INSTALLATION, "actor": failed, "target": target, "outcome": Outcome.REFUSED}
        audit.log.record(AuditAction.LOGIN_FAIL, **entry)
    actor = Actor(person.pk, ip="203.0.113.9", user_agent=text[:256])
    target = audit.log.Target("user", str(person.pk))
    return audit.log.record(AuditAction.LOGIN, chain=INSTALLATION, actor=actor, target=target, reason=text)
