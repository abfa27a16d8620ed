"""What is read of a server beside its own row: snapshots, templates, names of credentials, traffic.

Each subject has one row per server in `ServerReading`, which remembers when it was read and when it is due. People
see what was read last and never wait; a worker asks and keeps.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from servers import freshness, snapshots
from servers.clock import after, before, database_time, scaled
from servers.connect import client_for
from servers.health import error_columns, note_failure, note_success
from servers.lease import LEASE, renewed
from servers.leaseweb import (
    Client,
    CredentialName,
    CredentialType,
    CutShort,
    Forbidden,
    LeasewebError,
    Listing,
    NotFound,
)
from servers.models import ApiKey, Server, ServerReading
from servers.snapshots import SnapshotChange, Write
from servers.traffic import reading as traffic
from teams.bookkeeping import bookkeeping
from teams.cursor import bump

Subject = ServerReading.Subject
AGAIN_AFTER_FAILURE = timedelta(minutes=5)
# Marks a name in the kept list of credentials that the last whole list lacked.
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Source:
    """How a subject is read: `every` is the pause between readings that nobody asked for, `calls` what one costs.

    `fetch` asks Leaseweb and gives back what writes the answer down, inside a transaction.
    """

    every: timedelta
    first_after: timedelta
    calls: int
    fetch: Callable[[Client, Server], Write]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Leaseweb said about a subject, not written down yet, and when the call began (database clock)."""

    begun: datetime
    write: Write


def ask(api_key: ApiKey, reading: ServerReading) -> Answer:
    """Ask Leaseweb about one subject of a server; `reading` comes with its server.

    Raises LeasewebError after the failure was noted on the reading and the key; nothing else changes then.
    """
    begun = database_time(reading)
    try:
        with client_for(api_key) as client:
            return Answer(begun, SOURCES[reading.subject].fetch(client, reading.server))
    except LeasewebError as error:
        if not isinstance(error, Forbidden):
            # What is forbidden about one subject of one server says nothing of a key that reads the list.
            note_failure(api_key, error, about=reading.server.upstream_id)
        _note_failure(reading, begun, error)
        raise


def keep(api_key: ApiKey, reading: ServerReading, answer: Answer) -> tuple[SnapshotChange, ...]:
    """Write an answer down, unless a later one was kept already; gives back what changed of the server's snapshots.

    `reading.read_at` is the moment of the reading before, afterwards.
    """
    with transaction.atomic():
        seq = bump(reading.server.team_id)
        reading.refresh_from_db(fields=["content", "read_at", "asked_at"])
        if reading.read_at is not None and reading.read_at > answer.begun:
            release(reading)
            return ()
        reading.error = ""
        changes = answer.write(reading, answer.begun, seq)
        _note_success(reading, answer.begun, seq)
    note_success(api_key)
    return changes


def _note_success(reading: ServerReading, begun: datetime, seq: int) -> None:
    """The server counts as changed, so that a page which waits for the reading shows it."""
    row = ServerReading.objects.filter(pk=reading.pk)
    row.update(
        content=reading.content,
        read_at=begun,
        due_at=after(_pause(reading)),
        lease_until=None,
        error=reading.error,
        error_at=Now() if reading.error else None,
    )
    if row.filter(asked_at__lte=begun).update(asked_at=None):
        Server.objects.filter(pk=reading.server_id).update(changed_seq=seq)


def _pause(reading: ServerReading) -> timedelta:
    """Until it is read again by its turn: soon when a second list has to say whether something is gone."""
    doubted = any(each.get(MISSING) for each in reading.content)
    return AGAIN_AFTER_FAILURE if doubted else SOURCES[reading.subject].every


def _note_failure(reading: ServerReading, begun: datetime, error: LeasewebError) -> None:
    """One that began before a good reading which was kept meanwhile says nothing any more."""
    with transaction.atomic():
        seq = bump(reading.server.team_id)
        release(reading)
        newest = ServerReading.objects.filter(Q(read_at=None) | Q(read_at__lte=begun), pk=reading.pk)
        newest.update(
            asked_at=None,
            due_at=after(_pause_after_failure(reading)),
            **error_columns(error),
        )
        Server.objects.filter(pk=reading.server_id).update(changed_seq=seq)


def _pause_after_failure(reading: ServerReading) -> timedelta:
    """What fails again and again is asked less often, so that it does not use up the key's budget."""
    every = SOURCES[reading.subject].every
    return max(AGAIN_AFTER_FAILURE, every / 4) if reading.error else AGAIN_AFTER_FAILURE


def claim(reading_id: int) -> ServerReading | None:
    """Take a wanted or due reading for this worker; None when somebody else has it, or it was done meanwhile."""
    due = wanted() | Q(due_at__lte=Now())
    if ServerReading.objects.filter(due, free(), pk=reading_id).update(lease_until=after(LEASE)) != 1:
        return None
    return ServerReading.objects.select_related("server__api_key__team").get(pk=reading_id)


