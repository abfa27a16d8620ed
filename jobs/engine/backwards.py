"""A clock that was turned back leaves moments too far ahead: each counts as due, so that nothing waits for hours.

What is to come lies ahead by its longest possible length at most, what has happened not at all. A tick that finds one
further ahead sets all of them to now.
"""

from collections.abc import Iterator
from datetime import timedelta

import structlog
from django.db.models import (
    DateTimeField,
    Exists,
    ExpressionWrapper,
    Model,
    Q,
    QuerySet,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import JobStatus
from servers.clock import after, scaled
from servers.models import ApiKey, Server, ServerKey, ServerReading, Snapshot, TrafficSpan
from teams import sign_in
from teams.models import Refusal, SignInAllowance

log = structlog.get_logger()
# Machines of one panel may differ by so much.
SLACK = timedelta(minutes=1)
# Moments that are named `…_until` or `…_after`: leases, pauses of the breaker, a Retry-After.
LONGEST_PAUSE = timedelta(minutes=10)
HOUR = timedelta(hours=1)
LONGEST: dict[tuple[type[Model], str], timedelta] = {
    # With the smallest budget many clicks wait for each other.
    (Job, "not_before"): HOUR,
    (Job, "next_poll_at"): timedelta(minutes=1),
    (Job, "expires_at"): HOUR + max(kind.expires for kind in KINDS.values()),
    (Job, "deadline_at"): max(kind.deadline for kind in KINDS.values()),
    (ApiKey, "clicks_until"): HOUR,
    (ApiKey, "polls_after"): HOUR,
    # A list pass of ten thousand servers is spread over ten minutes, with the smallest budget over an hour.
    (ApiKey, "next_sync_at"): HOUR,
    (ServerReading, "due_at"): timedelta(hours=25),
    (SignInAllowance, "full_at"): sign_in.EVERY * sign_in.BURST,
}
MODELS: tuple[type[Model], ...] = (
    Job,
    ApiKey,
    Server,
    ServerKey,
    ServerReading,
    Snapshot,
    TrafficSpan,
    Refusal,
    SignInAllowance,
)
# Told by Leaseweb, not taken from our clock.
THEIRS = {(Snapshot, "taken_at"), (TrafficSpan, "start"), (TrafficSpan, "end")}


def mend() -> None:
    """One query, as long as the clock goes forwards."""
    live = _rows(Job)
    if not ApiKey.objects.filter(_too_far(ApiKey) | Q(Exists(live.filter(_too_far(Job))))).exists():
        return
    log.warning("the clock was turned back; what lies too far ahead counts as due")
    _give_jobs_their_time()
    for model in MODELS:
        for column, longest in _columns(model):
            _rows(model).filter(**{f"{column}__gt": _ahead(longest)}).update(**{column: Now()})


def _give_jobs_their_time() -> None:
    """What was asked for or sent at a moment that has not come yet gets its time from now on, and new evidence."""
    for kind in KINDS.values():
        jobs = Job.objects.filter(kind=kind.name)
        asked = jobs.filter(status=JobStatus.QUEUED, created_at__gt=_ahead())
        asked.update(expires_at=after(kind.expires))
        sent = jobs.filter(status__in=[JobStatus.SENDING, JobStatus.OBSERVING], sent_at__gt=_ahead())
        sent.update(deadline_at=after(kind.deadline), seen={})


def _rows(model: type[Model]) -> "QuerySet[Model]":
    """Jobs that are over are history, and stay as they are."""
    return Job.objects.live() if model is Job else model._default_manager.all()


def _too_far(model: type[Model]) -> Q:
    found = Q()
    for column, longest in _columns(model):
        found |= Q(**{f"{column}__gt": _ahead(longest)})
    return found


def _columns(model: type[Model]) -> Iterator[tuple[str, timedelta]]:
    for each in model._meta.concrete_fields:
        if isinstance(each, DateTimeField) and (model, each.name) not in THEIRS:
            pause = LONGEST_PAUSE if each.name.endswith(("_until", "_after")) else timedelta(0)
            yield each.name, LONGEST.get((model, each.name), pause)


def _ahead(longest: timedelta = timedelta(0)) -> Combinable:
    return ExpressionWrapper(Now() + Value(scaled(longest) + SLACK), output_field=DateTimeField())
