"""`poll()`: one reader per key answers for every job of it that is due."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs import kinds
from jobs.checkpoints import reached
from jobs.engine import applying, leasing
from jobs.engine.preparing import listed
from jobs.engine.transition import Note, StaleWriter, advance
from jobs.evidence import Judgement, Seen, Situation, Snap, SnapshotSeen
from jobs.models import Job, JobEvent
from jobs.states import LATE_EVIDENCE, TRANSITIONS, JobStatus, Receipt
from servers import budget, details, passes
from servers.clock import after, before
from servers.leaseweb import BadAnswer, NotFound, Unavailable
from servers.models import ApiKey, Server, ServerReading
from teams.cursor import bump

log = structlog.get_logger()
AGAIN_AFTER_FAILURE = timedelta(seconds=5)
LATE_PAUSE = timedelta(seconds=60)
# While clicks wait for the key's budget, one poll takes about so many calls and no more.
FEW_CALLS = 10


def due_jobs() -> Q:
    """Jobs whose next reading is due: observed ones, and unknown ones as long as late evidence may come."""
    fresh = Q(status=JobStatus.OBSERVING) | Q(status=JobStatus.UNKNOWN, deadline_at__gt=before(LATE_EVIDENCE))
    return fresh & Q(next_poll_at__lte=Now())


def poll(api_key_id: int) -> bool:
    """Read once for all due jobs of a key and judge each; False when another worker is at it."""
    return leasing.with_lease(api_key_id, _poll)


def _poll(api_key: ApiKey) -> None:
    due = Job.objects.moving().filter(due_jobs(), server__api_key=api_key).select_related("server")
    jobs = list(due.order_by("next_poll_at")[:500])
    if not jobs:
        return
    if budget.clicks_wait(api_key.pk) and _calls(api_key, jobs) > FEW_CALLS:
        jobs = jobs[:FEW_CALLS]
    if not budget.take_for_poll(api_key.pk, calls=_calls(api_key, jobs)):
        _postpone(jobs, timedelta(seconds=2))
        return
    # Pushed first: a reading that fails, or a worker that dies in it, comes again at its time and not in a storm.
    _postpone(jobs, AGAIN_AFTER_FAILURE)
    try:
        _read(api_key, jobs)
    finally:
        # A server that cannot be read must not keep the others, which were, from being judged.
        found = Server.objects.in_bulk([job.server_id for job in jobs])
        for job in jobs:
            _look(job, found[job.server_id])


def _calls(api_key: ApiKey, jobs: list[Job]) -> int:
    """What reading for these jobs takes."""
    servers = min(len(jobs), budget.list_calls(api_key))
    return servers + sum(kinds.KINDS[job.kind].needs is kinds.Needs.SNAPSHOTS for job in jobs)


def _read(api_key: ApiKey, jobs: list[Job]) -> None:
    """What the jobs need to be judged, each server once; snapshots only where a job is about one."""
    late = leasing.time_is_up()
    _read_servers(api_key, {job.server_id: job.server for job in jobs}, late)
    about_snapshots = [job.server for job in jobs if kinds.KINDS[job.kind].needs is kinds.Needs.SNAPSHOTS]
    if about_snapshots and not budget.paused(api_key):
        budget.charge(api_key.pk, calls=len(about_snapshots))
        _read_each(api_key, about_snapshots, lambda server: _read_snapshots(api_key, server), late)


def _read_servers(api_key: ApiKey, servers: dict[int, Server], late: Callable[[], bool]) -> None:
    """Fewer servers than pages: one reading each. Otherwise the list answers for all, from where its pass stands."""
    if len(servers) >= budget.list_calls(api_key):
        stretch = passes.read(api_key, lambda: not late() and not budget.paused(api_key))
        budget.charge(api_key.pk, calls=stretch.listing.pages - 1)
        applying.apply_pass(api_key, stretch)
        return
    budget.charge(api_key.pk, calls=len(servers) - 1)
    _read_each(api_key, servers.values(), lambda server: applying.read_server(api_key, server), late)


def _read_each(
    api_key: ApiKey, servers: Iterable[Server], read: Callable[[Server], object], late: Callable[[], bool]
) -> None:
    for number, server in enumerate(servers):
        # Another call may have been told to wait meanwhile, and that is for all calls of the key.
        if late() or (number and budget.paused(api_key)):
            return
        try:
            read(server)
        except (BadAnswer, NotFound, Unavailable) as error:
            # Noted on the key. It may be this one server's trouble; the next one is asked all the same.
            log.warning("server unreadable", server=server.pk, error=type(error).__name__)


def _read_snapshots(api_key: ApiKey, server: Server) -> None:
    applying.read_detail(api_key, details.of(server, ServerReading.Subject.SNAPSHOTS))


def _look(job: Job, found: Server) -> None:
    """Judge a job by what was read last, if all of that began after the send and none of it was judged yet."""
    kind, old = kinds.KINDS[job.kind], Seen.from_json(job.seen)
    began, snapshots = _read_at(kind, found)
    first, last = min(began), max(began)
    if found.gone_at or job.sent_at is None or first <= job.sent_at or first.isoformat() <= old.at:
        return
    age = (first - job.sent_at) * settings.TIME_SCALE
    snap = Snap(found.state, found.template, last.isoformat(), snapshots)
    situation = Situation(job.before, job.receipt == Receipt.ACCEPTED, age, job.params)
    judgement = _judge(kind, old, snap, situation)
    if judgement.verdict is not None and (job.status, judgement.verdict) in TRANSITIONS:
        _settle(job, judgement, judgement.verdict)
    else:
        _remember(job, judgement, kinds.cadence(kind, age), new=judgement.seen.samples != old.samples)


def _judge(kind: kinds.JobKind, old: Seen, snap: Snap, situation: Situation) -> Judgement:
    """What a reading proves; one that may show how it was before the send is kept and proves nothing."""
    if not old.caught_up and situation.may_be_old(snap):
        return Judgement(old.with_sample(snap))
    return kind.judge(replace(old, caught_up=True), snap, situation)


def _read_at(
    kind: kinds.JobKind, server: Server
) -> tuple[tuple[datetime, ...], tuple[SnapshotSeen, ...] | None]:
    """When the readings that count for a kind began, and the snapshots if they are among them."""
    if kind.needs is not kinds.Needs.SNAPSHOTS:
        return (server.seen_at,), None
    read_at = details.of(server, ServerReading.Subject.SNAPSHOTS).read_at
    return (server.seen_at, read_at or server.first_seen_at), listed(server, read_at)


def _settle(job: Job, judgement: Judgement, verdict: JobStatus) -> None:
    evidence = {"readings": judgement.seen.as_json()["samples"], "receipt": job.receipt}
    reached("before_verdict_commit", job.pk)
    try:
        advance(
            job,
            verdict,
            note=Note(judgement.message, evidence=evidence),
            changes={"seen": judgement.seen.as_json()},
        )
    except StaleWriter:
        log.info("verdict came too late", job=job.pk)
    reached("after_verdict_commit", job.pk)
    if (job.kind, job.status) == (kinds.REINSTALL.name, JobStatus.SUCCEEDED):
        # A new system has other users; a page of its credentials that opens later asks for them, too.
        details.freshen(job.server, ServerReading.Subject.CREDENTIALS, timedelta(0))


def _remember(job: Job, judgement: Judgement, pause: timedelta, *, new: bool) -> None:
    """Keep what was seen and when to look again; what was not seen before becomes a line of the job's story."""
    held = Job.objects.filter(pk=job.pk, status=job.status, epoch=job.epoch)
    wait = pause if job.status == JobStatus.OBSERVING else LATE_PAUSE
    with transaction.atomic():
        changed = {"changed_seq": bump(job.team_id)} if new else {}
        if held.update(seen=judgement.seen.as_json(), next_poll_at=after(wait), **changed) and new:
            _tell_sample(job, judgement.seen.samples[-1])


def _tell_sample(job: Job, sample: Mapping[str, str]) -> None:
    about = f" and the snapshot as {sample['snapshot'] or 'not there yet'}" if "snapshot" in sample else ""
    JobEvent.objects.create(
        job=job,
        from_status=job.status,
        to_status=job.status,
        epoch=job.epoch,
        message=f"Leaseweb shows the server as {sample['state']}{about}.",
        evidence=dict(sample),
    )


def _postpone(jobs: list[Job], pause: timedelta) -> None:
    """Look again after `pause`; at a job that a person has to settle, only as often as late evidence is worth."""
    ids = [job.pk for job in jobs]
    Job.objects.filter(pk__in=ids, status=JobStatus.OBSERVING).update(next_poll_at=after(pause))
    Job.objects.filter(pk__in=ids, status=JobStatus.UNKNOWN).update(next_poll_at=after(LATE_PAUSE))
