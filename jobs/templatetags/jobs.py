"""How pages of other apps show jobs: `{% load jobs %}`. One query a page, never one a line."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.urls import reverse

from jobs import buttons, queries, snapshot_queries
from jobs import happenings as of_server
from jobs.buttons import Column, Columns
from jobs.happenings import Happening
from jobs.queries import JobRow
from jobs.snapshot_queries import Summary
from servers.models import Server

register = template.Library()


@register.simple_tag(takes_context=True)
def job_columns(context: template.Context, servers: Iterable[Server], *, more: bool = False) -> Columns:
    """Badges and buttons for these servers: `{% job_columns servers as columns %}`. One query."""
    access, shown = context["access"], list(servers)
    return buttons.columns(access, shown, queries.live_by_server(access, shown), more=more)


@register.simple_tag(takes_context=True)
def snapshot_summary(context: template.Context, server: Server) -> Summary:
    """The snapshots of a server in one line. Two queries."""
    return snapshot_queries.summary(context["access"], server)


@register.filter
def column(columns: Columns, server_id: int) -> Column:
    """The column of one line: `{% with jobs=columns|column:server.pk %}`."""
    return columns.by_server.get(server_id, Column())


@register.simple_tag(takes_context=True)
def happenings(
    context: template.Context, server: Server, count: int = of_server.OF_SERVER
) -> list[Happening]:
    """The newest jobs of a server and changes made elsewhere, as lines. Two queries."""
    return of_server.of_server(context["access"], server, count)


@register.simple_tag(takes_context=True)
def last_reinstall(context: template.Context, server: Server) -> JobRow | None:
    """The newest reinstall that Leaseweb may have received: `{% last_reinstall server as installed %}`. One query."""
    access = context["access"]
    sent = access.jobs().filter(server=server, kind="reinstall", sent_at__isnull=False)
    rows = queries.job_rows(access, queries.listed(sent).order_by("-id")[:1])
    return rows[0] if rows else None


@register.inclusion_tag("jobs/partials/live.html", takes_context=True)
def live(
    context: template.Context,
    page: str,
    ids: Iterable[int],
    *moving: object,
    shown: str = "",
    reload: bool = False,
) -> dict[str, Any]:
    """What makes an open page follow changes: `{% live "servers" ids columns.moving reading shown="…" %}`.

    The page is asked about every 2 s while one of `moving` holds. `shown` tells the next look what the page says
    now, where that can change without a change number (a reading that was asked for). `reload` makes the browser
    load the page anew, for a page on which nothing can be lost by that.
    """
    access = context["access"]
    listed = ",".join(str(pk) for pk in ids)
    url = reverse("jobs:changes", args=(access.team.slug,))
    return {
        "url": f"{url}?since={access.team.cursor}&page={page}&ids={listed}&shown={shown}",
        "moving": any(moving),
        "reload": reload,
        "oob": context.get("oob", False),
    }
