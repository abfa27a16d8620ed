"""`submit()`: takes a queued job through its one send (G2).

lease → may it still be sent? → fresh reading → precondition → `sending` committed → its count on the disk → one
request on a fresh connection → what is certain about it. Whatever happens in between, nothing is sent twice.
"""

import time
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, Q, When
from django.db.models.functions import Now

from audit import heads
from jobs import kinds
from jobs.checkpoints import reached
from jobs.engine import send_counter
from jobs.engine.heartbeat import pulse
from jobs.engine.outcome import settle_send
from jobs.engine.persisting import write_answer
from jobs.engine.preparing import fail, kept_reading, read_before, wait_for_panel
from jobs.engine.transition import Note, StaleWriter, advance
from jobs.engine.turns import Ring, Source, calls_for, source, wait_for_call
from jobs.evidence import Fresh
from jobs.models import Job, SendCounter
from jobs.states import LEASE, LEASE_NEEDED, START_WITHIN, JobStatus
from servers import budget, health
from servers.clock import after, scaled
from servers.connect import client_for
from servers.leaseweb import SendOutcome, Sent
from servers.models import ApiKey
from teams.access import holds
from teams.models import Membership
from teams.permissions import roles_with


def submit(job_id: int, ring: Ring = lambda job_id: None) -> None:
    """Send a queued job, if it is due and nobody else holds it. Safe to call any number of times.

    `ring` is called with other jobs that can go on now; the next ticks find them all the same.
    """
    job = None if send_counter.held() else _claim(job_id)
    if job is None:
        return
    reached("claimed", job.pk)
    try:
        with heads.noticed():
            _carry_out(job, ring)
    except StaleWriter:
        # Cancelled, expired, or taken over while we prepared; whoever did that has written it down.
        return


def _claim(job_id: int) -> Job | None:
    """Take the lease by one conditional update; a lease that ran out is counted as lost."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    due = Job.objects.moving().filter(
        free, pk=job_id, status=JobStatus.QUEUED, not_before__lte=Now(), expires_at__gt=Now()
    )
    lost = Case(When(lease_until=None, then=F("lost_leases")), default=F("lost_leases") + 1)
    ours = {"lease_until": after(LEASE), "held_by": pulse.name}
    if due.update(epoch=F("epoch") + 1, lost_leases=lost, **ours) != 1:
        return None
    return Job.objects.select_related("server__api_key__team", "team").get(pk=job_id)


def _carry_out(job: Job, ring: Ring) -> None:
    kind = kinds.KINDS[job.kind]
    api_key = job.server.api_key
    if not holds(job.requested_by_id, job.team_id, kind.permission):
        fail(job, "not_allowed", "Not sent: whoever asked for this no longer has the right to.")
    elif api_key is None or api_key.removed_at:
        fail(job, "no_key", "Not sent: no API key of the team sees this server any more.")
    else:
        _read_and_send(job, kind, api_key, ring)


def _read_and_send(job: Job, kind: kinds.JobKind, api_key: ApiKey, ring: Ring) -> None:
    if api_key.failures >= budget.FAILURES_TO_REST:
        health.try_soon(api_key)
    found = source(job, kind, api_key, ring)
    if found is None:
        return
    calls = calls_for(kind, found)
    if not budget.take_for_send(api_key.pk, calls=calls):
        wait_for_call(job, api_key, calls=calls)
    elif fresh := kept_reading(job) if found is Source.ROW else read_before(job, kind, api_key):
        _send_if_ready(job, kind, api_key, fresh)


def _send_if_ready(job: Job, kind: kinds.JobKind, api_key: ApiKey, fresh: Fresh) -> None:
    check, evidence = kind.check(fresh.state), fresh.as_json()
    if check.readiness is kinds.Readiness.GO:
        check = kind.examine(fresh, job.params)
    if check.readiness is kinds.Readiness.ALREADY:
        note = Note(f"Nothing was sent. {check.reason}", "already", evidence)
        advance(job, JobStatus.SKIPPED, note=note, changes={"before": evidence})
    elif check.readiness is kinds.Readiness.NOT_NOW:
        note = Note(f"Nothing was sent. {check.reason}", "precondition", evidence)
        advance(job, JobStatus.FAILED, note=note, changes={"before": evidence})
    elif budget.paused(api_key):
        # Leaseweb asked another call of this key to wait while the server was read.
        wait_for_call(job, api_key, calls=1)
    else:
        _send(job, kind, api_key, evidence)


def _send(job: Job, kind: kinds.JobKind, api_key: ApiKey, evidence: dict[str, Any]) -> None:
    start_by = time.monotonic() + scaled(START_WITHIN).total_seconds()
    reached("before_sending_commit", job.pk)
    if counter := _begin(job, kind, api_key, evidence):
        reached("after_sending_commit", job.pk)
        sent = _request(job, kind, api_key, counter, start_by)
        write_answer(lambda: settle_send(job, api_key, sent), sent, job_id=job.pk)


def _begin(job: Job, kind: kinds.JobKind, api_key: ApiKey, evidence: dict[str, Any]) -> SendCounter | None:
    """Commit `sending` together with its count; None when nothing may be sent, which is written down here."""
    try:
        with transaction.atomic():
            advance(
                job,
                JobStatus.SENDING,
                note=Note(f"Read as {evidence['state']}; the request is being sent.", evidence=evidence),
                only_if=_may_still_be_sent(job, kind, api_key),
                changes=_sending(kind, api_key, evidence),
            )
            return send_counter.count()
    except (send_counter.HeldBack, OSError) as error:
        job.refresh_from_db()
        wait_for_panel(job, held=send_counter.held(), why=str(error))
        return None


def _request(job: Job, kind: kinds.JobKind, api_key: ApiKey, counter: SendCounter, start_by: float) -> Sent:
    try:
        send_counter.remember(counter)
    except OSError:
        return Sent(SendOutcome.NOT_SENT, error=send_counter.Unrecorded(), reason="unrecorded")
    with client_for(api_key, observer=lambda place: reached(place, job.pk)) as client:
        return kind.send(client, job.server.upstream_id, job.params, start_by)


def _may_still_be_sent(job: Job, kind: kinds.JobKind, api_key: ApiKey) -> Q:
    """Asked by the very UPDATE that commits `sending`: the reading before it took its time (G7, X3).

    Taking a key away holds the team's counter, and so does this step, so one of the two comes first.
    """
    members = Membership.objects.filter(
        user_id=job.requested_by_id or 0,
        team_id=job.team_id,
        user__is_active=True,
        role__in=roles_with(kind.permission),
    )
    key_is_there = Exists(ApiKey.objects.filter(pk=api_key.pk, removed_at=None))
    return Q(lease_until__gt=after(LEASE_NEEDED)) & Q(key_is_there) & Q(Exists(members))


def _sending(kind: kinds.JobKind, api_key: ApiKey, evidence: dict[str, Any]) -> dict[str, Any]:
    return {
        "before": evidence,
        "seen": {},
        "api_key": api_key,
        "attempts": F("attempts") + 1,
        "sent_at": Now(),
        "deadline_at": after(kind.deadline),
        "lease_until": F("lease_until"),
    }
