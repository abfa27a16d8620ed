"""`tick()`: what time alone decides. SQL only; it talks to nobody."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest, Now

import audit.verification
from audit import heads
from audit.checkpoints import making
from jobs.engine import backwards, send_counter
from jobs.engine.heartbeat import pulse
from jobs.engine.observing import due_jobs
from jobs.engine.transition import Note, StaleWriter, advance
from jobs.models import MACHINE_VERSION, Job
from jobs.states import MOST_LOST_LEASES, RING_AGAIN_AFTER, JobStatus, Receipt
from servers.budget import awake
from servers.clock import after, before
from servers.details import free, wanted
from servers.models import ApiKey, Server, ServerReading, Snapshot
from teams import refusals

log = structlog.get_logger()
MOST_AT_ONCE = 200
# A reading that is so long overdue was made by nobody: the panel stood still. Then there is time for two more.
NOBODY_READ_FOR = timedelta(minutes=1)
TIME_FOR_TWO_READINGS = timedelta(seconds=90)
REFRESH_GIVEN_UP_AFTER = timedelta(minutes=2)

EXPIRED = "It waited too long to be sent and was dropped, so that it cannot come as a surprise later. Nothing was sent."
VANISHED = (
    "The worker that was sending this vanished. The request may have reached Leaseweb, so it will not be sent "
    "again; the server is being watched instead."
)
POISONED = "Given up: three workers in a row vanished while preparing this. Nothing was sent."
GIVEN_UP = (
    "The time for this is over and no reading proved what happened. Look at the server, then settle this job: it "
    "happened, or it did not. Until then no other job can start on this server."
)
READ_AT_LAST = "Its time was over before anybody read the server; it is read now, before it is given up."
NOBODY_READ_IT = "Nobody could read it within two minutes: its API key is paused, out of calls or gone."


@dataclass(frozen=True, slots=True)
class Rings:
    """What somebody should do now: send these jobs, read for these keys, servers, snapshots, details. Ids only.

    `details` are wishes of people; `turns` are keys for whose servers some detail is due by its turn. `verifications`
    are chains of the audit trail, `checkpoints` the number of the one that should be signed.
    """

    submits: tuple[int, ...] = ()
    polls: tuple[int, ...] = ()
    syncs: tuple[int, ...] = ()
    refreshes: tuple[int, ...] = ()
    snapshots: tuple[int, ...] = ()
    details: tuple[int, ...] = ()
    turns: tuple[int, ...] = ()
    verifications: tuple[int, ...] = ()
    checkpoints: tuple[int, ...] = ()


def tick() -> Rings:
    """Settle what has run out of time and tell what is due. Running it twice at once is harmless.

    While an older copy of the database is held back, jobs stay as they are until somebody says how to go on.
    """
    backwards.mend()
    refusals.summarise()
    # Most ticks of most panels find no live job: one question instead of six.
    moving = not send_counter.held() and Job.objects.live().exists()
    rings = _jobs() if moving else _readings()
    pulse.ticked()
    return rings


def _jobs() -> Rings:
    _settle(_unleased(Q(status=JobStatus.QUEUED, expires_at__lte=Now())), _expire)
    _settle(_unleased(Q(status=JobStatus.QUEUED, lost_leases__gte=MOST_LOST_LEASES)), _park)
    _settle(Q(status=JobStatus.SENDING, lease_until__lte=Now()), _watch_instead)
    _have_read_before_the_end()
    _settle(_at_the_end(), _hand_over)
    return replace(_readings(), submits=_submits(), polls=_polls())


def _readings() -> Rings:
    return Rings(
        syncs=_syncs(),
        refreshes=_refreshes(),
        snapshots=_snapshots(),
        details=_details(),
        turns=_turns(),
        verifications=audit.verification.due(),
        checkpoints=making.due(),
    )


def _at_the_end() -> Q:
    return Q(status=JobStatus.OBSERVING, deadline_at__lte=Now())


def _have_read_before_the_end() -> None:
    """Jobs whose time ran out while nobody read get the time for it, once, before they are handed to a person."""
    missed = Job.objects.moving().filter(
        _at_the_end(), next_poll_at__lte=before(NOBODY_READ_FOR), waiting_for=""
    )
    ids = list(missed.filter(machine_version=MACHINE_VERSION).values_list("pk", flat=True))
    Job.objects.filter(_at_the_end(), pk__in=ids).update(
        next_poll_at=Now(), deadline_at=after(TIME_FOR_TWO_READINGS), waiting_for=READ_AT_LAST
    )


def _unleased(which: Q) -> Q:
    return which & (Q(lease_until=None) | Q(lease_until__lte=Now()))


def _settle(which: Q, step: Callable[[Job], None]) -> None:
    ours = Job.objects.moving().filter(which, machine_version=MACHINE_VERSION).select_related("server")
    for job in ours.order_by("id")[:MOST_AT_ONCE]:
        try:
            with heads.noticed():
                step(job)
        except StaleWriter:
            log.info("somebody else moved it first", job=job.pk)


def _expire(job: Job) -> None:
    advance(job, JobStatus.EXPIRED, note=Note(EXPIRED, "expired"), only_if=_unleased(Q()))


def _park(job: Job) -> None:
    advance(job, JobStatus.FAILED, note=Note(POISONED, "not_sent"), only_if=_unleased(Q()))


def _watch_instead(job: Job) -> None:
    """A sender that vanished may have sent: never back to the queue, whatever it looks like."""
    at_least = Greatest(F("deadline_at"), after(TIME_FOR_TWO_READINGS))
    watch = {"receipt": Receipt.UNCERTAIN, "next_poll_at": Now(), "deadline_at": at_least}
    note = Note(VANISHED, "sender_vanished")
    advance(job, JobStatus.OBSERVING, note=note, only_if=Q(lease_until__lte=Now()), changes=watch)


def _hand_over(job: Job) -> None:
    readings = {"readings": job.seen.get("samples", []), "receipt": job.receipt}
    advance(
        job, JobStatus.UNKNOWN, note=Note(GIVEN_UP, "no_evidence", readings), changes={"next_poll_at": Now()}
    )


def _submits() -> tuple[int, ...]:
    """Queued jobs whose bell was lost, or whose wait is over; rung again only after a while."""
    due = Job.objects.moving().filter(
        _unleased(Q(status=JobStatus.QUEUED)), not_before__lte=Now(), rung_at__lte=before(RING_AGAIN_AFTER)
    )
    ids = tuple(due.order_by("id").values_list("pk", flat=True)[:MOST_AT_ONCE])
    Job.objects.filter(pk__in=ids).update(rung_at=Now())
    return ids


def _polls() -> tuple[int, ...]:
    due = Job.objects.moving().filter(due_jobs()).exclude(server__api_key=None)
    return tuple(due.order_by().values_list("server__api_key_id", flat=True).distinct()[:MOST_AT_ONCE])


def _syncs() -> tuple[int, ...]:
    """Keys whose next list pass is due, or that somebody asked to read; a paused key is left alone."""
    unread = Q(poll_lease_until=None) | Q(poll_lease_until__lte=Now())
    due = Q(next_sync_at__lte=Now()) | Q(refresh_asked_at__isnull=False)
    keys = ApiKey.objects.filter(awake(), unread, due, removed_at=None)
    return tuple(keys.order_by("next_sync_at").values_list("pk", flat=True)[:MOST_AT_ONCE])


def _refreshes() -> tuple[int, ...]:
    """Servers that somebody asked to read. Wishes for a whole key are among what `_syncs` found."""
    keys = ApiKey.objects.filter(refresh_asked_at__isnull=False)
    if keys.exists():
        keys.filter(refresh_asked_at__lte=before(REFRESH_GIVEN_UP_AFTER)).update(refresh_asked_at=None)
    asked = Server.objects.filter(refresh_asked_at__isnull=False)
    return _wished(asked, "refresh_asked_at", Q(api_key__isnull=False), refresh_asked_at=None)


def _snapshots() -> tuple[int, ...]:
    """Snapshots that somebody asked to read; of one that nobody could read, the page says so."""
    asked = Snapshot.objects.filter(asked_at__isnull=False)
    ended = {"asked_at": None, "error": NOBODY_READ_IT, "error_at": Now(), "correlation_id": ""}
    return _wished(asked, "asked_at", Q(server__api_key__isnull=False), **ended)


def _details() -> tuple[int, ...]:
    """Details that somebody asked for and that nobody is reading."""
    asked = ServerReading.objects.filter(wanted())
    return _wished(asked, "asked_at", free() & Q(server__api_key__isnull=False), asked_at=None)


def _wished(asked: QuerySet[Any], moment: str, readable: Q, **dropped: object) -> tuple[int, ...]:
    """Which wishes can be met, the oldest first; one that nobody could meet is dropped after a while.

    Most ticks find none, and ask no more than that.
    """
    if not asked.exists():
        return ()
    asked.filter(**{f"{moment}__lte": before(REFRESH_GIVEN_UP_AFTER)}).update(**dropped)
    return tuple(asked.filter(readable).order_by(moment).values_list("pk", flat=True)[:MOST_AT_ONCE])


def _turns() -> tuple[int, ...]:
    """Keys for whose servers a detail is due by its turn; what their budget allows is found out when they are read."""
    affordable = ApiKey.objects.filter(awake(), removed_at=None)
    due = ServerReading.objects.filter(
        free(), due_at__lte=Now(), server__gone_at=None, server__api_key=OuterRef("pk")
    )
    return tuple(affordable.filter(Exists(due)).values_list("pk", flat=True)[:MOST_AT_ONCE])
