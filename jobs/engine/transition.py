"""`advance()`: the only writer of `Job.status`."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

import audit.log
from audit.actions import AuditAction
from audit.models import Outcome
from audit.origin import Actor
from jobs.engine import followup
from jobs.kinds import KINDS
from jobs.models import Job, JobEvent
from jobs.states import FINAL, TRANSITIONS, JobStatus
from servers import details
from teams.cursor import bump

FAILURES = {JobStatus.FAILED, JobStatus.EXPIRED, JobStatus.UNKNOWN}


class IllegalTransition(ValueError):
    """The table of transitions has no such row; a bug, never a race."""


class StaleWriter(RuntimeError):
    """Somebody else moved the job on, or the lease is over: nothing was written (G8)."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a step says: plain words for people, a machine code, and the evidence that is kept with it."""

    message: str = ""
    code: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


def advance(
    job: Job,
    to: JobStatus,
    *,
    note: Note = Note(),
    actor: Actor | None = None,
    only_if: Q = Q(),
    changes: dict[str, Any] | None = None,
) -> None:
    """Move `job` from the status it was loaded with to `to`, with one event and one audit entry (G9).

    One conditional UPDATE on id, status and epoch (and `only_if`): it changes one row, or StaleWriter is raised and
    nothing happened. `changes` are further columns to write with it; expressions are fine. Without an `actor` the
    panel acts, on behalf of whoever asked for the job. Raises IllegalTransition for a pair outside the table.
    """
    before = JobStatus(job.status)
    if (before, to) not in TRANSITIONS:
        raise IllegalTransition(f"{before} → {to}")
    with transaction.atomic():
        values = _values(job, to, note, changes or {})
        same = Job.objects.filter(only_if, pk=job.pk, status=before, epoch=job.epoch)
        if same.update(**values) != 1:
            raise StaleWriter(f"{job}: no longer {before} in epoch {job.epoch}")
        if to in FINAL and job.sent_at:
            details.make_due(job.server_id, KINDS[job.kind].outdates if job.kind in KINDS else ())
        tell(job, before, to, note, actor)
        if to in FINAL and job.follow_up:
            followup.settle(job, before, to, seq=values["changed_seq"])
    job.refresh_from_db()


def _values(job: Job, to: JobStatus, note: Note, changes: dict[str, Any]) -> dict[str, Any]:
    values = {
        "changed_seq": bump(job.team_id),
        "lease_until": None,
        "waiting_for": "",
        **changes,
        "status": to,
    }
    if note.message:
        values |= {"message": note.message[:600]}
    if note.code:
        values |= {"code": note.code[:40]}
    if to in FINAL:
        values |= {"finished_at": Now(), "next_poll_at": None}
    return values


def tell(job: Job, before: str, to: JobStatus, note: Note, actor: Actor | None) -> None:
    """Write the event and the audit entry of a step; part of the caller's transaction."""
    who = actor or Actor(on_behalf_of=job.requested_by_id, request_id=job.request_id)
    JobEvent.objects.create(
        job=job,
        from_status=before,
        to_status=to,
        epoch=job.epoch,
        actor_id=who.user_id,
        message=note.message[:600],
        evidence=note.evidence,
    )
    audit.log.record(
        AuditAction.JOB_TRANSITION if actor is None else _by_hand(to),
        chain=job.team_id,
        actor=who,
        target=job.server.audit_target(job.pk),
        outcome=Outcome.FAILED if to in FAILURES else Outcome.DONE,
        change=audit.log.Change(
            {"status": str(before)}, {"status": str(to), "kind": job.kind, "code": note.code}
        ),
        reason=note.message,
        upstream=_upstream(note),
    )


def _by_hand(to: JobStatus) -> AuditAction:
    return AuditAction.JOB_CANCEL if to == JobStatus.CANCELLED else AuditAction.JOB_RESOLVE


def _upstream(note: Note) -> audit.log.Upstream:
    found = note.evidence
    return audit.log.Upstream(
        found.get("status"), str(found.get("upstream_job_id", "")), str(found.get("correlation_id", ""))
    )
