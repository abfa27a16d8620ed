"""The pass through all servers that a key shows: paid for page by page, written down as far as it came, gone on with.

Where a pass stands is kept on its key. What a list leaves out proves nothing: offsets shift when a server is deleted
between two pages, and one answer may lie. So a server that a whole pass did not show is asked for by itself, and only
a 404 makes it gone. A mass of missing or of new servers has to be shown by a second whole pass before it is believed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from servers import budget, details, pass_words
from servers.clock import after, database_time, scaled
from servers.connect import client_for
from servers.health import note_failure, note_success
from servers.leaseweb import MAX_ITEMS, LeasewebError, Listing, VirtualServer
from servers.models import PRODUCT, ApiKey, Server, ServerKey
from servers.sync import Changes, Reading, upsert
from teams.cursor import bump

EVERY = timedelta(seconds=60)
WAIT_FOR_BUDGET = timedelta(seconds=5)
# What was read before this is too old to be put together with what comes now.
LONGEST_PASS = timedelta(hours=2)
# How often in a row the page is asked for where a pass stopped.
TRIES = 3
# What is written at once, so that no transaction keeps others waiting for seconds.
PAGES_AT_ONCE = 20
# More than a tenth of a key's servers, and at least so many, do not come or go at once without a second look.
MASS = 5
SHARE_OF_A_MASS = 10
# Passes for jobs follow one another within seconds, and so long a lie may last, too.
SECOND_LOOK_AFTER = timedelta(seconds=30)
PASS_FIELDS = (
    "pass_begun_at",
    "pass_offset",
    "pass_total",
    "pass_calls",
    "pass_held",
    "pass_steady",
    "list_error",
)
END_FIELDS = ("synced_at", "server_count", "list_calls", "doubted_at", "correlation_id")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pages in a row, not written down yet: of the pass that began at `of`, from offset `start` on.

    `begun` is when the first of their calls began. Both are times of the database.
    """

    of: datetime
    start: int
    begun: datetime
    listing: Listing[VirtualServer]

    @property
    def over(self) -> bool:
        return self.listing.ended or self.listing.reached >= MAX_ITEMS


def read_if_due(api_key: ApiKey, late: Callable[[], bool] = lambda: False) -> Stretch | None:
    """The next pages of a key's list (GET /virtualServers), as many as its budget has room for now.

    The caller holds the key's lease, and applies what is given back. No page is begun once `late` says so. Raises
    LeasewebError like `read`. A key that is paused or out of budget is left for its next turn; one with more pages
    than its budget has room for has a new pass less often.
    """
    key = ApiKey.objects.filter(pk=api_key.pk)
    if not budget.take(api_key.pk, background=True):
        key.update(next_sync_at=after(WAIT_FOR_BUDGET))
        return None
    key.update(next_sync_at=after(EVERY))
    stretch = read(api_key, lambda: not late() and budget.take(api_key.pk, background=True))
    key.update(next_sync_at=after(_pause(api_key, stretch)))
    return stretch


def read(api_key: ApiKey, go_on: Callable[[], bool]) -> Stretch:
    """The first pages of a pass, or those that follow where the one under way stopped, as long as `go_on` lets it.

    The first page is the caller's to pay for. Raises LeasewebError, noted on the key, when not even that one came.
    """
    begun, more = database_time(api_key), iter(range(PAGES_AT_ONCE - 1))
    of, start, total = _place(api_key, begun)
    try:
        with client_for(api_key) as client:
            listing = client.list_servers(
                start=start, total=total, go_on=lambda: next(more, None) is not None and go_on()
            )
            return Stretch(of, start, begun, listing)
    except LeasewebError as error:
        note_failure(api_key, error)
        if start:
            _note_stop(api_key, pass_words.stopped(start, total, error))
        raise


def _note_stop(api_key: ApiKey, why: str) -> None:
    """A page that keeps failing must not keep those before it from being read: after a few tries a new pass begins."""
    again = {"pass_begun_at": None, "pass_offset": 0} if api_key.failures >= TRIES else {}
    same = ApiKey.objects.filter(pk=api_key.pk, pass_begun_at=api_key.pass_begun_at)
    same.update(list_error=why, **again)


def _place(api_key: ApiKey, now: datetime) -> tuple[datetime, int, int | None]:
    begun = api_key.pass_begun_at
    if begun is None or now - begun > scaled(LONGEST_PASS):
        return now, 0, None
    return begun, api_key.pass_offset, api_key.pass_total


def _pause(api_key: ApiKey, stretch: Stretch) -> timedelta:
    """Until the next turn: soon while there are pages left, else so that passes take no more than their share.

    What goes by counts from the begin of the pass.
    """
    if stretch.listing.failure:
        return EVERY
    if not stretch.over:
        return WAIT_FOR_BUDGET
    calls = stretch.listing.pages + (api_key.pass_calls if stretch.start else 0)
    elapsed = (stretch.begun - stretch.of) * settings.TIME_SCALE
    return max(max(EVERY, budget.spread(calls)) - elapsed, WAIT_FOR_BUDGET)


