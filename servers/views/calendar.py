"""The contracts of a team by the day they end, as a page and as a calendar file."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from servers import contract_calendar
from teams.access import MemberRequest, team_view
from teams.csv_export import attachment
from teams.permissions import Permission
from teams.services import list_export


@require_safe
@team_view(Permission.SERVERS_SEE)
def contract_list(request: MemberRequest) -> HttpResponse:
    return render(request, "servers/contract_list.html", contract_calendar.context(request.access))


@require_GET
@team_view(Permission.EXPORT_LISTS)
def contract_export(request: MemberRequest) -> HttpResponse:
    list_export(request.access, "contracts", {})
    file = contract_calendar.file(request.access)
    headers = {
        "Content-Disposition": attachment(f"contracts-{request.access.team.slug}", "ics"),
        "Cache-Control": "no-store",
    }
    return HttpResponse(file, content_type="text/calendar; charset=utf-8", headers=headers)
