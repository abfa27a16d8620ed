"""Writes readings down, and with them what somebody else did: the engine's only way into the tables of servers."""

from django.db import transaction

from jobs.engine import external
from servers import details, one_snapshot, sync
from servers.models import ApiKey, Server, ServerReading, Snapshot


def apply_listing(api_key: ApiKey, reading: sync.Reading) -> None:
    """Write a walk through all servers of a key. What its first walk shows was there before."""
    with transaction.atomic():
        first = api_key.synced_at is None
        external.note_servers(api_key.team_id, sync.apply_listing(api_key, reading), first=first)


def apply_server(api_key: ApiKey, reading: sync.Reading) -> None:
    """Write a reading of one server."""
    with transaction.atomic():
        external.note_servers(api_key.team_id, sync.apply_server(api_key, reading))


def mark_gone(server: Server) -> None:
    """A reading of this server answered that there is none."""
    with transaction.atomic():
        external.note_servers(server.team_id, sync.mark_gone(server))


def read_detail(api_key: ApiKey, reading: ServerReading) -> None:
    """Read one subject of a server and write it down. Raises LeasewebError; the failure is noted by then."""
    answer = details.ask(api_key, reading)
    with transaction.atomic():
        changes = details.keep(api_key, reading, answer)
        external.note_snapshots(reading.server, changes, since=reading.read_at)


def read_snapshot(api_key: ApiKey, snapshot: Snapshot) -> None:
    """Read one snapshot by itself and write it down. Raises LeasewebError; the failure is noted by then."""
    answer = one_snapshot.ask(api_key, snapshot)
    with transaction.atomic():
        change = one_snapshot.keep(api_key, snapshot, answer)
        external.note_snapshots(snapshot.server, [change] if change else [], since=snapshot.seen_at)
