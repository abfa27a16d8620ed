"""What was to come after a job: asked for in the transaction that settles it as succeeded, else dropped."""

from typing import Any

import audit.log
from audit.actions import AuditAction
from audit.origin import Actor
from jobs.kinds import KINDS
from jobs.models import Job, JobEvent
from jobs.states import LEASE, JobStatus
from servers.clock import after, before

DROPPED = "“{what}” was to follow and was dropped: it was to be done only if this succeeded. Nothing was sent for it."
TOO_LATE = (
    "“{what}” was to follow and was dropped: it took so long until this was seen to have succeeded that doing it now "
    "would come as a surprise. Nothing was sent for it."
)
FOLLOWS = "Requested together with job #{first}, which has succeeded."


def settle(job: Job, before: JobStatus, to: JobStatus, *, seq: int) -> None:
    """Part of the transaction in which `job` ends as `to`; `seq` is the team's number of that change.

    Late evidence is good enough to settle a job, but nobody waits for what was to follow any more (G7).
    """
    if _called_off(job):
        return
    wanted: dict[str, Any] = job.follow_up or {}
    if to == JobStatus.SUCCEEDED and before != JobStatus.UNKNOWN:
        _ask_for_next(job, wanted, seq)
        return
    told = TOO_LATE if to == JobStatus.SUCCEEDED else DROPPED
    message = told.format(what=KINDS[wanted["kind"]].label)
    JobEvent.objects.create(job=job, from_status=to, to_status=to, message=message)


def _called_off(job: Job) -> bool:
    """Asked anew: `job` was loaded before this transaction took the team's counter, which calling off takes, too."""
    return Job.objects.filter(pk=job.pk, called_off_at__isnull=False).exists()


def _ask_for_next(job: Job, wanted: dict[str, Any], seq: int) -> None:
    """A job like any other: the right and the key are asked again when it is sent. Rung by the next tick."""
    kind = KINDS[wanted["kind"]]
    new = Job.objects.create(
        team_id=job.team_id,
        server_id=job.server_id,
        kind=kind.name,
        params=wanted["params"],
        requested_by_id=job.requested_by_id,
        requested_role=job.requested_role,
        request_id=job.request_id,
        follows=job,
        expires_at=after(kind.expires),
        rung_at=before(LEASE),
        changed_seq=seq,
    )
    message = FOLLOWS.format(first=job.pk)
    JobEvent.objects.create(job=new, to_status=JobStatus.QUEUED, message=message)
    _record(job, new, message)


def _record(job: Job, new: Job, message: str) -> None:
    audit.log.record(
        AuditAction.JOB_REQUEST,
        chain=job.team_id,
        actor=Actor(on_behalf_of=job.requested_by_id, request_id=job.request_id),
        target=job.server.audit_target(new.pk),
        change=audit.log.Change(after={"kind": new.kind, "follows": job.pk, **new.params}),
        reason=message,
    )
