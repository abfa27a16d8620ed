"""A team with much of everything, written in bulk: what a busy account looks like after a long time.

Servers are copies of those that a real pass over the simulated account brought; jobs, events and audit entries have
the fields and texts of real ones. The trail's chain is whole, so it verifies.
"""

import itertools
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audit import chain as hashing
from audit import heads, persons
from audit.actions import AuditAction
from audit.models import AuditEvent, AuditHead, Outcome
from audit.origin import Actor
from jobs.engine import reading
from jobs.models import Job, JobEvent
from jobs.states import JobStatus, Receipt
from servers import services as server_services
from servers.leaseweb import Secret
from servers.models import ApiKey, Server, ServerKey
from teams import services as team_services
from teams.models import Team, User

BATCH = 500
LIVE_ON_FIRST_PAGE = 10
JOBS_OF_ONE_SERVER = 12
OTHER_JOBS = 2000


@dataclass(frozen=True, slots=True)
class Fleet:
    """`session` is the one of the owner; `server` and `job` are the ones whose pages are looked at."""

    team: Team
    owner: User
    api_key: ApiKey
    session: str

    def cookie(self, port: int) -> str:
        """What a browser of the panel at `port` sends."""
        return f"session-{port}={self.session}"

    @property
    def server(self) -> Server:
        """The first one of the list, which has the most jobs."""
        return self.team.servers.order_by("shown_name", "id")[0]

    @property
    def job(self) -> Job:
        """The newest finished job of that server."""
        return self.server.jobs.filter(status=JobStatus.SUCCEEDED).order_by("-id")[0]


def found(key: str, *, name: str) -> Fleet:
    """A team called `name` with an owner who is signed in, a key, and the servers that one reading of it shows."""
    owner, team = team_services.owner_create(
        email=f"{name.lower()}@example.com",
        password=uuid.uuid4().hex,
        team_name=name,
        name="Olivia Owner",
        actor=Actor(),
    )
    api_key = server_services.api_key_add(
        team=team, name="Main account", key=Secret(key), actor=Actor(owner.pk), user=owner
    )
    if not reading.read_key(api_key.pk):
        raise RuntimeError("The simulated account could not be read.")
    client = Client()
    client.force_login(owner)
    return Fleet(team, owner, api_key, client.cookies[settings.SESSION_COOKIE_NAME].value)


@transaction.atomic
def enlarge(fleet: Fleet, *, servers: int, entries: int) -> None:
    """Bring the team to so many servers and (about) so many audit entries, with jobs old and new."""
    _copy_servers(fleet, servers)
    shown = list(fleet.team.servers.order_by("shown_name", "id")[:50])
    _live_jobs(fleet, shown[1 : LIVE_ON_FIRST_PAGE + 1])
    elsewhere = fleet.team.servers.exclude(pk__in=[server.pk for server in shown]).order_by("pk")
    _finished_jobs(fleet, [*elsewhere[:OTHER_JOBS], *([shown[0]] * JOBS_OF_ONE_SERVER)])
    _entries(fleet, entries)


def _copy_servers(fleet: Fleet, wanted: int) -> None:
    originals = list(fleet.team.servers.all())
    copies = (
        _copy(original, number)
        for number, original in zip(range(len(originals), wanted), itertools.cycle(originals), strict=False)
    )
    while batch := Server.objects.bulk_create(itertools.islice(copies, BATCH)):
        ServerKey.objects.bulk_create(ServerKey(server=server, api_key=fleet.api_key) for server in batch)


def _copy(original: Server, number: int) -> Server:
    values = {
        field.attname: getattr(original, field.attname)
        for field in Server._meta.fields
        if not field.primary_key
    }
    values |= {
        "upstream_id": str(10_000_000 + number),
        "shown_name": f"{original.shown_name[:180]} {number}",
        "search_text": f"{original.search_text} {10_000_000 + number}",
    }
    return Server(**values)


# --- Jobs ------------------------------------------------------------------------------------------------------


def _job(fleet: Fleet, server: Server, status: JobStatus, now: datetime) -> Job:
    final = status == JobStatus.SUCCEEDED
    return Job(
        team=fleet.team,
        server=server,
        api_key=fleet.api_key,
        kind="reboot",
        requested_by=fleet.owner,
        requested_role="owner",
        status=status,
        receipt=Receipt.ACCEPTED,
        message="Two readings in a row show the server running after it had been away.",
        before={"state": "RUNNING", "template": server.template},
        epoch=1,
        attempts=1,
        created_at=now - timedelta(minutes=3),
        expires_at=now + timedelta(minutes=2),
        sent_at=now - timedelta(minutes=2),
        deadline_at=now + timedelta(minutes=8),
        # Nobody polls while pages are measured; this only keeps a stray tick from finding it due.
        next_poll_at=None if final else now + timedelta(days=1),
        finished_at=now if final else None,
        upstream_status=202,
        upstream_job_id=str(uuid.uuid4()),
        correlation_id=str(uuid.uuid4()),
        changed_seq=fleet.team.cursor,
    )


