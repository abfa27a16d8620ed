"""What the pages about snapshots show: those of a team, those of one server, and one by itself."""

from datetime import timedelta
from typing import Any

from django.http import QueryDict

from jobs import queries, snapshot_queries, snapshot_rows, snapshot_words, words
from jobs.buttons import create_button
from jobs.forms import SnapshotFilterForm
from jobs.models import Job
from jobs.states import MOVING
from servers import details
from servers.models import Server, ServerReading, Snapshot
from servers.server_page import why_no_refresh
from teams.access import Access
from teams.listing import counted, headings, pager_urls, place

SUBJECT = ServerReading.Subject.SNAPSHOTS
OLD_AFTER = timedelta(minutes=1)
READING = "reading"
HEADINGS = (("name", "Name"), ("state", "State"), ("taken", "Taken"))


def list_context(access: Access, query: QueryDict) -> dict[str, Any]:
    """Four queries, however many lines there are; one more when a server is named."""
    form = SnapshotFilterForm(query)
    filters = form.filters()
    found = snapshot_queries.snapshot_page(access, filters, **place(query))
    return {
        "form": form,
        "filters": filters,
        "server": access.servers().filter(pk=filters.server).first() if filters.server else None,
        "count": counted(access.snapshots().filter(snapshot_queries.conditions(filters))),
        "headings": headings(query, filters.sort, HEADINGS),
        **team_rows(access, found.rows),
        **pager_urls(query, found),
    }


def team_rows(access: Access, snapshots: list[Snapshot]) -> dict[str, Any]:
    """Lines that follow what jobs do to their servers. One query."""
    live = queries.live_by_server_ids(access, {snapshot.server_id for snapshot in snapshots})
    return {
        "rows": snapshot_rows.rows(access, snapshots),
        "moving": any(job.status in MOVING for job in live.values()),
        "live_ids": [snapshot.pk for snapshot in snapshots],
    }


def freshen(server: Server) -> None:
    """Opening a page has the snapshots of a server read, unless they just were."""
    details.freshen(server, SUBJECT, OLD_AFTER)


def server_context(access: Access, server: Server) -> dict[str, Any]:
    """The snapshots of one server, which comes with its key. Three queries."""
    live = queries.live_by_server(access, [server]).get(server.pk)
    snapshots = snapshot_queries.of_server(access, server)
    return {
        "server": server,
        "rows": snapshot_rows.acting_rows(access, server, snapshots, live),
        "create": create_button(access, server, live),
        "live_ids": (server.pk,),
        **_job_and_reading(access, server, live),
    }


def snapshot_context(access: Access, snapshot: Snapshot) -> dict[str, Any]:
    """One snapshot, which comes with its server and that one's key. Three queries."""
    server = snapshot.server
    live = queries.live_by_server(access, [server]).get(server.pk)
    return {
        "server": server,
        "row": snapshot_rows.acting_row(access, server, snapshot, live),
        "snapshot": snapshot,
        "support": snapshot_words.support_text(snapshot),
        "job_rows": queries.job_rows(access, snapshot_queries.jobs_of(access, snapshot)),
        "live_ids": (snapshot.pk,),
        **_job_and_reading(access, server, live, asked=snapshot.asked_at is not None),
    }


def _job_and_reading(
    access: Access, server: Server, live: Job | None, *, asked: bool = False
) -> dict[str, Any]:
    """The job that holds the server, and how its snapshots were read; `asked` for a wish beside that for their list."""
    reading = snapshot_queries.reading_of(server, SUBJECT)
    awaited = asked or (reading is not None and reading.asked_at is not None)
    return {
        "live": live,
        "live_label": words.label(live.kind) if live else "",
        "live_short": words.SHORT[live.status] if live else "",
        "details": reading,
        "reading": awaited,
        "no_refresh": why_no_refresh(access, server),
        "moving": awaited or (live is not None and live.status in MOVING),
        "shown": READING if awaited else "",
    }
