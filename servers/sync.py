"""Brings what a key shows into our tables. A reading that failed changes nothing but its error and age."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from servers import budget, details, mapping
from servers.clock import after, database_time
from servers.connect import client_for
from servers.health import note_failure, note_success
from servers.leaseweb import LeasewebError, VirtualServer
from servers.models import PRODUCT, ApiKey, Server, ServerKey
from teams.cursor import bump

EVERY = timedelta(seconds=60)
WAIT_FOR_BUDGET = timedelta(seconds=5)
MOVES = frozenset({"state", "template"})


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reading changed: column names by server, and which servers are new or gone."""

    fields: dict[int, dict[str, tuple[Any, Any]]] = field(default_factory=dict)
    new: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.fields or self.new or self.gone)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one or more calls showed, and when the first of them began (database clock).

    A server's row never goes back: a reading that began earlier than the one it holds is not written over it.
    """

    begun: datetime
    items: tuple[VirtualServer, ...]
    complete: bool = False
    pages: int = 1
    correlation_id: str = ""


def read_if_due(api_key: ApiKey) -> Reading | None:
    """Read all servers of a key (GET /virtualServers, every page), if its budget has room for that now.

    The caller holds the key's lease and applies what is given back. Raises LeasewebError after the failure was noted
    on the key. A key that is paused or out of budget is left for its next turn; one with more pages than its budget
    has room for has its turn less often.
    """
    key = ApiKey.objects.filter(pk=api_key.pk)
    if not budget.take(api_key.pk, background=True):
        key.update(next_sync_at=after(WAIT_FOR_BUDGET))
        return None
    key.update(next_sync_at=after(EVERY))
    reading = read_listing(api_key)
    budget.charge(api_key.pk, calls=reading.pages - 1, background=True)
    key.update(next_sync_at=after(max(EVERY, budget.spread(reading.pages))))
    return reading


def read_listing(api_key: ApiKey) -> Reading:
    """One walk through all pages; a failure is noted on the key and raised."""
    begun = database_time(api_key)
    try:
        with client_for(api_key) as client:
            listing = client.list_servers()
    except LeasewebError as error:
        note_failure(api_key, error)
        raise
    return Reading(begun, listing.items, listing.complete, listing.pages, listing.correlation_id)


def read_server(api_key: ApiKey, upstream_id: str) -> Reading:
    """GET /virtualServers/{id}; a failure of the key or of Leaseweb is noted on the key and raised."""
    begun = database_time(api_key)
    try:
        with client_for(api_key) as client:
            return Reading(begun, (client.get_server(upstream_id),))
    except LeasewebError as error:
        note_failure(api_key, error)
        raise


def apply_listing(api_key: ApiKey, reading: Reading) -> Changes:
    """Write what a whole walk showed; servers count as gone only when the walk was complete."""
    with transaction.atomic():
        seq = bump(api_key.team_id)
        if _was_removed(api_key):
            return Changes()
        changes = _upsert(api_key, reading, seq)
        details.prepare(Server.objects.filter(links__api_key=api_key, gone_at=None), reading.begun)
        gone = _mark_gone(api_key, reading, seq) if reading.complete else ()
        _note_pass(api_key, reading)
    note_success(api_key)
    return Changes(changes.fields, changes.new, gone)


def apply_server(api_key: ApiKey, reading: Reading) -> Changes:
    """Write what a reading of one server showed."""
    with transaction.atomic():
        seq = bump(api_key.team_id)
        if _was_removed(api_key):
            return Changes()
        changes = _upsert(api_key, reading, seq)
    note_success(api_key)
    return changes


def mark_gone(server: Server) -> Changes:
    """A detail reading with the server's key answered 404: another key that sees it takes over, else it is gone.

    The server and its history are kept, with the moment since when it is gone.
    """
    with transaction.atomic():
        gone = _lose(server.api_key_id, [server.pk], bump(server.team_id))
        Server.objects.filter(pk=server.pk).update(refresh_asked_at=None)
    return Changes(gone=gone)


def _was_removed(api_key: ApiKey) -> bool:
    """Whether the key was taken away while we read. Asked under the team's lock, which removing takes, too."""
    return not ApiKey.objects.filter(pk=api_key.pk, removed_at=None).exists()


def _upsert(api_key: ApiKey, reading: Reading, seq: int) -> Changes:
    values = {item.id: mapping.columns(item) for item in reading.items}
    rows = Server.objects.filter(team_id=api_key.team_id, product=PRODUCT, upstream_id__in=list(values))
    known = {server.upstream_id: server for server in rows}
    older = {key: server for key, server in known.items() if server.seen_at <= reading.begun}
    new = _create(api_key, {key: row for key, row in values.items() if key not in known}, reading.begun, seq)
    changed = _update(older, values, seq)
    ids = [server.pk for server in older.values()]
    Server.objects.filter(pk__in=ids).update(seen_at=reading.begun)
    Server.objects.filter(pk__in=ids, refresh_asked_at__lte=reading.begun).update(refresh_asked_at=None)
    _link(api_key, [*(server.pk for server in known.values()), *new])
    _adopt(api_key, [server.pk for server in known.values() if server.api_key_id != api_key.pk], seq)
    return Changes(changed, tuple(new))


