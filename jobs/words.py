"""Where a job stands, in plain words: what it means and what to do next. The only place for such sentences.

Pages show them; `tests/jobs/test_words.py` insists that every status, receipt, resolution and code has them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import FINAL, FOR_ITS_TURN, MOVING, JobStatus, Receipt, Resolution


@dataclass(frozen=True, slots=True)
class Words:
    """`title` names the outcome, `sentence` tells what is known, `advice` what to do; `tone` is that of a notice."""

    title: str
    sentence: str
    advice: str
    tone: str = "info"


HELD_BACK = (
    "An older copy of the panel's database was put back, so nothing is sent to Leaseweb: it might have been sent "
    "already. Whoever looks after the panel has to run “manage.py resume”."
)

# Badges say the very words of `jobs.states`, which the documents and the audit trail use, too.
SHORT: dict[str, str] = {status.value: status.label for status in JobStatus}

# {kind} is "Create snapshot", {what} "new snapshot"; what needs to know more is in the functions below.
TABLE: dict[str, Words] = {
    JobStatus.QUEUED: Words(
        "{kind}: waiting to be sent",
        "Nothing was sent to Leaseweb yet.",
        "Nothing to do; it can still be cancelled. If it cannot be sent in time it is dropped.",
    ),
    JobStatus.SENDING: Words(
        "{kind}: being sent to Leaseweb",
        "The request is on its way and can no longer be called back.",
        "Nothing to do. The answer is here within a minute.",
    ),
    JobStatus.OBSERVING: Words(
        "{kind}: Leaseweb accepted it",
        "The panel now reads the server until it shows the effect.",
        "Nothing to do. If no reading shows it in time, the panel asks a person.",
    ),
    JobStatus.UNKNOWN: Words(
        "{kind}: nobody knows whether it happened",
        "The time for it is over and no reading proved what happened.",
        "Look at the server itself, then settle this job below: it happened, or it did not. Until then no other job "
        "can start on this server. The panel keeps looking for a day.",
        "danger",
    ),
    JobStatus.SUCCEEDED: Words(
        "{kind}: done",
        "Readings of the server show the effect.",
        "Nothing to do.",
        "good",
    ),
    JobStatus.FAILED: Words(
        "{kind}: failed",
        "Leaseweb did not carry it out.",
        "Read below what was seen, then decide whether to do it again.",
        "danger",
    ),
    JobStatus.UNVERIFIED: Words(
        "{kind}: accepted, but never seen to happen",
        "Leaseweb accepted the {what}; the API never showed it happen. A quick one can fall between two readings.",
        "Do it again only if the server itself shows that it did not happen, for example by how long it has been up.",
        "warn",
    ),
    JobStatus.SKIPPED: Words(
        "{kind}: not needed",
        "Things were as wanted already, so nothing was sent.",
        "Nothing to do.",
    ),
    JobStatus.CANCELLED: Words(
        "{kind}: cancelled",
        "It was taken back before anything was sent to Leaseweb.",
        "Nothing to do. The server was not touched.",
    ),
    JobStatus.EXPIRED: Words(
        "{kind}: dropped unsent",
        "It waited too long to be sent and was dropped, so that it cannot come as a surprise later.",
        "The server was not touched. See under API keys whether Leaseweb can be reached, then do it again if you "
        "still want it.",
        "warn",
    ),
    JobStatus.RESOLVED: Words(
        "{kind}: settled by hand",
        "A person said what became of it.",
        "Nothing to do. The reason is in the story below.",
    ),
}

UNANSWERED: dict[str, Words] = {
    JobStatus.OBSERVING: Words(
        "{kind}: sent, but not confirmed",
        "Leaseweb may or may not have received it. It is not sent again; the panel reads the server to find out.",
        "Wait for the panel to find out. Do not do it again from the Customer Portal meanwhile.",
        "warn",
    ),
    JobStatus.UNKNOWN: Words(
        "{kind}: not confirmed, and no proof either way",
        "Leaseweb did not confirm the request and no reading of the server proved what happened.",
        TABLE[JobStatus.UNKNOWN].advice,
        "danger",
    ),
    JobStatus.SUCCEEDED: Words(
        "{kind}: the server is as wanted",
        "Leaseweb did not confirm the request, but readings of the server show the effect.",
        "Nothing to do. Somebody else may have done it; the Customer Portal would have to tell.",
        "good",
    ),
}

# What ended a failed job. `jobs.engine` writes these codes.
FAILURES: dict[str, Words] = {
    "refused": Words(
        "Leaseweb refused the {what}",
        "Leaseweb answered, and the answer was no. Nothing was changed.",
        "Correct what Leaseweb objects to. If its reason makes no sense, send the support text below to Leaseweb.",
        "danger",
    ),
    "precondition": Words(
        "{kind}: not sent, it made no sense any more",
        "A fresh reading showed that this cannot be done as things are.",
        "Nothing was changed. Mend what is named here, or wait until it has settled; then do it again.",
        "warn",
    ),
    "gone": Words(
        "{kind}: not sent, the server is gone",
        "Leaseweb no longer knows this server under the API key.",
        "Check in the Customer Portal whether it was cancelled or moved to another account.",
        "danger",
    ),
    "key_refused": Words(
        "{kind}: not sent, the API key does not work",
        "Leaseweb refused the API key, or the panel could not open it.",
        "The server was not touched. Replace the key under API keys, then do it again.",
        "danger",
    ),
    "no_key": Words(
        "{kind}: not sent, no API key sees the server",
        "The key was removed, and no other key of the team sees this server.",
        "Add a key of the account that owns it, then do it again.",
        "danger",
    ),
    "not_allowed": Words(
        "{kind}: not sent, the right was lost",
        "Whoever asked for this lost the right to it, or left the team, before it could be sent.",
        "The server was not touched. Somebody with the right can do it again.",
        "warn",
    ),
    "not_sent": Words(
        "{kind}: not sent, the panel gave up",
        "Every attempt is proven not to have reached Leaseweb.",
        "The server was not touched. See under API keys whether Leaseweb can be reached, then do it again.",
        "danger",
    ),
}

# What to do next where a kind knows better than the table above.
ADVICE: dict[tuple[str, str], str] = {
    (JobStatus.SUCCEEDED, "reinstall"): "Its passwords have changed: see the new ones under its credentials.",
    (
        JobStatus.UNVERIFIED,
        "reinstall",
    ): "Look at the server itself. Do it again only if the old system is still on "
    "it, since that erases everything once more.",
    (
        JobStatus.UNVERIFIED,
        "snapshot_restore",
    ): "Look at the server itself. Do it again only if it still is as it was "
    "before, since everything written meanwhile is lost with it.",
    (
        JobStatus.UNKNOWN,
        "snapshot_create",
    ): "Look at the snapshots of this server, here or in the Customer Portal, "
    "then settle this job below: it happened, or it did not. Until then no other job can start on this server. The "
    "panel keeps looking for a day.",
}
ADVICE[JobStatus.UNKNOWN, "snapshot_delete"] = ADVICE[JobStatus.UNKNOWN, "snapshot_create"]

RESOLVED: dict[str, str] = {
    Resolution.HAPPENED: "{kind}: it happened, says a person",
    Resolution.DID_NOT: "{kind}: it did not happen, says a person",
}

# Other codes that steps of a job carry; short, for its story.
STEPS: dict[str, str] = {
    "already": "already so",
    "cancelled": "cancelled",
    "did_not": "it did not happen",
    "expired": "waited too long",
    "happened": "it happened",
    "no_evidence": "no evidence in time",
    "put_back": "an older database was put back",
    "unrecorded": "could not be noted before sending",
    "sender_vanished": "the sending worker vanished",
    "accepted": "accepted",
    "bad_key": "the key cannot be sent",
    "bad_status": "an answer that proves nothing",
    "connect_failed": "no connection",
    "connect_timeout": "no connection in time",
    "dns_failed": "name lookup failed",
    "no_trace": "no trace of the connection",
    "not_as_promised": "an answer that is no acceptance",
    "protocol_error": "an answer that is no HTTP",
    "rate_limited": "asked to slow down",
    "read_timeout": "no answer in time",
    "reset": "connection lost",
    "temporarily_unavailable": "temporarily unavailable",
    "tls_failed": "encryption failed",
    "too_late": "could not start in time",
    "write_failed": "could not be written out",
}

# Which of a job's params names what it is about.
ABOUT: dict[str, str] = {
    "reinstall": "os_template_name",
    "snapshot_create": "name",
    "snapshot_restore": "snapshot_name",
    "snapshot_delete": "snapshot_name",
}

RECEIPTS: dict[str, str] = {
    Receipt.NONE: "not sent",
    Receipt.ACCEPTED: "accepted by Leaseweb",
    Receipt.UNCERTAIN: "sent, not confirmed",
}


def receipt(job: Job) -> str:
    """What became of the request itself, as far as Leaseweb's answer tells."""
    if job.receipt == Receipt.NONE and job.status == JobStatus.SENDING:
        return "waiting for the answer"
    if job.receipt == Receipt.NONE and job.code == "refused":
        return "refused by Leaseweb"
    return RECEIPTS[job.receipt]


