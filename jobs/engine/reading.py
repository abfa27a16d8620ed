"""Readings that belong to no job: the regular pass of a key, refreshes that people ask for, details by their turn."""

from collections.abc import Callable
from itertools import takewhile

import structlog
from django.db.models.functions import Now

from audit import heads
from jobs.engine import applying
from jobs.engine.leasing import time_is_up, with_lease
from servers import budget, details, one_snapshot, passes
from servers.leaseweb import LeasewebError, NotFound
from servers.models import ApiKey, Server, ServerReading, Snapshot

log = structlog.get_logger()
DETAILS_AT_ONCE = 10
MISSING_AT_ONCE = 10
# Opening a page is enough to wish for a detail; whoever may only look must not use up what a job is sent with.
FOR_JOBS = 3


def read_key(api_key_id: int) -> bool:
    """The next pages of a key's list, as its budget allows; False when somebody else reads for it just now."""
    return with_lease(api_key_id, _read_key)


def _read_key(api_key: ApiKey) -> None:
    late = time_is_up()
    if stretch := passes.read_if_due(api_key, late):
        applying.apply_pass(api_key, stretch)
        api_key.refresh_from_db(fields=["synced_at"])
        _look_for_missing(api_key, late)


def _look_for_missing(api_key: ApiKey, late: Callable[[], bool]) -> None:
    """Ask for some of the servers that the list left out, each by itself: a 404 alone makes one gone."""
    for server in passes.missing(api_key)[:MISSING_AT_ONCE]:
        if late() or not budget.take(api_key.pk, background=True):
            return
        applying.read_server(api_key, server)


@heads.noticed()
def read_server(server_id: int) -> None:
    """Meet somebody's wish for a fresh reading of one server. What fails is noted on the key and shown there."""
    wanted = Server.objects.filter(pk=server_id, refresh_asked_at__isnull=False, api_key__removed_at=None)
    server = wanted.select_related("api_key__team").first()
    if server is None or server.api_key is None or not budget.take(server.api_key.pk, background=False):
        return
    try:
        applying.read_server(server.api_key, server)
    except LeasewebError:
        Server.objects.filter(pk=server_id).update(refresh_asked_at=None)


@heads.noticed()
def read_snapshot(snapshot_id: int) -> None:
    """Meet somebody's wish for a fresh reading of one snapshot; without budget it stays a wish for the next tick."""
    snapshot = one_snapshot.claim(snapshot_id)
    if snapshot is None:
        return
    try:
        _read_snapshot(snapshot)
    except LeasewebError as error:
        # What was not found is decided by the list; anything else is noted on the snapshot and shown there.
        log.info("snapshot unreadable", snapshot=snapshot_id, error=type(error).__name__)
    finally:
        one_snapshot.release(snapshot)


def _read_snapshot(snapshot: Snapshot) -> None:
    api_key = snapshot.server.api_key
    if api_key is not None and budget.take(api_key.pk, background=False):
        with one_snapshot.kept(snapshot):
            applying.read_snapshot(api_key, snapshot)


@heads.noticed()
def read_detail(reading_id: int) -> None:
    """Meet somebody's wish for one subject of a server; without budget it stays a wish for the next tick."""
    _read_detail(reading_id, background=False)


def read_all_details(api_key_id: int, go_on: Callable[[int], bool] = lambda read: True) -> int:
    """Read what is due or was never read of the servers of a key, as far as its budget allows; how many readings.

    `go_on` is told how many there are so far, and says whether to go on: a slow Leaseweb earns the budget back while it
    answers, so that it may never be used up.
    """
    ServerReading.objects.filter(server__api_key=api_key_id, read_at=None).update(due_at=Now())
    read = 0
    while found := read_details(api_key_id):
        read += found
        if not go_on(read):
            break
    return read


@heads.noticed()
def read_details(api_key_id: int) -> int:
    """Read some of what is due by its turn for the servers of a key, oldest first; how many its budget allowed."""
    due = ServerReading.objects.filter(
        details.free(), due_at__lte=Now(), server__api_key=api_key_id, server__gone_at=None
    )
    late = time_is_up()
    ids = list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:DETAILS_AT_ONCE])
    return sum(1 for _ in takewhile(lambda pk: not late() and _read_detail(pk, background=True), ids))


def _read_detail(reading_id: int, *, background: bool) -> bool:
    """False when the key's budget has no room for it."""
    reading = details.claim(reading_id)
    api_key = reading.server.api_key if reading else None
    if reading is None or api_key is None:
        return True
    calls = details.SOURCES[reading.subject].calls
    # The regular list pass matters more than turns, too, which would otherwise take every call that comes free.
    leave = budget.for_several_clicks() if background else FOR_JOBS
    if not budget.take(api_key.pk, background=background, calls=calls, leave=leave):
        details.release(reading)
        return False
    try:
        with details.kept(reading):
            applying.read_detail(api_key, reading)
    except NotFound:
        # The server's own reading decides whether it is gone; this one is noted as failed.
        return True
    except LeasewebError:
        return not background
    return True
