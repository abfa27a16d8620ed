"""What people do to jobs: ask for one, cancel or settle it, call off what follows. Each is one audited transaction."""

import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

import audit.log
from audit.actions import AuditAction
from jobs import queries, readiness, tasks, words
from jobs.engine import Note, StaleWriter, advance, turns
from jobs.kinds import KINDS, JobKind
from jobs.models import Job, JobEvent, SendCounter
from jobs.states import LIVE, MOVING, JobStatus, Resolution
from servers import freshness
from servers.clock import after
from servers.models import Server
from teams.access import Access
from teams.cursor import bump
from teams.permissions import Permission

MOST_LIVE_PER_TEAM = 200
CALLED_OFF = "“{what}” was to follow and is called off; nothing will be sent for it. This job goes on."


class JobRefused(Exception):
    """The job cannot be taken; the message says why and what to do. `live` is the job that is in the way."""

    def __init__(self, message: str, *, live: Job | None = None) -> None:
        super().__init__(message)
        self.live = live


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is asked for in the moment that the job succeeds, and only then."""

    kind: str
    params: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As `Job.follow_up` keeps it and `engine.followup` reads it."""
        return {"kind": self.kind, "params": self.params}


@dataclass(frozen=True, slots=True)
class About:
    """What a job is about beside its server and kind: `params` as the kind needs them.

    reinstall: `os_template_id`, `os_template_name`. snapshot_create: `name`. snapshot_restore and snapshot_delete:
    `snapshot_id`, `snapshot_name`. Never a secret: params stand in the audit trail. `again_of` is the job that is done
    again.
    """

    params: dict[str, Any] = field(default_factory=dict)
    again_of: Job | None = None
    follow_up: FollowUp | None = None

    def follow_up_json(self) -> dict[str, Any] | None:
        """As `Job.follow_up` keeps it; None when nothing is to follow."""
        return self.follow_up.as_json() if self.follow_up else None


def job_create(
    access: Access,
    server: Server,
    kind: JobKind,
    *,
    client_token: uuid.UUID,
    about: About = About(),
) -> Job:
    """Take a click: one commit holds the job, its lock, its first event and its audit entry (G1).

    `client_token` was made with the form, so the same click twice gives the same job (G4). Raises PermissionDenied
    without the right, JobRefused when another job lives on this server, no key sees it, or the team has too many jobs
    in flight.
    """
    access.require(kind.permission, server)
    if about.follow_up is not None:
        access.require(KINDS[about.follow_up.kind].permission, server)
    if existing := _of_click(access, server, kind, client_token, about):
        return existing
    try:
        _refuse_impossible(access, server)
        return _create(access, server, kind, client_token, about)
    except JobRefused:
        # What is in the way may be this very click, taken a moment ago by another request.
        if same := _of_click(access, server, kind, client_token, about):
            return same
        raise
    except IntegrityError:
        return _lost_the_race(access, server, kind, client_token, about)


def _of_click(
    access: Access, server: Server, kind: JobKind, client_token: uuid.UUID, about: About
) -> Job | None:
    """The job that this click made before. A token that made something else is refused, not answered with that."""
    job = Job.objects.filter(team=access.team, client_token=client_token).first()
    asked = (server.pk, kind.name, about.params, about.follow_up_json())
    if job and (job.server_id, job.kind, job.params, job.follow_up) != asked:
        raise JobRefused("This form was used for another job already. Open it again.", live=job)
    return job


def _refuse_impossible(access: Access, server: Server) -> None:
    # A refused key is none of these: it may be replaced before the job is sent, and the engine looks then.
    if reason := freshness.unseen(server):
        raise JobRefused(reason)
    if SendCounter.objects.filter(held_at__isnull=False).exists():
        raise JobRefused(words.HELD_BACK)
    if access.jobs().filter(status__in=LIVE).count() >= MOST_LIVE_PER_TEAM:
        raise JobRefused(
            f"{MOST_LIVE_PER_TEAM} jobs are in flight already. Wait until some of them are done."
        )
    if live := live_job(server):
        raise JobRefused(readiness.in_the_way(live), live=live)


@transaction.atomic
def _create(
    access: Access,
    server: Server,
    kind: JobKind,
    token: uuid.UUID,
    about: About,
) -> Job:
    seq = bump(access.team.pk)
    job = Job.objects.create(
        team=access.team,
        server=server,
        kind=kind.name,
        params=about.params,
        follow_up=about.follow_up_json(),
        client_token=token,
        requested_by=access.user,
        requested_role=access.membership.role,
        request_id=access.actor.request_id,
        again_of=about.again_of,
        expires_at=after(kind.expires),
        changed_seq=seq,
    )
    JobEvent.objects.create(job=job, to_status=JobStatus.QUEUED, actor=access.user, message="Requested.")
    _record_request(access, job, server)
    transaction.on_commit(partial(tasks.ring_submit, job.pk), robust=True)
    return job


def _record_request(access: Access, job: Job, server: Server) -> None:
    audit.log.record(
        AuditAction.JOB_REQUEST,
        chain=access.team.pk,
        actor=access.actor,
        target=server.audit_target(job.pk),
        change=audit.log.Change(after=_asked(job)),
    )


