"""What comes before a send: the fresh reading that it is decided on, and how a job waits or ends there."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Value

from audit.text import one_line
from jobs import words
from jobs.checkpoints import reached
from jobs.engine import applying
from jobs.engine.transition import Note, advance
from jobs.evidence import LAG, Fresh, SnapshotSeen
from jobs.kinds import UNKNOWN, JobKind, Needs
from jobs.models import Job
from jobs.states import RING_AGAIN_AFTER, JobStatus
from servers import details, mapping, sync
from servers.budget import PROBE_EVERY
from servers.clock import after, before, scaled
from servers.connect import KeyUnreadable
from servers.leaseweb import AuthError, Forbidden, LeasewebError, NotFound
from servers.models import ApiKey, Server, ServerReading
from teams.cursor import bump

WAIT_AFTER_FAILED_READ = timedelta(seconds=5)
Subject = ServerReading.Subject


def read_before(job: Job, kind: JobKind, api_key: ApiKey) -> Fresh | None:
    """The reading that a send is decided on; without one the job waits or ends, which is written down here."""
    try:
        fresh = _read(job, kind, api_key)
    except _NoSuchServer as error:
        applying.mark_gone(job.server, api_key.pk)
        fail(job, "gone", f"Not sent: {error.found.plain}", error.found)
    except (AuthError, Forbidden, KeyUnreadable) as error:
        fail(job, "key_refused", f"Not sent: {error.plain}", error)
    except LeasewebError as error:
        pause = min(WAIT_AFTER_FAILED_READ * 2 ** min(job.lost_leases + job.epoch - 1, 4), PROBE_EVERY)
        wait(job, pause, error.plain)
    else:
        reached("read_before_sending", job.pk)
        return fresh
    return None


def kept_reading(job: Job) -> Fresh:
    """The same from the server's row, when a reading that is new enough stands there."""
    job.server.refresh_from_db(fields=["state", "template", "seen_at", "moved_at"])
    reached("read_before_sending", job.pk)
    return _fresh(job.server, job.server.state, job.server.template)


def _fresh(server: Server, state: str, template: str) -> Fresh:
    lately = Server.objects.filter(pk=server.pk, moved_at__gt=before(LAG)).exists()
    return Fresh(state, template, moved_lately=lately)


class _NoSuchServer(Exception):
    """The server itself is not there, which a 404 about its snapshots or templates does not prove."""

    def __init__(self, found: NotFound) -> None:
        super().__init__(str(found))
        self.found = found


def _read(job: Job, kind: JobKind, api_key: ApiKey) -> Fresh:
    try:
        reading = sync.read_server(api_key, job.server.upstream_id)
    except NotFound as error:
        if not error.told:
            raise
        raise _NoSuchServer(error) from None
    applying.apply_server(api_key, reading)
    # As it is kept, so that what is read later compares with it.
    shown = mapping.columns(reading.items[0])
    fresh = _fresh(job.server, shown["state"], shown["template"])
    if kind.needs is Needs.SNAPSHOTS:
        read_at = _read_whole(api_key, job.server, Subject.SNAPSHOTS).read_at
        return replace(fresh, snapshots=listed(job.server, read_at, or_later=True))
    if kind.needs is Needs.OS_TEMPLATES:
        found = _read_whole(api_key, job.server, Subject.TEMPLATES).content
        return replace(fresh, os_templates=frozenset(each["id"] for each in found))
    return fresh


def _read_whole(api_key: ApiKey, server: Server, subject: str) -> ServerReading:
    """Raises CutShort for a list that was not read to its end: what it leaves out may well be there."""
    reading = details.of(server, subject)
    applying.read_detail(api_key, reading)
    reading.refresh_from_db(fields=["content", "read_at", "error"])
    if reading.error:
        raise details.CutShort
    return reading


def listed(server: Server, read_at: datetime | None, *, or_later: bool = False) -> tuple[SnapshotSeen, ...]:
    """The snapshots of a server as the reading that began at `read_at` left them.

    One that was read by itself since then counts only `or_later`: as evidence it could count for two readings.
    """

    def counts(seen_at: datetime) -> bool:
        return seen_at == read_at or (or_later and read_at is not None and seen_at > read_at)

    rows = server.snapshots.filter(gone_at=None).order_by("pk")
    return tuple(
        SnapshotSeen(each.upstream_id, each.name, each.state if counts(each.seen_at) else UNKNOWN)
        for each in rows
    )


def fail(job: Job, code: str, message: str, error: LeasewebError | None = None) -> None:
    """End a job that was not sent."""
    evidence = {"status": error.status, "correlation_id": error.correlation_id} if error else {}
    advance(job, JobStatus.FAILED, note=Note(one_line(message, 600), code, evidence))


def wait_for_panel(job: Job, *, held: bool, why: str) -> None:
    """Come again when the panel itself may send; `why` says what is wrong with its data folder otherwise."""
    told = words.HELD_BACK if held else f"Waiting for the data folder of the panel: {why}."
    wait(job, WAIT_AFTER_FAILED_READ, told)


def wait(job: Job, pause: timedelta, why: str, *, expires: bool = True) -> None:
    """Give the lease back and come again after `pause`; the next tick after that rings.

    The time within which the job must be sent runs on, unless `expires` is False: then the pause is added to it.
    """
    held = Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED, epoch=job.epoch)
    more = {} if expires else {"expires_at": F("expires_at") + Value(scaled(pause))}
    with transaction.atomic():
        seq = bump(job.team_id)
        held.update(
            lease_until=None,
            not_before=after(pause),
            rung_at=before(RING_AGAIN_AFTER),
            waiting_for=one_line(why, 200),
            changed_seq=seq,
            **more,
        )
