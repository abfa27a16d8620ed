"""The list of jobs as a table for machines: one value a column, moments in UTC."""

from collections.abc import Callable, Iterator

from jobs import queries, words
from jobs.models import Job
from jobs.queries import Filters
from teams.access import Access
from teams.csv_export import MOST_ROWS

COLUMNS: dict[str, Callable[[Job], object]] = {
    "job": lambda job: job.pk,
    "server": lambda job: job.server.shown_name,
    "server_leaseweb_id": lambda job: job.server.upstream_id,
    "server_panel_id": lambda job: job.server_id,
    "kind": lambda job: job.kind,
    "about": lambda job: words.about(job.kind, job.params),
    "status": lambda job: job.status,
    "code": lambda job: job.code,
    "resolution": lambda job: job.resolution,
    "asked_by": lambda job: str(job.requested_by) if job.requested_by else "",
    "asked_as": lambda job: job.requested_role,
    "asked_at": lambda job: job.created_at,
    "sent_at": lambda job: job.sent_at,
    "finished_at": lambda job: job.finished_at,
    "message": lambda job: job.message,
    "http_status": lambda job: job.upstream_status,
    "leaseweb_job": lambda job: job.upstream_job_id,
    "correlation_id": lambda job: job.correlation_id,
}


def rows(access: Access, filters: Filters) -> Iterator[list[object]]:
    """Every job that the list with these filters shows, newest first. One query, read as it is asked for."""
    wanted = queries.listed(queries.matching(access, filters))
    ordered = wanted.order_by(*queries.NEWEST_FIRST.columns())[: MOST_ROWS + 1]
    for job in ordered.iterator(chunk_size=500):
        yield [value(job) for value in COLUMNS.values()]
