"""Many clicks at once: which reading each is sent on, and how those wait that the call budget has no room for yet."""

import time
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from jobs.engine import applying
from jobs.engine.leasing import with_lease
from jobs.engine.preparing import wait
from jobs.kinds import KINDS, POWER_KINDS, JobKind, Needs
from jobs.models import Job
from jobs.states import FOR_ITS_TURN, JobStatus
from servers import budget, passes
from servers.clock import before, scaled
from servers.models import ApiKey

Ring = Callable[[int], None]
POWER = frozenset(kind.name for kind in POWER_KINDS)
# How old a reading that began after the click may have become before the send.
FRESH_FOR = timedelta(seconds=30)
# So many clicks of a key within so short a time are sent on readings of their own; the next ones are read together,
# by one walk through the list, which begins this long after the one before.
MOST_ALONE, SHORT_TIME = 5, timedelta(seconds=5)
BETWEEN_LISTS = timedelta(seconds=2)
# No page is begun after this: the first one must not be too old for a send when the last one is there.
LIST_TIME = timedelta(seconds=15)
TOGETHER = "It is read together with other clicks that just came in."
SOON = timedelta(seconds=1)
# A list pass that somebody else has begun is waited for no longer than this.
PATIENCE = timedelta(seconds=10)
WAIT_FOR_LEASEWEB = timedelta(seconds=5)
# Other reading begins again only when nobody who waits can still be between two ticks.
TICKS = timedelta(seconds=5)


class Source(Enum):
    """Where the reading comes from that a send is decided on: the server's row, or a call of its own."""

    ROW = "row"
    CALL = "call"


def source(job: Job, kind: JobKind, api_key: ApiKey, ring: Ring) -> Source | None:
    """Where to take the reading from; None when the job has to wait for it, which is written down here.

    What a walk through the list shows is enough for power jobs. It is made when so many of them are unread that it
    takes fewer calls than one for each, but not again at once; `ring` is called with the jobs that waited for it.
    """
    if kind.needs is not Needs.SERVER:
        return Source.CALL
    if _is_read(job):
        return Source.ROW
    if _unread(api_key).count() > budget.list_calls(api_key) and not _just_listed(api_key):
        return _read_together(job, api_key, ring)
    lately = Job.objects.filter(api_key=api_key, sent_at__gte=before(SHORT_TIME), kind__in=POWER)
    if lately.count() >= MOST_ALONE:
        _wait_together(job, api_key)
        return None
    return Source.CALL


def calls_for(kind: JobKind, source: Source) -> int:
    """How many calls a send takes, its own included."""
    if source is Source.ROW:
        return 1
    return 2 if kind.needs is Needs.SERVER else 3


def wait_for_call(job: Job, api_key: ApiKey, *, calls: int) -> None:
    """Come again when the key may be used; the job says what it waits for.

    A key that Leaseweb told to pause, or that keeps failing, is Leaseweb's doing: the time within which the job must
    be sent runs on. What waits for our own budget only does not expire meanwhile.
    """
    if budget.paused(api_key):
        why = f"Waiting for Leaseweb: it asked the API key “{api_key.name}” to pause, or keeps failing."
        wait(job, WAIT_FOR_LEASEWEB, why)
        return
    pause = max(budget.time_until(api_key.pk, calls=_calls_before(job, api_key) + calls), SOON)
    budget.put_clicks_first(api_key.pk, pause + TICKS)
    wait(job, pause, f"{FOR_ITS_TURN} “{api_key.name}”.", expires=False)


def give_up_turn(job: Job) -> None:
    """A job that waited is not sent after all: if it was the last one, others may read with its key again."""
    key_id = job.server.api_key_id
    waiting = Job.objects.filter(status=JobStatus.QUEUED, server__api_key=key_id)
    if key_id is not None and not waiting.exists():
        ApiKey.objects.filter(pk=key_id).update(clicks_until=None)


def _read_together(job: Job, api_key: ApiKey, ring: Ring) -> Source | None:
    mine = with_lease(api_key.pk, lambda key: _read_list(key, ring))
    if _is_read(job):
        return Source.ROW
    if mine or Job.objects.filter(pk=job.pk, created_at__lte=before(PATIENCE)).exists():
        return Source.CALL
    _wait_together(job, api_key)
    return None


def _wait_together(job: Job, api_key: ApiKey) -> None:
    budget.put_clicks_first(api_key.pk, TICKS)
    wait(job, SOON, TOGETHER)


def _read_list(api_key: ApiKey, ring: Ring) -> None:
    pages = min(budget.list_calls(api_key), passes.PAGES_AT_ONCE)
    if not budget.take_for_send(api_key.pk, calls=pages):
        return
    ApiKey.objects.filter(pk=api_key.pk).update(listed_at=Now())
    end = time.monotonic() + scaled(LIST_TIME).total_seconds()
    applying.apply_pass(api_key, passes.read(api_key, lambda: time.monotonic() < end))
    waiting = Job.objects.filter(
        _read(), status=JobStatus.QUEUED, server__api_key=api_key, lease_until=None, waiting_for=TOGETHER
    )
    ids = list(waiting.order_by("id").values_list("pk", flat=True))
    Job.objects.filter(pk__in=ids, status=JobStatus.QUEUED).update(not_before=Now(), rung_at=Now())
    for each in ids:
        ring(each)


def _read() -> Q:
    """Jobs whose server was read since the click, and not long ago; by a key whose calls do not keep failing."""
    well = Q(server__gone_at=None, server__api_key__failures__lt=budget.FAILURES_TO_REST)
    return well & Q(server__seen_at__gt=F("created_at")) & Q(server__seen_at__gt=before(FRESH_FOR))


def _is_read(job: Job) -> bool:
    return Job.objects.filter(_read(), pk=job.pk).exists()


def _unread(api_key: ApiKey) -> QuerySet[Job]:
    return Job.objects.filter(status=JobStatus.QUEUED, server__api_key=api_key, kind__in=POWER).exclude(
        _read()
    )


def _just_listed(api_key: ApiKey) -> bool:
    """Whether its list was read a moment ago, or begun to be: one that does not come whole is no reason to hurry."""
    lately = Q(synced_at__gt=before(BETWEEN_LISTS)) | Q(listed_at__gt=before(BETWEEN_LISTS))
    return ApiKey.objects.filter(lately, pk=api_key.pk).exists()


def _calls_before(job: Job, api_key: ApiKey) -> int:
    """What those take that came first. By then a list pass will have read the servers of power jobs."""
    first = Job.objects.filter(status=JobStatus.QUEUED, server__api_key=api_key, pk__lt=job.pk)
    return sum(
        calls_for(KINDS[kind], Source.ROW if kind in POWER else Source.CALL)
        for kind in first.values_list("kind", flat=True)
        if kind in KINDS
    )
