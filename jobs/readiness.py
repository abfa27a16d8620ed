"""Whether a button can be pressed, and the reason when it cannot. Pages ask; the engine decides by a fresh reading."""

from jobs.kinds import SNAPSHOT_DELETE, Check, JobKind, Readiness, deletable, restorable
from jobs.models import Job
from jobs.states import JobStatus
from jobs.words import label
from servers import freshness
from servers.models import ApiKey, Server, Snapshot
from teams.access import Access


def obstacle(access: Access, server: Server, kind: JobKind, live: Job | None) -> str:
    """The first reason against this kind on this server now; empty when there is none.

    `server` comes with its key; `live` is the job that holds the server, if there is one.
    """
    return (
        access.why_not(kind.permission, server)
        or freshness.out_of_reach(server)
        or (in_the_way(live) if live else "")
        or _not_now(kind.check(server.state))
    )


def obstacle_of_snapshot(
    access: Access, server: Server, kind: JobKind, live: Job | None, snapshot: Snapshot
) -> str:
    """The same for a kind that is about one snapshot of the server."""
    if snapshot.gone_at is not None:
        return access.why_not(kind.permission, server) or "Leaseweb does not list this snapshot any more."
    fits = deletable if kind is SNAPSHOT_DELETE else restorable
    return obstacle(access, server, kind, live) or _not_now(fits(snapshot.state))


def in_the_way(live: Job) -> str:
    """Why the job that lives on a server keeps every other one off."""
    if live.status == JobStatus.UNKNOWN:
        return f"The outcome of “{label(live.kind)}” on this server is unknown. Settle that job first."
    return f"“{label(live.kind)}” is in flight on this server. Wait until it is done."


def _not_now(check: Check) -> str:
    return "" if check.readiness is Readiness.GO else check.reason


def caution(server: Server) -> str:
    """A doubt that does not forbid the attempt: the key was refused actions before. Empty when there is none."""
    key = server.api_key
    if key is None or key.health != ApiKey.Health.READS_ONLY:
        return ""
    return (
        f"Leaseweb refused the last actions with the API key “{key.name}”; it seems to be for reading only, so this "
        "may be refused, too."
    )