def apply(api_key: ApiKey, stretch: Stretch) -> Changes:
    """Write down what some pages showed, and where the pass stands now; nothing is gone by that.

    Gives back what changed. A stretch that another one overtook is dropped. A pass that ends without being whole is
    an error of the list, kept until one is.
    """
    with transaction.atomic():
        seq = bump(api_key.team_id)
        row = ApiKey.objects.filter(pk=api_key.pk, removed_at=None).defer("sealed").first()
        if row is None or not _follows(row, stretch):
            return Changes()
        held = _held_back(row, stretch)
        items = tuple(item for item in stretch.listing.items if item.id not in held)
        changes = upsert(row, Reading(stretch.begun, items), seq, listed_at=stretch.of)
        ids = [item.id for item in items]
        details.prepare(Server.objects.filter(team=row.team_id, upstream_id__in=ids), stretch.begun)
        _note(row, stretch, len(held))
    note_success(api_key)
    if stretch.listing.failure:
        note_failure(api_key, stretch.listing.failure)
    return changes


def _follows(row: ApiKey, stretch: Stretch) -> bool:
    """Whether a stretch goes on where the pass stands: a reader that slept past its lease comes too late."""
    if stretch.start:
        return (row.pass_begun_at, row.pass_offset) == (stretch.of, stretch.start)
    return all(begun is None or begun <= stretch.of for begun in (row.pass_begun_at, row.synced_at))


def _held_back(row: ApiKey, stretch: Stretch) -> set[str]:
    """The servers that are new, if there are too many of them at once to be believed the first time."""
    if row.synced_at is None or _is_second_look(row, stretch):
        return set()
    listed = {item.id for item in stretch.listing.items}
    known = Server.objects.filter(
        team=row.team_id, product=PRODUCT, upstream_id__in=list(listed), gone_at=None
    )
    new = listed - set(known.values_list("upstream_id", flat=True))
    held = row.pass_held if stretch.start else 0
    return new if _is_mass(held + len(new), row.server_count) else set()


def _is_second_look(row: ApiKey, stretch: Stretch) -> bool:
    """Whether a pass may confirm the mass that another one showed."""
    return row.doubted_at is not None and stretch.of - row.doubted_at >= scaled(SECOND_LOOK_AFTER)


def _is_mass(number: int, servers: int) -> bool:
    return number >= MASS and number * SHARE_OF_A_MASS > servers


def _note(row: ApiKey, stretch: Stretch, held: int) -> None:
    """Where the pass stands now."""
    listing, new = stretch.listing, stretch.start == 0
    row.pass_begun_at, row.pass_offset, row.pass_total = stretch.of, listing.reached, listing.total
    row.pass_calls = listing.pages + (0 if new else row.pass_calls)
    row.pass_held = held + (0 if new else row.pass_held)
    row.pass_steady = listing.steady and (new or row.pass_steady)
    if listing.failure:
        row.list_error = pass_words.stopped(listing.reached, listing.total, listing.failure)
    if stretch.over:
        _end(row, stretch)
    row.save(update_fields=PASS_FIELDS + (END_FIELDS if stretch.over else ()))


def _end(row: ApiKey, stretch: Stretch) -> None:
    """What a pass is worth that came to its end: not whole, in doubt, or the truth about what the key shows."""
    links = ServerKey.objects.filter(api_key=row)
    found = links.filter(listed_at=stretch.of).count() + row.pass_held
    missing = links.filter(server__gone_at=None, seen_at__lt=stretch.of).count()
    mass = row.synced_at is not None and (row.pass_held > 0 or _is_mass(missing, row.server_count))
    if not (stretch.listing.ended and row.pass_steady and row.pass_offset == found >= (row.pass_total or 0)):
        row.list_error = pass_words.not_whole(found, row.pass_total, steady=row.pass_steady)
    elif mass and not _is_second_look(row, stretch):
        row.doubted_at = row.doubted_at or stretch.of
        row.list_error = pass_words.doubted(missing, row.pass_held, row.server_count)
    else:
        row.synced_at, row.server_count, row.list_calls = stretch.of, found, row.pass_calls
        row.doubted_at = row.doubted_at if mass else None
        row.list_error, row.correlation_id = "", stretch.listing.correlation_id[:100]
    row.pass_begun_at, row.pass_offset, row.pass_total = None, 0, None
    ApiKey.objects.filter(pk=row.pk, refresh_asked_at__lte=stretch.of).update(refresh_asked_at=None)


def missing(api_key: ApiKey) -> QuerySet[Server]:
    """Servers that the last whole pass of a key did not show, nor any reading since, the longest unseen first.

    `api_key` is as it was loaded; a pass that was written since then shows up in `synced_at`, so load it anew.
    """
    if api_key.synced_at is None:
        return Server.objects.none()
    unseen = Server.objects.filter(
        gone_at=None, links__api_key=api_key.pk, links__seen_at__lt=api_key.synced_at
    )
    return unseen.order_by("links__seen_at", "pk")
