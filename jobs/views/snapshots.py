"""Snapshots: those of a team, those of a server, the page of one, and the wish for a fresh reading of it.

What is done with them is a job.
"""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from jobs import snapshot_pages, snapshot_queries
from servers import queries, services
from servers.views.wishes import or_why_not
from teams.access import MemberRequest, team_view
from teams.permissions import Permission


@require_safe
@team_view(Permission.SERVERS_SEE)
def snapshot_list(request: MemberRequest) -> HttpResponse:
    return render(
        request, "jobs/snapshot_list.html", snapshot_pages.list_context(request.access, request.GET)
    )


@require_safe
@team_view(Permission.SERVERS_SEE)
def server_snapshots(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    snapshot_pages.freshen(server)
    context = snapshot_pages.server_context(request.access, server)
    return render(request, "jobs/server_snapshots.html", context)


@require_safe
@team_view(Permission.SERVERS_SEE)
def snapshot_detail(request: MemberRequest, server_id: int, snapshot_id: int) -> HttpResponse:
    snapshot = get_object_or_404(
        snapshot_queries.with_server(request.access), pk=snapshot_id, server=server_id
    )
    snapshot_pages.freshen(snapshot.server)
    context = snapshot_pages.snapshot_context(request.access, snapshot)
    return render(request, "jobs/snapshot_detail.html", context)


@require_POST
@team_view(Permission.SERVERS_REFRESH)
def snapshot_refresh(request: MemberRequest, server_id: int, snapshot_id: int) -> HttpResponse:
    snapshot = get_object_or_404(
        snapshot_queries.with_server(request.access), pk=snapshot_id, server=server_id
    )
    with or_why_not(request):
        services.snapshot_ask_reading(request.access, snapshot)
    return redirect("jobs:snapshot_detail", request.access.team.slug, server_id, snapshot.pk)