def _asked(job: Job) -> audit.log.Fields:
    then = {"follow_up": job.follow_up["kind"]} if job.follow_up else {}
    return {
        "kind": job.kind,
        "status": str(JobStatus.QUEUED),
        "again_of": job.again_of_id,
        **job.params,
        **then,
    }


def _lost_the_race(
    access: Access, server: Server, kind: JobKind, client_token: uuid.UUID, about: About
) -> Job:
    """Two clicks at once: the same token means the same job, else the other one holds the server."""
    if same := _of_click(access, server, kind, client_token, about):
        return same
    live = live_job(server)
    if live is None:
        raise JobRefused(
            "Another job on this server ended this very moment. Look at the server and try again."
        )
    raise JobRefused(readiness.in_the_way(live), live=live)


def live_job(server: Server) -> Job | None:
    """The job that holds a server now: queued, sending, observing, or unknown and not yet settled."""
    return Job.objects.filter(server=server, status__in=LIVE).select_related("requested_by").first()


def job_cancel(access: Access, job: Job) -> None:
    """Take back a job that was not sent yet. Raises JobRefused once it is too late, and says so."""
    access.require(cancel_permission(access, job), job.server)
    job.refresh_from_db()
    try:
        if job.status != JobStatus.QUEUED:
            raise StaleWriter
        note = Note("Cancelled before anything was sent.", "cancelled")
        advance(job, JobStatus.CANCELLED, note=note, actor=access.actor)
        turns.give_up_turn(job)
    except StaleWriter:
        raise JobRefused("Too late to cancel: the request is being sent, or was sent already.") from None


def cancel_permission(access: Access, job: Job) -> Permission:
    """The right that cancelling takes: one's own job needs less."""
    own = job.requested_by_id == access.user.pk
    return Permission.JOBS_CANCEL_OWN if own else Permission.JOBS_CANCEL_ANY


def follow_up_call_off(access: Access, job: Job) -> None:
    """Have nothing follow `job` after all; the job itself goes on. What is called off already stays as it is.

    Raises JobRefused when it is too late, with the job that came of it as `live`, or when nothing was to follow.
    """
    if job.follow_up is None:
        raise JobRefused("Nothing was to follow this job.")
    access.require(call_off_permission(job), job.server)
    _call_off(access, job, job.follow_up["kind"])
    job.refresh_from_db()


@transaction.atomic
def _call_off(access: Access, job: Job, kind: str) -> None:
    """The team's counter comes first, as in the transaction that asks for what follows: one of the two is too late."""
    seq = bump(access.team.pk)
    row = access.jobs().select_for_update().get(pk=job.pk)
    if row.called_off_at is not None:
        return
    if row.status not in MOVING:
        raise _nothing_to_call_off(access, row, kind)
    access.jobs().filter(pk=row.pk).update(called_off_at=Now(), called_off_by=access.user, changed_seq=seq)
    _tell_call_off(access, row, kind)


def _nothing_to_call_off(access: Access, row: Job, kind: str) -> JobRefused:
    what, following = words.noun(kind), queries.next_of(access, row)
    if following is None:
        return JobRefused(f"Nothing is left to call off: the {what} was dropped. Nothing is sent for it.")
    late = f"Too late to call off: the {what} was requested as job #{following.pk}."
    still = " It can be cancelled until it is sent." if following.status == JobStatus.QUEUED else ""
    return JobRefused(late + still, live=following)


def _tell_call_off(access: Access, row: Job, kind: str) -> None:
    message = CALLED_OFF.format(what=words.label(kind))
    JobEvent.objects.create(
        job=row,
        from_status=row.status,
        to_status=row.status,
        epoch=row.epoch,
        actor=access.user,
        message=message,
    )
    audit.log.record(
        AuditAction.JOB_CALL_OFF,
        chain=access.team.pk,
        actor=access.actor,
        target=row.server.audit_target(row.pk),
        change=audit.log.Change({"follow_up": kind}, {"follow_up": None, "kind": row.kind}),
        reason=message,
    )


def call_off_permission(job: Job) -> Permission:
    """The right that calling off takes: that of what was to follow."""
    kind = KINDS.get(job.follow_up["kind"]) if job.follow_up else None
    return kind.permission if kind else Permission.JOBS_CANCEL_ANY


def job_settle(access: Access, job: Job, resolution: Resolution, *, reason: str) -> None:
    """A person says what became of an unknown job; that frees the server. The reason is kept in the trail."""
    access.require(settle_permission(access, job), job.server)
    try:
        if job.status != JobStatus.UNKNOWN:
            raise StaleWriter
        note = Note(f"Settled by hand: {resolution.label}. Reason: {reason}", str(resolution))
        advance(job, JobStatus.RESOLVED, note=note, actor=access.actor, changes={"resolution": resolution})
    except StaleWriter:
        raise JobRefused("This job needs no settling any more; its outcome became known meanwhile.") from None


def settle_permission(access: Access, job: Job) -> Permission:
    """The right that settling takes; who may settle any job needs no kind's own right."""
    kind = KINDS.get(job.kind)
    if kind is None or access.can(Permission.JOBS_SETTLE_ANY):
        return Permission.JOBS_SETTLE_ANY
    return kind.settle_permission