def lease(reading: ServerReading) -> bool:
    """Keep other workers from reading this subject of a server; False when one of them is at it."""
    return ServerReading.objects.filter(free(), pk=reading.pk).update(lease_until=after(LEASE)) == 1


def kept(reading: ServerReading) -> AbstractContextManager[None]:
    """Keep the lease of a reading while it is being read."""
    return renewed(ServerReading.objects.filter(pk=reading.pk), "lease_until")


def release(reading: ServerReading) -> None:
    """Give a claimed reading back unread."""
    ServerReading.objects.filter(pk=reading.pk).update(lease_until=None)


def wanted() -> Q:
    return Q(asked_at__isnull=False)


def free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=Now())


def of(server: Server, subject: str) -> ServerReading:
    """The reading of a subject, made if the server has none yet."""
    reading, _ = ServerReading.objects.get_or_create(server=server, subject=subject)
    reading.server = server
    return reading


def make_due(server_id: int, subjects: Iterable[str]) -> None:
    """Have these subjects of a server read at the next turn: something was done that changes them."""
    ServerReading.objects.filter(server=server_id, subject__in=list(subjects)).update(due_at=Now())


def freshen(server: Server, subject: str, older_than: timedelta) -> bool:
    """Have a subject read that was not read for `older_than`; whether a reading of it is awaited.

    For pages that are opened, which is nobody's act: nothing is written when it is fresh enough, awaited already,
    has failed a moment ago, or nobody can read it. `server` comes with its key.
    """
    if freshness.out_of_reach(server):
        return False
    known = ServerReading.objects.filter(server=server, subject=subject)
    reading = known.first()
    old = Q(read_at=None) | Q(read_at__lte=before(older_than))
    rested = Q(error_at=None) | Q(error_at__lte=before(min(older_than, AGAIN_AFTER_FAILURE)))
    stale = known.filter(old, rested, asked_at=None)
    if reading is not None and (reading.asked_at is not None or not stale.exists()):
        return reading.asked_at is not None
    with bookkeeping(f"a wish to read {subject}"):
        of(server, subject)
        stale.update(asked_at=Now())
        return True
    return False


def prepare(servers: QuerySet[Server], now: datetime) -> None:
    """Give servers the readings that they lack: new ones all, known ones what a newer version reads beside.

    `now` is a moment of the database's clock, from which on the first ones are due in their order.
    """
    lacking = servers.annotate(known=Count("readings")).filter(known__lt=len(SOURCES))
    rows = [
        ServerReading(server_id=pk, subject=subject, due_at=now + scaled(source.first_after))
        for pk in lacking.values_list("pk", flat=True)
        for subject, source in SOURCES.items()
    ]
    ServerReading.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def _fetch_templates(client: Client, server: Server) -> Write:
    listing = client.list_templates(server.upstream_id)
    return _keep([{"id": each.id, "name": each.name} for each in listing.items], complete=listing.complete)


def _fetch_credentials(client: Client, server: Server) -> Write:
    """The names only: no password is asked for, so none can be kept."""
    lists = [_credential_names(client, server, kind) for kind in CredentialType]
    found = [{"type": name.kind.value, "username": name.username} for each in lists for name in each.items]
    return _keep(found, complete=all(each.complete for each in lists), merge=_with_missing)


def _credential_names(client: Client, server: Server, kind: CredentialType) -> Listing[CredentialName]:
    """A server without a control panel may have no list of its credentials at all."""
    try:
        return client.list_credentials(server.upstream_id, kind)
    except NotFound:
        if kind is CredentialType.CONTROL_PANEL:
            return Listing((), True, 1, 0, "")
        raise


Content = list[dict[str, Any]]


def _with_missing(old: Content, found: Content) -> Content:
    """The names that were found, and those that a whole list lacks for the first time.

    None is asked for by itself, since that would fetch its password: a second whole list decides instead.
    """
    known = [(each["type"], each["username"]) for each in found]
    lacking = [each for each in old if (each["type"], each["username"]) not in known]
    return found + [each | {MISSING: True} for each in lacking if MISSING not in each]


def _keep(
    found: Content, *, complete: bool, merge: Callable[[Content, Content], Content] = lambda old, found: found
) -> Write:
    """A list that was cut short says less than a whole one that came before it."""

    def write(reading: ServerReading, begun: datetime, seq: int) -> tuple[SnapshotChange, ...]:
        if complete or not reading.content:
            reading.content = merge(reading.content, found) if complete else found
        reading.error = "" if complete else CutShort().plain
        return ()

    return write


SOURCES: dict[str, Source] = {
    Subject.SNAPSHOTS: Source(timedelta(minutes=30), timedelta(0), 1, snapshots.fetch),
    Subject.TEMPLATES: Source(timedelta(days=1), timedelta(minutes=20), 1, _fetch_templates),
    Subject.CREDENTIALS: Source(timedelta(days=1), timedelta(minutes=40), 2, _fetch_credentials),
    Subject.TRAFFIC: Source(traffic.EVERY, timedelta(minutes=1), traffic.CALLS, traffic.fetch),
}
