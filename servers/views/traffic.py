"""The traffic of a server and of a team, and the limit of a server."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from servers import queries, services, traffic_page, traffic_team
from servers.models import Server
from servers.traffic_forms import QuotaForm, quota_initial
from teams.access import MemberRequest, team_view
from teams.csv_export import csv_response
from teams.edits import CONFLICT, ChangedMeanwhile
from teams.permissions import Permission
from teams.services import list_export
from teams.statuses import UNPROCESSABLE


@require_safe
@team_view(Permission.TRAFFIC_SEE)
def team_traffic(request: MemberRequest) -> HttpResponse:
    return render(request, "servers/team_traffic.html", traffic_team.context(request.access, request.GET))


@require_safe
@team_view(Permission.TRAFFIC_SEE)
def server_traffic(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    context = traffic_page.context(request.access, server, request.GET)
    status = UNPROCESSABLE if context["form"].wrong_dates else 200
    return render(request, "servers/server_traffic.html", context, status=status)


@require_GET
@team_view(Permission.EXPORT_LISTS)
def server_traffic_csv(request: MemberRequest, server_id: int) -> StreamingHttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    shown = traffic_page.export_range(request.GET)
    if shown is None:
        raise Http404("No such range.")
    rows = list(traffic_page.export_rows(server, shown))
    list_export(request.access, "traffic", traffic_page.export_facts(shown), of=server.audit_target())
    return csv_response(traffic_page.export_name(server, shown), traffic_page.COLUMNS, rows)


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.TRAFFIC_QUOTA)
def server_quota(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    why_not = traffic_page.why_no_quota(request.access, server)
    if request.method != "POST" or why_not:
        status = CONFLICT if request.method == "POST" else 200
        return _quota_page(
            request, server, QuotaForm(initial=quota_initial(server.quota_bytes)), status=status
        )
    form = QuotaForm(request.POST)
    clear = "clear" in request.POST
    if not form.is_valid() and not clear:
        return _quota_page(request, server, form, status=UNPROCESSABLE)
    return _set_quota(request, server, form, None if clear else form.quota())


def _quota_page(
    request: MemberRequest, server: Server, form: QuotaForm, *, status: int, **more: Any
) -> HttpResponse:
    why_not = traffic_page.why_no_quota(request.access, server)
    context = {"server": server, "form": form, "why_no_quota": why_not, **more}
    return render(request, "servers/server_quota.html", context, status=status)


def _set_quota(request: MemberRequest, server: Server, form: QuotaForm, quota: int | None) -> HttpResponse:
    try:
        services.quota_set(request.access, server, quota, seen=form.cleaned_data.get("seen", ""))
    except ChangedMeanwhile as changed:
        form.opened_on(changed.kept)
        server.quota_bytes = changed.kept
        return _quota_page(request, server, form, status=CONFLICT, changed=changed)
    done = "is set" if quota else "is taken away"
    messages.success(request, f"The limit of {server.shown_name} {done}.")
    return redirect("servers:server_traffic", request.access.team.slug, server.pk)
