"""What an open page is told when something changed: for each page the fragments that can differ.

A page knows the team's change number up to which it is right (`since`), the rows it shows (`ids`), and a word for
what can change without a number (`shown`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

import servers.credential_page
import servers.key_page
import servers.listing
import servers.queries
import servers.server_page
import servers.traffic_page
import teams.queries
from jobs import buttons, happenings, overview, queries, snapshot_pages, snapshot_queries, snapshot_rows
from jobs.forms import SettleForm
from jobs.job_page import job_context
from jobs.states import MOVING
from servers.models import ServerReading
from teams.access import Access
from teams.permissions import Permission

READING = "reading"
Context = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    since: int
    ids: tuple[int, ...]
    shown: str = ""


@dataclass(frozen=True, slots=True)
class LivePage:
    """A page that follows changes, and the right that it takes, which is that of the page itself.

    `fragments` gives the context of `template`, with `live_ids`, `moving` and `shown` for the next look.

    `reads` tells whether a reading that the page waits for still goes on; such an end takes no change number.
    """

    permission: Permission
    template: str
    fragments: Callable[[Access, Asked], Context]
    reads: Callable[[Access, Asked], bool] = lambda access, asked: True


def has_news(access: Access, page: LivePage, asked: Asked) -> bool:
    """Whether there may be anything to tell. Without news this costs at most one query."""
    if access.team.cursor > asked.since:
        return True
    return asked.shown == READING and not page.reads(access, asked)


def _servers(access: Access, asked: Asked) -> Context:
    moved = access.jobs().filter(server__in=asked.ids, changed_seq__gt=asked.since).values("server")
    wanted = servers.queries.listed(access).filter(pk__in=asked.ids)
    changed = list(wanted.filter(Q(changed_seq__gt=asked.since) | Q(pk__in=moved)))
    live = queries.live_by_server_ids(access, asked.ids)
    reading = asked.shown == READING and _keys_read(access, asked)
    return {
        "rows": servers.listing.server_rows(access, changed),
        "columns": buttons.columns(access, changed, live),
        "moving": reading or any(job.status in MOVING for job in live.values()),
        "shown": READING if reading else "",
        "read_now": asked.shown == READING and not reading,
        "reload": asked.shown == READING and not reading and not asked.ids,
    }


def _keys_read(access: Access, _: Asked) -> bool:
    return servers.queries.being_read(servers.queries.keys(access))


def _server(access: Access, asked: Asked) -> Context:
    found = servers.queries.server(access).filter(pk__in=asked.ids[:1]).first()
    if found is None:
        return {}
    live = queries.live_by_server(access, [found])
    columns = buttons.columns(access, [found], live, more=True)
    reading = found.refresh_asked_at is not None
    return servers.server_page.context(access, found) | {
        "columns": columns,
        "happenings": happenings.of_server(access, found),
        "moving": reading or columns.moving,
        "shown": READING if reading else "",
    }


def _server_reads(access: Access, asked: Asked) -> bool:
    return access.servers().filter(pk__in=asked.ids[:1], refresh_asked_at__isnull=False).exists()


def _jobs(access: Access, asked: Asked) -> Context:
    changed = access.jobs().filter(pk__in=asked.ids, changed_seq__gt=asked.since)
    moving = access.jobs().filter(pk__in=asked.ids, status__in=MOVING).exists()
    return {"rows": queries.job_rows(access, queries.listed(changed)), "moving": moving}


def _job(access: Access, asked: Asked) -> Context:
    found = queries.job(access).filter(pk__in=asked.ids[:1]).first()
    if found is None:
        return {}
    moved = found.changed_seq > asked.since
    settled = found.status != asked.shown
    return job_context(access, found) | {
        "moved": moved,
        "settled": settled,
        "form": SettleForm(),
        "shown": found.status,
    }


def _snapshots(access: Access, asked: Asked) -> Context:
    changed = snapshot_queries.listed(access).filter(pk__in=asked.ids, changed_seq__gt=asked.since)
    shown = access.snapshots().filter(pk__in=asked.ids).values_list("server_id", flat=True)
    live = queries.live_by_server_ids(access, list(shown))
    return {
        "rows": snapshot_rows.rows(access, changed),
        "moving": any(job.status in MOVING for job in live.values()),
    }


def _server_snapshots(access: Access, asked: Asked) -> Context:
    found = servers.queries.server(access).filter(pk__in=asked.ids[:1]).first()
    return snapshot_pages.server_context(access, found) if found else {}


def _server_snapshots_read(access: Access, asked: Asked) -> bool:
    return _awaited(access, ServerReading.Subject.SNAPSHOTS, Q(pk__in=asked.ids[:1]))


def _snapshot(access: Access, asked: Asked) -> Context:
    rows = snapshot_queries.with_server(access)
    found = rows.filter(pk__in=asked.ids[:1]).first()
    return snapshot_pages.snapshot_context(access, found) if found else {}


def _snapshot_reads(access: Access, asked: Asked) -> bool:
    """By itself, or with the list of its server."""
    reading = Q(server__readings__subject=ServerReading.Subject.SNAPSHOTS)
    awaited = Q(asked_at__isnull=False) | reading & Q(server__readings__asked_at__isnull=False)
    return access.snapshots().filter(awaited, pk__in=asked.ids[:1]).exists()


def _templates(access: Access, asked: Asked) -> Context:
    """A page that waits for the list of systems has nothing typed into it yet, so it is loaded anew."""
    reading = _templates_read(access, asked)
    return {"moving": reading, "shown": READING if reading else "", "reload": not reading}


def _templates_read(access: Access, asked: Asked) -> bool:
    return _awaited(access, ServerReading.Subject.TEMPLATES, Q(pk__in=asked.ids[:1]))


def _awaited(access: Access, subject: str, which: Q) -> bool:
    """Whether a reading of that subject is awaited for one of these servers."""
    awaited = Q(readings__subject=subject, readings__asked_at__isnull=False)
    return access.servers().filter(which, awaited).exists()


def _overview(access: Access, _: Asked) -> Context:
    return overview.context(access)


def _keys(access: Access, _: Asked) -> Context:
    return servers.key_page.context(access)


def _credentials(access: Access, asked: Asked) -> Context:
    found = servers.queries.server(access).filter(pk__in=asked.ids[:1]).first()
    return servers.credential_page.context(access, found) if found else {}


def _credentials_read(access: Access, asked: Asked) -> bool:
    wanted = Q(readings__subject="credentials", readings__asked_at__isnull=False)
    return access.servers().filter(wanted, pk__in=asked.ids[:1]).exists()


def _traffic(access: Access, asked: Asked) -> Context:
    found = servers.queries.server(access).filter(pk__in=asked.ids[:1]).first()
    return servers.traffic_page.live_context(found, was_waiting=asked.shown == READING) if found else {}


def _traffic_reads(access: Access, asked: Asked) -> bool:
    found = access.servers().filter(pk__in=asked.ids[:1])
    return found.filter(readings__subject="traffic", readings__asked_at__isnull=False).exists()


def _verification(access: Access, _: Asked) -> Context:
    return teams.queries.verification_context(access)


def _verification_reads(access: Access, asked: Asked) -> bool:
    return teams.queries.verification_stands_still(access, asked.ids)


PAGES: Mapping[str, LivePage] = {
    "servers": LivePage(Permission.SERVERS_SEE, "jobs/changes/servers.html", _servers, _keys_read),
    "server": LivePage(Permission.SERVERS_SEE, "jobs/changes/server.html", _server, _server_reads),
    "jobs": LivePage(Permission.JOBS_SEE, "jobs/changes/jobs.html", _jobs),
    "job": LivePage(Permission.JOBS_SEE, "jobs/changes/job.html", _job),
    "snapshots": LivePage(Permission.SERVERS_SEE, "jobs/changes/snapshots.html", _snapshots),
    "of_server": LivePage(
        Permission.SERVERS_SEE, "jobs/changes/of_server.html", _server_snapshots, _server_snapshots_read
    ),
    "snapshot": LivePage(Permission.SERVERS_SEE, "jobs/changes/snapshot.html", _snapshot, _snapshot_reads),
    "templates": LivePage(
        Permission.SERVERS_REINSTALL, "jobs/changes/templates.html", _templates, _templates_read
    ),
    "overview": LivePage(Permission.JOBS_SEE, "jobs/changes/overview.html", _overview, _keys_read),
    "credentials": LivePage(
        Permission.CREDENTIALS_REVEAL, "jobs/changes/credentials.html", _credentials, _credentials_read
    ),
    "traffic": LivePage(Permission.TRAFFIC_SEE, "jobs/changes/traffic.html", _traffic, _traffic_reads),
    "verification": LivePage(
        Permission.AUDIT_SEE, "jobs/changes/verification.html", _verification, _verification_reads
    ),
    "keys": LivePage(Permission.API_KEYS_MANAGE, "jobs/changes/keys.html", _keys, _keys_read),
}
