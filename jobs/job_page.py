"""What the page of one job shows: the outcome, its story with the evidence, and what can be done now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime

from jobs import queries, services, words
from jobs.kinds import STATES_IN_WORDS
from jobs.models import Job, JobEvent
from jobs.states import FINAL, MOVING, JobStatus
from servers.facts import main_ip
from teams.access import Access
from teams.people import Person, as_called_now


@dataclass(frozen=True, slots=True)
class Reading:
    """A state that a reading of the server showed, and when that was."""

    state: str
    label: str
    template: str
    at: datetime | None
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a job's story, with the evidence that was kept with it."""

    at: datetime
    since: timedelta
    status: str
    short: str
    changed: bool
    who: Person | None
    message: str
    code: str
    http_status: int | None
    upstream_job_id: str
    correlation_id: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Then:
    """What was asked for together with a job, to be done if it succeeds: the job that came of it, or none yet.

    `pending` tells that it may still come of it.
    """

    label: str
    about: str
    press: str
    url: str
    job: Job | None
    pending: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Way:
    """A link to what comes next."""

    label: str
    url: str


AFTERWARDS = {
    "reinstall": ("See its new credentials", "servers:credential_list"),
    "snapshot_create": ("See the snapshots of this server", "jobs:server_snapshots"),
}


def job_context(access: Access, job: Job) -> dict[str, Any]:
    """Everything but the form to settle it. Two queries, and one more if something was to follow."""
    events = queries.events(job)
    people = as_called_now(access, (job.requested_by, job.called_off_by, *(event.actor for event in events)))
    return {
        "job": job,
        "label": words.label(job.kind),
        "about": words.about(job.kind, job.params),
        "asked_by": people.get(job.requested_by_id or 0),
        "called_off_by": people.get(job.called_off_by_id or 0),
        "short": words.SHORT[job.status],
        "words": words.of_job(job),
        "receipt": words.receipt(job),
        "ip": main_ip(job.server),
        "steps": _steps(events, people),
        "support": support_text(job),
        "moving": job.status in MOVING,
        "live_ids": (job.pk,),
        "then": _then(access, job),
        "ways": _ways_after(access, job),
        **_ways_on(access, job),
    }


def _ways_on(access: Access, job: Job) -> dict[str, Any]:
    queued, unknown = job.status == JobStatus.QUEUED, job.status == JobStatus.UNKNOWN
    # What was to follow is asked for again together with what came first, unless somebody did not want it any more.
    kind = job.follow_up["kind"] if job.follow_up and not job.called_off_at else job.kind
    again = reverse("jobs:job_new", args=(access.team.slug, job.server_id, kind))
    return {
        "can_cancel": queued,
        "why_no_cancel": access.why_not(services.cancel_permission(access, job), job.server),
        "can_settle": unknown,
        "why_no_settle": access.why_not(services.settle_permission(access, job), job.server),
        "again_url": f"{again}?again={job.pk}" if job.status in FINAL else "",
    }


def _ways_after(access: Access, job: Job) -> tuple[Way, ...]:
    """Where somebody wants to go who sees that it is done."""
    if job.status != JobStatus.SUCCEEDED:
        return ()
    found = AFTERWARDS.get(job.kind)
    return (Way(found[0], reverse(found[1], args=(access.team.slug, job.server_id))),) if found else ()


def _then(access: Access, job: Job) -> Then | None:
    """What follows this job if it succeeds, or followed it."""
    if job.follow_up is None:
        return None
    kind, params, following = job.follow_up["kind"], job.follow_up["params"], queries.next_of(access, job)
    url = reverse("jobs:job_detail", args=(access.team.slug, following.pk)) if following else ""
    return Then(
        label=words.label(kind),
        about=words.about(kind, params),
        press=f"Call off the {words.noun(kind)}",
        url=url,
        job=following,
        pending=following is None and job.called_off_at is None and job.status in MOVING,
        why_not=access.why_not(services.call_off_permission(job), job.server),
    )


def _steps(events: list[JobEvent], people: dict[int, Person]) -> list[Step]:
    return [_step(event, event.at - events[0].at, people.get(event.actor_id or 0)) for event in events]


def _step(event: JobEvent, since: timedelta, who: Person | None) -> Step:
    found = event.evidence
    return Step(
        at=event.at,
        since=since,
        status=event.to_status,
        short=words.SHORT.get(event.to_status, event.to_status),
        changed=event.from_status != event.to_status,
        who=who,
        message=event.message,
        code=words.code(str(found.get("reason", ""))),
        http_status=found.get("status"),
        upstream_job_id=str(found.get("upstream_job_id", "")),
        correlation_id=str(found.get("correlation_id", "")),
        readings=_readings(found),
    )


def _readings(evidence: dict[str, Any]) -> tuple[Reading, ...]:
    """The states kept with a step: those of a verdict, or the one that was read before the send."""
    samples = evidence.get("readings") or ([evidence] if evidence.get("state") else [])
    return tuple(_reading(sample) for sample in samples)


def _reading(sample: dict[str, Any]) -> Reading:
    state = str(sample.get("state", ""))
    at = parse_datetime(str(sample.get("at", "")))
    snapshot = str(sample.get("snapshot", ""))
    template = str(sample.get("template", ""))
    return Reading(
        state.lower(), state.lower(), template, at, STATES_IN_WORDS.get(snapshot, snapshot.lower())
    )


def support_text(job: Job) -> str:
    """What Leaseweb's support asks for, as one text to copy; empty as long as nothing was sent."""
    if job.sent_at is None:
        return ""
    lines = [
        ("Virtual server", job.server.upstream_id),
        ("Action", job.kind),
        ("Sent (UTC)", f"{job.sent_at:%Y-%m-%d %H:%M:%S}"),
        ("HTTP status", str(job.upstream_status or "no answer")),
        ("Leaseweb job", job.upstream_job_id),
        ("Correlation id", job.correlation_id),
    ]
    return "\n".join(f"{name}: {value}" for name, value in lines if value)