def label(kind: str) -> str:
    """What people call a kind; a kind that this version does not know is shown as it is kept."""
    return KINDS[kind].label if kind in KINDS else kind.replace("_", " ").capitalize()


def noun(kind: str) -> str:
    """What a kind is called where "Leaseweb accepted the …" goes before."""
    return KINDS[kind].noun if kind in KINDS else label(kind).lower()


def called_off(job: Job) -> str:
    """What somebody is told who has just called off what was to follow `job`."""
    then = noun(job.follow_up["kind"]) if job.follow_up else "next job"
    goes_on = f" The {noun(job.kind)} goes on." if job.status in MOVING else ""
    return f"The {then} is called off.{goes_on}"


def about(kind: str, params: Mapping[str, Any]) -> str:
    """The name of what a job is about beside its server: a snapshot, or the system to install; often nothing."""
    name = params.get(ABOUT.get(kind, ""), "")
    return name if isinstance(name, str) else ""


def of_job(job: Job) -> Words:
    """The words for where a job stands now. What the engine noted with its last step is part of the sentence."""
    words, kind, what = _fitting(job), label(job.kind), noun(job.kind)
    title, sentence = (text.format(kind=kind, what=what) for text in (words.title, words.sentence))
    advice = ADVICE.get((job.status, job.kind), words.advice)
    return Words(title, _with_note(job, sentence), advice, words.tone)


