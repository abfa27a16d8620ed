"""What the lists of jobs and of external changes show: the filters, one page of lines, and why it may be empty."""

from typing import Any

from django.http import QueryDict

from jobs import elsewhere, queries
from jobs.forms import ExternalFilterForm, JobFilterForm
from jobs.states import MOVING
from servers.models import Server
from teams.access import Access
from teams.listing import counted, export_button, pager_urls, place


def context(access: Access, query: QueryDict) -> dict[str, Any]:
    """Four queries, however many lines there are; one of them only when a server is named."""
    form = JobFilterForm(query)
    filters = form.filters(access.user)
    form.offer(queries.people(access))
    found = queries.job_page(access, filters, **place(query))
    return {
        "form": form,
        "filters": filters,
        "server": _server(access, filters.server),
        "rows": queries.job_rows(access, found.rows),
        "count": counted(queries.matching(access, filters)),
        "moving": any(job.status in MOVING for job in found.rows),
        "live_ids": [job.pk for job in found.rows],
        **export_button(access, "jobs:job_export", query, found),
        **pager_urls(query, found),
    }


def external_context(access: Access, query: QueryDict) -> dict[str, Any]:
    """Three queries, however many lines there are; one of them only when a server is named."""
    form = ExternalFilterForm(query)
    filters = form.filters()
    found = elsewhere.event_page(access, filters, **place(query))
    return {
        "form": form,
        "filters": filters,
        "server": _server(access, filters.server),
        "rows": elsewhere.rows(access, found.rows),
        "count": counted(elsewhere.matching(access, filters)),
        **pager_urls(query, found),
    }


def _server(access: Access, pk: int | None) -> Server | None:
    return access.servers().filter(pk=pk).first() if pk else None
