"""Brings servers as a key shows them into our tables. A reading that failed changes nothing but its error and age."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Greatest, Now

from servers import mapping
from servers.clock import database_time
from servers.connect import client_for
from servers.health import note_failure, note_success
from servers.leaseweb import LeasewebError, VirtualServer
from servers.models import PRODUCT, ApiKey, Server, ServerKey
from teams.cursor import bump

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


def read_server(api_key: ApiKey, upstream_id: str) -> Reading:
    """GET /virtualServers/{id}; a failure of the key or of Leaseweb is noted on the key and raised."""
    begun = database_time(api_key)
    try:
        with client_for(api_key) as client:
            return Reading(begun, (client.get_server(upstream_id),))
    except LeasewebError as error:
        note_failure(api_key, error, about=upstream_id)
        raise


def apply_server(api_key: ApiKey, reading: Reading) -> Changes:
    """Write what a reading of one server showed."""
    with transaction.atomic():
        seq = bump(api_key.team_id)
        if _was_removed(api_key):
            return Changes()
        changes = upsert(api_key, reading, seq)
    note_success(api_key)
    return changes


def mark_gone(server: Server, api_key_id: int | None) -> Changes:
    """A reading of this server by itself with that key answered 404: another key that sees it takes over, else it is
    gone.

    The server and its history are kept, with the moment since when it is gone.
    """
    with transaction.atomic():
        gone = _lose(api_key_id, [server.pk], bump(server.team_id))
        Server.objects.filter(pk=server.pk).update(refresh_asked_at=None)
    return Changes(gone=gone)


def _was_removed(api_key: ApiKey) -> bool:
    """Whether the key was taken away while we read. Asked under the team's lock, which removing takes, too."""
    return not ApiKey.objects.filter(pk=api_key.pk, removed_at=None).exists()


def upsert(api_key: ApiKey, reading: Reading, seq: int, *, listed_at: datetime | None = None) -> Changes:
    """Write a reading, in the caller's transaction, which holds the team's counter `seq`.

    `listed_at` is when the pass began that showed these servers, if one did.
    """
    values = {item.id: mapping.columns(item) for item in reading.items}
    rows = Server.objects.filter(team_id=api_key.team_id, product=PRODUCT, upstream_id__in=list(values))
    known = {server.upstream_id: server for server in rows}
    older = {key: server for key, server in known.items() if server.seen_at <= reading.begun}
    new = _create(api_key, {key: row for key, row in values.items() if key not in known}, reading.begun, seq)
    changed = _update(older, values, seq)
    ids = [server.pk for server in older.values()]
    Server.objects.filter(pk__in=ids).update(seen_at=reading.begun)
    Server.objects.filter(pk__in=ids, refresh_asked_at__lte=reading.begun).update(refresh_asked_at=None)
    _link(api_key, [*(server.pk for server in known.values()), *new], reading.begun, listed_at)
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


def _link(api_key: ApiKey, server_ids: list[int], begun: datetime, listed_at: datetime | None) -> None:
    """Note that this key sees these servers, and which pass showed them."""
    links = ServerKey.objects.filter(api_key=api_key, server_id__in=server_ids)
    seen: dict[str, Any] = {"seen_at": Greatest(F("seen_at"), Value(begun))}
    if listed_at is not None:
        seen["listed_at"] = listed_at
    if links.update(**seen) == len(server_ids):
        return
    missing = [
        ServerKey(server_id=pk, api_key=api_key, seen_at=begun, listed_at=listed_at) for pk in server_ids
    ]
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
