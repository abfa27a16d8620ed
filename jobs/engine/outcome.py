"""Writes down what a send proved: accepted, refused, not received, or nothing at all."""

import secrets
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Value

from audit.heads import ChainBroken
from audit.text import one_line
from jobs.checkpoints import reached
from jobs.engine.transition import Note, StaleWriter, advance, tell
from jobs.models import Job
from jobs.states import MOST_ATTEMPTS, JobStatus, Receipt
from servers import health
from servers.clock import after
from servers.leaseweb import AuthError, Forbidden, SendOutcome, Sent
from servers.models import ApiKey
from teams.cursor import bump

log = structlog.get_logger()
FIRST_LOOK = timedelta(seconds=1)
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(minutes=10)
# Trying again cannot help: the stored key fits into no HTTP header.
HOPELESS = {"bad_key"}

UNSURE = "{what} It will not be sent again; the server is being watched instead."
NO_ANSWER = "The request left the panel, but no answer says whether Leaseweb received it."
OTHER_ANSWER = (
    "Leaseweb's address answered HTTP {status}, but not as the API promises for this request, so nobody can tell "
    "whether Leaseweb took it."
)


def settle_send(job: Job, api_key: ApiKey, sent: Sent) -> None:
    """Take the step that the answer proves. `job` is the row as it was when the bytes left (status sending)."""
    reached("before_outcome_commit", job.pk)
    try:
        _tell_key(job, api_key, sent)
        _step(job, sent)
    except StaleWriter:
        _late_answer(job, sent)
    except ChainBroken:
        # The job counts as uncertain as soon as the trail is in order again; until then this line is all there is.
        log.error("answer not recorded", job=job.pk, outcome=sent.outcome.name, **_evidence(sent))
        raise
    reached("after_outcome_commit", job.pk)


def _step(job: Job, sent: Sent) -> None:
    if sent.outcome is SendOutcome.ACCEPTED:
        advance(job, JobStatus.OBSERVING, note=_accepted(sent), changes=_watch(Receipt.ACCEPTED, sent))
    elif sent.outcome is SendOutcome.REFUSED:
        advance(job, JobStatus.FAILED, note=_refused(sent), changes=_answer(sent))
    elif sent.outcome is SendOutcome.AMBIGUOUS:
        note = Note(_unsure(sent), sent.reason, _evidence(sent))
        advance(job, JobStatus.OBSERVING, note=note, changes=_watch(Receipt.UNCERTAIN, sent))
    elif job.attempts < MOST_ATTEMPTS and sent.reason not in HOPELESS:
        advance(
            job, JobStatus.QUEUED, note=_unsent(sent, "It will be tried again."), changes=_later(job, sent)
        )
    else:
        note = _unsent(sent, f"Given up after {job.attempts} of {MOST_ATTEMPTS} attempts.")
        advance(job, JobStatus.FAILED, note=_given_up(note), changes=_not_received(sent))


def _late_answer(job: Job, sent: Sent) -> None:
    """The lease ran out meanwhile and the job counts as uncertain; what the answer proves is still worth having."""
    now = Job.objects.select_related("server").filter(pk=job.pk, epoch=job.epoch).first()
    if (
        now is None
        or now.receipt != Receipt.UNCERTAIN
        or now.status not in (JobStatus.OBSERVING, JobStatus.UNKNOWN)
    ):
        return
    if sent.outcome is SendOutcome.ACCEPTED:
        _confirm_receipt(now, sent)
    elif sent.outcome is SendOutcome.REFUSED:
        known = {"receipt": Receipt.NONE, **_answer(sent)}
        advance(now, JobStatus.FAILED, note=_refused(sent), changes=known)
    elif sent.outcome is SendOutcome.NOT_SENT:
        note = _unsent(sent, "It had waited too long to be tried again.")
        advance(now, JobStatus.FAILED, note=_given_up(note), changes=_not_received(sent))


def _confirm_receipt(job: Job, sent: Sent) -> None:
    """No new status, but better knowledge: Leaseweb did accept it."""
    note = _accepted(sent)
    with transaction.atomic():
        same = Job.objects.filter(pk=job.pk, status=job.status, epoch=job.epoch, receipt=Receipt.UNCERTAIN)
        if same.update(receipt=Receipt.ACCEPTED, changed_seq=bump(job.team_id), **_answer(sent)):
            tell(job, job.status, JobStatus(job.status), note, None)


def _tell_key(job: Job, api_key: ApiKey, sent: Sent) -> None:
    if sent.outcome is SendOutcome.ACCEPTED:
        health.note_action_accepted(api_key)
    elif isinstance(sent.error, AuthError) or (
        isinstance(sent.error, Forbidden) and _other_server_refused(job, api_key)
    ):
        health.note_action_refused(api_key, sent.error, about=job.server.upstream_id)
    health.heed(api_key, sent.error)


def _other_server_refused(job: Job, api_key: ApiKey) -> bool:
    """Whether the newest answer of another server to this key was a 403, too."""
    others = Job.objects.filter(api_key=api_key, upstream_status__isnull=False).exclude(server=job.server_id)
    return others.order_by("-id").values_list("upstream_status", flat=True).first() == 403


def _accepted(sent: Sent) -> Note:
    return Note("Leaseweb accepted the request; the server is being watched.", "", _evidence(sent))


def _refused(sent: Sent) -> Note:
    plain = sent.error.plain if sent.error else "Leaseweb turned the request down."
    return Note(one_line(plain, 600), "refused", _evidence(sent))


def _unsure(sent: Sent) -> str:
    answered = sent.reason == "not_as_promised"
    return UNSURE.format(what=OTHER_ANSWER.format(status=sent.status) if answered else NO_ANSWER)


def _unsent(sent: Sent, then: str) -> Note:
    plain = sent.error.plain if sent.error else ""
    return Note(
        one_line(f"Proven not to have been received. {plain} {then}", 600), sent.reason, _evidence(sent)
    )


def _given_up(note: Note) -> Note:
    return Note(note.message, "not_sent", note.evidence)


def _not_received(sent: Sent) -> dict[str, Any]:
    return {"sent_at": None, "receipt": Receipt.NONE, **_answer(sent)}


def _evidence(sent: Sent) -> dict[str, Any]:
    found: dict[str, Any] = {"reason": sent.reason, "correlation_id": sent.correlation_id}
    if sent.status is not None:
        found["status"] = sent.status
    if sent.job is not None:
        found |= {"upstream_job_id": sent.job.id, "upstream_job_name": sent.job.name}
    return found


def _answer(sent: Sent) -> dict[str, Any]:
    return {
        "upstream_status": sent.status,
        "upstream_job_id": one_line(sent.job.id if sent.job else "", 100),
        "correlation_id": one_line(sent.correlation_id, 100),
    }


def _watch(receipt: Receipt, sent: Sent) -> dict[str, Any]:
    return {"receipt": receipt, "next_poll_at": after(FIRST_LOOK), **_answer(sent)}


def _later(job: Job, sent: Sent) -> dict[str, Any]:
    """When to try again: what Leaseweb asked for, else doubling with jitter so that many jobs do not come at once."""
    doubled = FIRST_RETRY * 2 ** (job.attempts - 1) * (1 + secrets.randbelow(500) / 1000)
    asked = timedelta(seconds=sent.retry_after or 0)
    return {
        "not_before": after(min(max(doubled, asked), LONGEST_RETRY)),
        "waiting_for": Value(one_line(sent.error.plain if sent.error else "", 200)),
        "sent_at": None,
        "deadline_at": None,
    }