def _live_jobs(fleet: Fleet, servers: list[Server]) -> None:
    now = timezone.now()
    Job.objects.bulk_create(_job(fleet, server, JobStatus.OBSERVING, now) for server in servers)


def _finished_jobs(fleet: Fleet, servers: list[Server]) -> None:
    now = timezone.now()
    jobs = Job.objects.bulk_create(
        (_job(fleet, server, JobStatus.SUCCEEDED, now) for server in servers), batch_size=BATCH
    )
    events = itertools.chain.from_iterable(_story(fleet, job, now) for job in jobs)
    JobEvent.objects.bulk_create(events, batch_size=BATCH)


def _story(fleet: Fleet, job: Job, now: datetime) -> list[JobEvent]:
    """The steps of a reboot that went well."""
    seen = {"state": "RUNNING", "template": job.server.template, "at": now.isoformat()}
    gone = {**seen, "state": "STOPPED"}
    answer = {"status": 202, "upstream_job_id": job.upstream_job_id, "correlation_id": job.correlation_id}
    steps: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("", "queued", "Requested.", {}),
        ("queued", "sending", "Read as RUNNING; the request is being sent.", seen),
        ("sending", "observing", "Leaseweb accepted the request; the server is being watched.", answer),
        ("observing", "observing", "Leaseweb shows the server as STOPPED.", gone),
        ("observing", "observing", "Leaseweb shows the server as RUNNING.", seen),
        ("observing", "succeeded", job.message, {"readings": [gone, seen, seen], "receipt": "accepted"}),
    )
    return [
        JobEvent(
            job=job,
            at=now - timedelta(seconds=120 - 20 * number),
            from_status=before,
            to_status=after,
            epoch=1,
            actor=None if before else fleet.owner,
            message=message,
            evidence=evidence,
        )
        for number, (before, after, message, evidence) in enumerate(steps)
    ]


# --- The trail -------------------------------------------------------------------------------------------------


def _entries(fleet: Fleet, count: int) -> None:
    """Half of them clicks, half of them steps of jobs, over all servers and five people."""
    head = AuditHead.objects.get(chain=fleet.team.pk)
    servers = itertools.cycle(fleet.team.servers.values_list("pk", "shown_name")[:1000])
    people = range(fleet.owner.pk, fleet.owner.pk + 5)
    called = {
        person: persons.remember(person, f"Person {person}", f"p{person}@example.com") for person in people
    }
    start = timezone.now() - timedelta(seconds=count)
    batch: list[AuditEvent] = []
    for number, (server, name) in zip(range(count), servers, strict=False):
        event = _entry(number, server, name, people[number % 5])
        event.chain_id, event.sequence = head.chain, head.sequence + 1
        event.actor_digest = called.get(event.actor_id, "")
        event.behalf_digest = called.get(event.on_behalf_of, "")
        event.at = start + timedelta(seconds=number)
        hashing.link(event, head.row_hash)
        head.sequence, head.row_hash = event.sequence, event.row_hash
        batch.append(event)
        if len(batch) == BATCH or number == count - 1:
            AuditEvent.objects.bulk_create(batch)
            batch.clear()
    heads.sealed(head).save()


def _entry(number: int, server: int, name: str, person: int) -> AuditEvent:
    asked = number % 2 == 0
    return AuditEvent(
        action=AuditAction.JOB_REQUEST if asked else AuditAction.JOB_TRANSITION,
        outcome=Outcome.DONE,
        actor_id=person if asked else None,
        actor_role="operator" if asked else "",
        on_behalf_of=None if asked else person,
        session=f"{person:016x}" if asked else "",
        ip="192.0.2.44" if asked else "",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" if asked else "",
        request_id=str(uuid.UUID(int=number)),
        target_type="server",
        target_id=str(server),
        target_label=name,
        job_id=number // 2 + 1,
        before={} if asked else {"status": "queued"},
        after={"kind": "reboot", "status": "queued" if asked else "sending"},
        reason="" if asked else "Read as RUNNING; the request is being sent.",
    )