def _create(api_key: ApiKey, rows: dict[str, dict[str, Any]], begun: datetime, seq: int) -> list[int]:
    fresh = [
        Server(
            team_id=api_key.team_id,
            api_key=api_key,
            upstream_id=upstream_id,
            changed_seq=seq,
            seen_at=begun,
            **row,
        )
        for upstream_id, row in rows.items()
    ]
    return [server.pk for server in Server.objects.bulk_create(fresh, batch_size=200)]


def _update(
    known: dict[str, Server], values: dict[str, dict[str, Any]], seq: int
) -> dict[int, dict[str, Any]]:
    """Write only rows that differ, and only then move their change number: pages follow that number."""
    changed: dict[int, dict[str, Any]] = {}
    for upstream_id, server in known.items():
        new = values[upstream_id] | {"gone_at": None}
        differing = {
            name: (getattr(server, name), value)
            for name, value in new.items()
            if getattr(server, name) != value
        }
        if not differing:
            continue
        changed[server.pk] = differing
        moved = {"moved_at": Now()} if MOVES & differing.keys() else {}
        Server.objects.filter(pk=server.pk).update(
            changed_seq=seq, **moved, **{name: pair[1] for name, pair in differing.items()}
        )
    return changed


def _link(api_key: ApiKey, server_ids: list[int]) -> None:
    """Note that this key sees these servers."""
    links = ServerKey.objects.filter(api_key=api_key, server_id__in=server_ids)
    if links.update(seen_at=Now()) == len(server_ids):
        return
    missing = [ServerKey(server_id=pk, api_key=api_key) for pk in server_ids]
    ServerKey.objects.bulk_create(missing, batch_size=500, ignore_conflicts=True)


def _adopt(api_key: ApiKey, server_ids: list[int], seq: int) -> None:
    """Of the servers that belong to another key or to none, those whose key went away take this one."""
    if not server_ids:
        return
    without = (
        Q(api_key=None) | Q(api_key__removed_at__isnull=False) | Q(api_key__health=ApiKey.Health.REFUSED)
    )
    orphans = Server.objects.filter(without, pk__in=server_ids)
    adopted = Server.objects.filter(pk__in=list(orphans.values_list("pk", flat=True)))
    adopted.update(api_key=api_key, changed_seq=seq)


def _mark_gone(api_key: ApiKey, reading: Reading, seq: int) -> tuple[int, ...]:
    """Servers of this key that a complete walk did not show; one that another key still sees is not gone."""
    present = {item.id for item in reading.items}
    linked = Server.objects.filter(links__api_key=api_key, gone_at=None, seen_at__lte=reading.begun)
    missing = [
        pk for pk, upstream_id in linked.values_list("pk", "upstream_id") if upstream_id not in present
    ]
    return _lose(api_key.pk, missing, seq) if missing else ()


def _lose(api_key_id: int | None, server_ids: list[int], seq: int) -> tuple[int, ...]:
    """A key no longer shows these servers: one that still does takes over, and those that none shows are gone."""
    ServerKey.objects.filter(api_key_id=api_key_id, server_id__in=server_ids).delete()
    lost = Server.objects.filter(pk__in=server_ids)
    gone = tuple(lost.filter(links=None, gone_at=None).values_list("pk", flat=True))
    lost.filter(pk__in=gone).update(gone_at=Now(), changed_seq=seq, refresh_asked_at=None)
    still_seen = Exists(ServerKey.objects.filter(server=OuterRef("pk")))
    hand_over(lost.filter(still_seen, api_key_id=api_key_id), seq)
    return gone


def hand_over(servers: QuerySet[Server], seq: int) -> None:
    """Give servers to the key that saw them last, of those that still see them; without one they have none."""
    links = ServerKey.objects.filter(server=OuterRef("pk")).order_by("-seen_at")
    servers.update(api_key=Subquery(links.values("api_key")[:1]), changed_seq=seq)


def _note_pass(api_key: ApiKey, reading: Reading) -> None:
    key = ApiKey.objects.filter(pk=api_key.pk)
    key.filter(Q(synced_at=None) | Q(synced_at__lte=reading.begun)).update(
        synced_at=reading.begun, server_count=len(reading.items), correlation_id=reading.correlation_id[:100]
    )
    key.filter(refresh_asked_at__lte=reading.begun).update(refresh_asked_at=None)
