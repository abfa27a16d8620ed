"""What the first page of a team shows: how the servers are, what runs now, and what needs a person."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

import servers.contract_calendar
import servers.queries
import teams.queries
from jobs import elsewhere, queries
from jobs.states import JobStatus
from servers import freshness
from servers.models import ApiKey, Server
from teams.access import Access
from teams.permissions import Permission


@dataclass(frozen=True, slots=True)
class Stat:
    """A figure that leads to the list it counts. `state` is Leaseweb's, in lower case, or "gone"."""

    state: str
    label: str
    count: int
    url: str


def context(access: Access) -> dict[str, Any]:
    """The same number of queries whatever there is to show; one more for those who may read the trail."""
    keys, live = servers.queries.keys(access), queries.in_flight(access)
    unknown = [job for job in live if job.status == JobStatus.UNKNOWN]
    moving = [job for job in live if job.status != JobStatus.UNKNOWN]
    stats = _stats(access)
    reading = servers.queries.being_read(keys)
    advice = _about_keys(keys)
    return {
        "stats": [stat for stat in stats if stat.count or stat.state in ("running", "stopped")],
        "server_count": sum(stat.count for stat in stats),
        "no_key": not keys,
        "as_of": min((key.synced_at for key in keys if key.synced_at), default=None),
        "ending": servers.contract_calendar.ending_soon(access),
        "key_troubles": [each for each in advice if each.tone != "info"],
        "key_news": [each for each in advice if each.tone == "info"],
        "unknown": queries.job_rows(access, unknown),
        "in_flight": queries.job_rows(access, moving),
        "over": queries.job_rows(access, queries.over(access)),
        "activity": teams.queries.newest_entries(access, queries.OVERVIEW_ROWS)
        if access.can(Permission.AUDIT_SEE)
        else None,
        # Those who read the trail see these among all the rest.
        "external": [] if access.can(Permission.AUDIT_SEE) else elsewhere.lately(access),
        "reading": reading,
        "moving": bool(moving) or reading,
        "shown": "reading" if reading else "",
        "live_ids": (),
    }


def _about_keys(keys: list[ApiKey]) -> list[freshness.Advice]:
    now = timezone.now()
    return [found for key in keys if (found := freshness.of_key(key, now)) is not None]


def _stats(access: Access) -> list[Stat]:
    counts = queries.state_counts(access)
    url = reverse("servers:server_list", args=(access.team.slug,))
    states = [
        Stat(state.value.lower(), state.label, counts.get(state.value, 0), f"{url}?state={state.value}")
        for state in (*_FIRST, *(state for state in Server.State if state not in _FIRST))
    ]
    return [*states, Stat("gone", "gone", counts["gone"], f"{url}?gone=yes")]


_FIRST = (Server.State.RUNNING, Server.State.STOPPED)