def _fitting(job: Job) -> Words:
    if job.status == JobStatus.FAILED and job.code in FAILURES:
        return FAILURES[job.code]
    if job.status == JobStatus.RESOLVED and job.resolution in RESOLVED:
        plain = TABLE[JobStatus.RESOLVED]
        return Words(RESOLVED[job.resolution], plain.sentence, plain.advice)
    if job.receipt == Receipt.UNCERTAIN and job.status in UNANSWERED:
        return UNANSWERED[job.status]
    return TABLE[job.status]


def _with_note(job: Job, sentence: str) -> str:
    """What was noted at the end of this very job is worth more than the general sentence; a wait is added to it."""
    if job.status == JobStatus.QUEUED:
        return f"{sentence} {_waiting(job)}".strip()
    return job.message if job.status in FINAL and job.message else sentence


def _waiting(job: Job) -> str:
    left = job.not_before - timezone.now()
    if job.waiting_for.startswith(FOR_ITS_TURN) and left > timedelta(0):
        return f"{job.waiting_for} Sent in about {_about(left)}."
    if job.waiting_for:
        return job.waiting_for
    if job.not_before > timezone.now():
        return f"It is tried again at {timezone.localtime(job.not_before):%H:%M:%S}."
    return "A worker takes it within seconds."


def _about(left: timedelta) -> str:
    """Seconds in tens, minutes from two of them on; never nothing."""
    seconds = math.ceil(left.total_seconds() / 10) * 10
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def code(value: str) -> str:
    """A step's code in words; one that is not known is shown as it is kept."""
    return STEPS.get(value, value.replace("_", " "))
