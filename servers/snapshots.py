"""Brings the snapshots that Leaseweb lists for a server into our table.

A list proves that something is there, never that it is not: what a whole list leaves out is asked for by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from servers import budget
from servers.leaseweb import Client, CutShort, NotFound
from servers.leaseweb import Snapshot as Listed
from servers.models import Server, ServerReading, Snapshot
from teams.collation import search_key, sort_key


@dataclass(frozen=True, slots=True)
class SnapshotChange:
    """What a reading showed of one snapshot that the one before had not; `before` is empty for a new one, `after` for
    one that is gone."""

    upstream_id: str
    name: str
    before: str
    after: str


Write = Callable[[ServerReading, datetime, int], tuple[SnapshotChange, ...]]
MISSING_AT_ONCE = 5


@dataclass(slots=True)
class _Shown:
    """What one reading showed: snapshots, and ids of those of which a 404 of their own says that they are gone."""

    complete: bool
    items: list[Listed] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)


def fetch(client: Client, server: Server) -> Write:
    """GET /virtualServers/{id}/snapshots, every page, and what a whole list leaves out by itself, as far as the
    budget has room; gives back what writes it down."""
    listing = client.list_snapshots(server.upstream_id)
    shown = _Shown(listing.complete, list(listing.items))
    if listing.complete:
        _look_for_missing(client, server, shown)

    def write(reading: ServerReading, begun: datetime, seq: int) -> tuple[SnapshotChange, ...]:
        return _apply(reading, shown, begun, seq)

    return write


def _look_for_missing(client: Client, server: Server, shown: _Shown) -> None:
    """Ask for some that are not listed (GET …/snapshots/{snapshotId}), the longest unseen first."""
    missing = Snapshot.objects.filter(server=server, gone_at=None)
    missing = missing.exclude(upstream_id__in=[item.id for item in shown.items])
    ids = missing.order_by("seen_at", "pk").values_list("upstream_id", flat=True)
    for snapshot_id in ids[:MISSING_AT_ONCE]:
        if server.api_key_id is None or not budget.take(server.api_key_id, background=False):
            return
        try:
            shown.items.append(client.get_snapshot(server.upstream_id, snapshot_id))
        except NotFound:
            shown.gone.add(snapshot_id)


def _apply(reading: ServerReading, shown: _Shown, begun: datetime, seq: int) -> tuple[SnapshotChange, ...]:
    """Write what a reading showed.

    Part of the caller's transaction, which holds the team's counter `seq` and knows that no later list was written.
    A snapshot that was read by itself after this reading began is left as it is. The first reading of a server
    changes nothing: what it shows was there before.
    """
    server = reading.server
    reading.error = "" if shown.complete else CutShort().plain
    rows = {row.upstream_id: row for row in Snapshot.objects.filter(server=server)}
    later = {key for key, row in rows.items() if row.seen_at > begun}
    items = [item for item in shown.items if item.id not in later]
    changes = [_write(server, item, rows.get(item.id), begun, seq) for item in items]
    lost = [row for key, row in rows.items() if key in shown.gone - later and row.gone_at is None]
    changes += [_lose(row, begun, seq) for row in lost]
    return tuple(change for change in changes if change is not None) if reading.read_at else ()


def apply_one(row: Snapshot, item: Listed, begun: datetime, seq: int) -> SnapshotChange | None:
    """Write what a reading of one snapshot by itself showed, in the caller's transaction; a late one says nothing."""
    return _write(row.server, item, row, begun, seq) if row.seen_at <= begun else None


def _write(
    server: Server, item: Listed, row: Snapshot | None, begun: datetime, seq: int
) -> SnapshotChange | None:
    name, state = item.name[:255], item.state.value
    if row is None:
        Snapshot.objects.create(
            team_id=server.team_id,
            server=server,
            upstream_id=item.id,
            name=name,
            state=state,
            state_since=begun,
            taken_at=item.created_at or begun,
            seen_at=begun,
            changed_seq=seq,
        )
        return SnapshotChange(item.id, name, "", state)
    named = {"name": name, "name_key": sort_key(name), "search_text": search_key(name)}
    shown = {**named, "state": state, "taken_at": item.created_at or row.taken_at, "error": ""}
    return _update(row, shown, begun, seq)


def _update(row: Snapshot, shown: dict[str, Any], begun: datetime, seq: int) -> SnapshotChange | None:
    """Write only what differs, and only then move its change number: pages follow that number."""
    before, state = "" if row.gone_at else row.state, shown["state"]
    differs = row.gone_at is not None or any(getattr(row, field) != value for field, value in shown.items())
    moved = {"changed_seq": seq, "gone_at": None} if differs else {}
    since = {} if row.state == state else {"state_since": begun}
    Snapshot.objects.filter(pk=row.pk).update(seen_at=begun, **shown, **moved, **since)
    return SnapshotChange(row.upstream_id, shown["name"], before, state) if before != state else None


def _lose(row: Snapshot, begun: datetime, seq: int) -> SnapshotChange:
    Snapshot.objects.filter(pk=row.pk).update(gone_at=begun, seen_at=begun, changed_seq=seq)
    return SnapshotChange(row.upstream_id, row.name, row.state, "")
