"""How sending begins again after an older copy of the database was put back."""

import uuid

from django.db import transaction
from django.db.models import QuerySet

import audit.log
from audit.actions import AuditAction
from audit.models import INSTALLATION
from audit.origin import Actor
from jobs.engine.transition import Note, advance
from jobs.kinds import KINDS
from jobs.models import Job, SendCounter
from jobs.states import JobStatus, Receipt
from servers.clock import after

DROPPED = (
    "An older copy of the panel's database was put back, so this may have been sent already: it was dropped. Look at "
    "the server before asking again."
)
NOT_KNOWN = (
    "An older copy of the panel's database was put back, so what became of this is not known. Look at the server, "
    "then settle this job: it happened, or it did not. Until then no other job can start on this server."
)


def unsent() -> QuerySet[Job]:
    """What would be sent if nobody held it back."""
    return _jobs(JobStatus.QUEUED)


def in_flight() -> QuerySet[Job]:
    return _jobs(JobStatus.SENDING, JobStatus.OBSERVING)


def resume(*, keep: set[int], reason: str) -> None:
    """Settle what the older copy shows and let new requests be sent.

    What was unsent expires, except for the ids in `keep`, which get their time anew; what was in flight becomes
    unknown. The database gets a new name, so that no file of its other life speaks of it. Safe to repeat when cut off.
    """
    for job in unsent():
        _keep(job) if job.pk in keep else _drop(job)
    for job in in_flight():
        _give_up(job)
    with transaction.atomic():
        audit.log.record(AuditAction.SENDING_RESUME, chain=INSTALLATION, actor=Actor(), reason=reason)
        SendCounter.objects.filter(pk=SendCounter.ROW).update(identity=uuid.uuid4(), held_at=None)


def _jobs(*statuses: JobStatus) -> QuerySet[Job]:
    return Job.objects.filter(status__in=statuses).select_related("server", "team").order_by("pk")


def _keep(job: Job) -> None:
    Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(expires_at=after(KINDS[job.kind].expires))


def _drop(job: Job) -> None:
    advance(job, JobStatus.EXPIRED, note=Note(DROPPED, "put_back"))


def _give_up(job: Job) -> None:
    """Nobody looks for evidence: what a server shows now may be the doing of a later job that is not known here."""
    if job.status == JobStatus.SENDING:
        advance(
            job, JobStatus.OBSERVING, note=Note(NOT_KNOWN, "put_back"), changes={"receipt": Receipt.UNCERTAIN}
        )
    advance(job, JobStatus.UNKNOWN, note=Note(NOT_KNOWN, "put_back"), changes={"next_poll_at": None})
