"""What the list of servers shows: the filters as fields, one page of lines, and why it may be empty."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from servers import facts, freshness, queries
from servers.forms import ServerFilterForm
from servers.models import ApiKey, Server
from teams.access import Access
from teams.links import row_link
from teams.listing import export_button, headings, pager_urls, place

HEADINGS = (("name", "Name"), ("state", "State"), ("place", "Data centre"))


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A line of the list, with everything that would cost a lookup per line.

    `id` is the server's as text: a template would format the number of each place where it stands.
    """

    server: Server
    id: str
    url: str
    rename_url: str
    ip: str
    hardware: str
    ends: str
    ends_soon: bool
    left: str
    stale: bool


def context(access: Access, query: QueryDict) -> dict[str, Any]:
    """Four queries, however many lines there are."""
    form = ServerFilterForm(query)
    filters = form.filters()
    found = queries.server_page(access, filters, **place(query))
    facets, keys = queries.facets(access, filters), queries.keys(access)
    form.offer(facets, keys)
    reading = queries.being_read(keys)
    return {
        "form": form,
        "filters": filters,
        "facets": facets,
        "not_whole": any(key.synced_at is None or key.list_error for key in keys),
        "rows": server_rows(access, found.rows),
        "servers": found.rows,
        "live_ids": [server.pk for server in found.rows],
        "headings": headings(query, filters.sort, HEADINGS),
        "reading": reading,
        "shown": "reading" if reading else "",
        **export_button(access, "servers:server_export", query, found),
        "empty": _why_empty(facets, keys, reading=reading) if not found.rows else "",
        **pager_urls(query, found),
    }


def server_rows(access: Access, servers: list[Server]) -> list[ServerRow]:
    now, slug = timezone.now(), access.team.slug
    link, rename = row_link("servers:server_detail", slug), row_link("servers:server_rename", slug)
    return [_row(server, link(server.pk), rename(server.pk), now) for server in servers]


def _row(server: Server, url: str, rename_url: str, now: datetime) -> ServerRow:
    return ServerRow(
        server=server,
        id=str(server.pk),
        url=url,
        rename_url=rename_url,
        ip=facts.main_ip(server),
        hardware=facts.hardware(server),
        ends=facts.day(server.contract_ends_on),
        ends_soon=facts.ends_soon(server, now),
        left=facts.days_left(server, now),
        stale=freshness.is_stale(server, now),
    )


def _why_empty(facets: queries.Facets, keys: list[ApiKey], *, reading: bool) -> str:
    if facets.total:
        return "no_match"
    if not keys:
        return "no_key"
    return "reading" if reading else "no_servers"
