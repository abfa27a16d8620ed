"""Writes readings down, and with them what somebody else did: the engine's only way into the tables of servers."""

from django.db import transaction

from jobs.engine import external
from servers import details, one_snapshot, passes, sync
from servers.leaseweb import NotFound
from servers.models import ApiKey, Server, ServerReading, Snapshot


def apply_pass(api_key: ApiKey, stretch: passes.Stretch) -> None:
    """Write some pages of a pass through all servers of a key. What its first pass shows was there before."""
    with transaction.atomic():
        first = api_key.synced_at is None
        external.note_servers(api_key.team_id, passes.apply(api_key, stretch), first=first)


def apply_server(api_key: ApiKey, reading: sync.Reading) -> None:
    """Write a reading of one server."""
    with transaction.atomic():
        external.note_servers(api_key.team_id, sync.apply_server(api_key, reading))


def read_server(api_key: ApiKey, server: Server) -> bool:
    """Read a server by itself and write it down; False when the key shows no such server (404).

    Raises LeasewebError for anything else, noted on the key by then.
    """
    try:
        reading = sync.read_server(api_key, server.upstream_id)
    except NotFound as error:
        if not error.told:
            raise
        mark_gone(server, api_key.pk)
        return False
    apply_server(api_key, reading)
    return True


def mark_gone(server: Server, api_key_id: int | None) -> None:
    """A reading of this server by itself answered that there is none."""
    with transaction.atomic():
        external.note_servers(server.team_id, sync.mark_gone(server, api_key_id))


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
