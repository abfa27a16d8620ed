"""The contracts of a team by the day they end, as a page and as a calendar file."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from servers import contract_calendar
from servers.forms import ContractFilterForm
from teams.access import MemberRequest, team_view
from teams.csv_export import attachment
from teams.permissions import Permission
from teams.services import list_export


@require_safe
@team_view(Permission.SERVERS_SEE)
def contract_list(request: MemberRequest) -> HttpResponse:
    context = contract_calendar.context(request.access, request.GET)
    return render(request, "servers/contract_list.html", context)


@require_GET
@team_view(Permission.EXPORT_LISTS)
def contract_export(request: MemberRequest) -> HttpResponse:
    """The contracts of the list with the same query, as a calendar file."""
    request.access.require(Permission.SERVERS_SEE)
    filters = ContractFilterForm(request.GET).filters()
    list_export(request.access, "contracts", filters.told())
    file = contract_calendar.file(request.access, filters)
    headers = {
        "Content-Disposition": attachment(f"contracts-{request.access.team.slug}", "ics"),
        "Cache-Control": "no-store",
    }
    return HttpResponse(file, content_type="text/calendar; charset=utf-8", headers=headers)
