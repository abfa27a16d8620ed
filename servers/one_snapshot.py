"""One snapshot read by itself, because somebody asked: whose turn it is, the call, what is kept of the answer."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from servers import details, snapshots
from servers.clock import database_time
from servers.connect import client_for
from servers.health import error_columns, note_failure, note_success
from servers.leaseweb import Forbidden, LeasewebError, NotFound
from servers.leaseweb import Snapshot as Shown
from servers.models import ApiKey, ServerReading, Snapshot
from teams.cursor import bump

SUBJECT = ServerReading.Subject.SNAPSHOTS


@dataclass(frozen=True, slots=True)
class Answer:
    """What Leaseweb said about a snapshot, not written down yet, and when the call began (database clock)."""

    begun: datetime
    shown: Shown


def claim(snapshot_id: int) -> Snapshot | None:
    """Take a wish for this worker; None when it was met meanwhile, or the server's snapshots are being read just now.

    The lease is that of the server's list of snapshots, to be given back with `release`.
    """
    wished = Snapshot.objects.filter(pk=snapshot_id, asked_at__isnull=False)
    snapshot = wished.select_related("server__api_key__team").first()
    if snapshot is None or snapshot.server.api_key is None:
        return None
    if not details.lease(details.of(snapshot.server, SUBJECT)):
        return None
    if not wished.exists():
        release(snapshot)
        return None
    return snapshot


def kept(snapshot: Snapshot) -> AbstractContextManager[None]:
    """Keep that lease while the snapshot is being read."""
    return details.kept(details.of(snapshot.server, SUBJECT))


def release(snapshot: Snapshot) -> None:
    details.release(details.of(snapshot.server, SUBJECT))


def ask(api_key: ApiKey, snapshot: Snapshot) -> Answer:
    """GET /virtualServers/{id}/snapshots/{snapshotId}; `snapshot` comes with its server.

    Raises LeasewebError after the failure was noted on the snapshot and the key. A 404 is no failure and makes
    nothing gone: it has the server's list of snapshots read, and that decides.
    """
    begun = database_time(snapshot)
    try:
        with client_for(api_key) as client:
            return Answer(begun, client.get_snapshot(snapshot.server.upstream_id, snapshot.upstream_id))
    except NotFound:
        _let_the_list_decide(snapshot, begun)
        raise
    except LeasewebError as error:
        if not isinstance(error, Forbidden):
            # What is forbidden about one snapshot says nothing of a key that reads the list.
            note_failure(api_key, error, about=snapshot.server.upstream_id)
        _note_failure(snapshot, begun, error)
        raise


def keep(api_key: ApiKey, snapshot: Snapshot, answer: Answer) -> snapshots.SnapshotChange | None:
    """Write an answer down, unless a later reading showed the snapshot already; gives back what changed of it.

    `snapshot.seen_at` is the moment of the reading before, afterwards.
    """
    with transaction.atomic():
        seq = bump(snapshot.team_id)
        snapshot.refresh_from_db(fields=["name", "state", "taken_at", "seen_at", "gone_at", "error"])
        change = snapshots.apply_one(snapshot, answer.shown, answer.begun, seq)
        met = Snapshot.objects.filter(pk=snapshot.pk, asked_at__lte=answer.begun)
        met.update(asked_at=None, changed_seq=seq)
    note_success(api_key)
    return change


def _let_the_list_decide(snapshot: Snapshot, begun: datetime) -> None:
    with transaction.atomic():
        seq = bump(snapshot.team_id)
        ServerReading.objects.filter(server=snapshot.server_id, subject=SUBJECT).update(asked_at=Now())
        met = Snapshot.objects.filter(pk=snapshot.pk, asked_at__lte=begun)
        met.update(asked_at=None, changed_seq=seq)


def _note_failure(snapshot: Snapshot, begun: datetime, error: LeasewebError) -> None:
    """The wish ends. One that began before a good reading which was kept meanwhile says nothing else any more."""
    with transaction.atomic():
        seq = bump(snapshot.team_id)
        row = Snapshot.objects.filter(pk=snapshot.pk)
        row.update(asked_at=None, changed_seq=seq)
        row.filter(seen_at__lte=begun).update(**error_columns(error))
