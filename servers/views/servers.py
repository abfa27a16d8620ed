"""The list of servers, the page of one, and the wish for a fresh reading of it or of what belongs to it."""

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from servers import export, listing, queries, server_page, services
from servers.forms import ServerFilterForm
from servers.models import ServerReading
from servers.views.wishes import or_why_not
from teams.access import MemberRequest, team_view
from teams.csv_export import csv_response
from teams.permissions import Permission
from teams.services import list_export

# Where a subject is shown, which is where somebody stood who asks for a fresh reading of it.
SHOWN_ON: dict[str, tuple[str, tuple[str, ...]]] = {
    ServerReading.Subject.SNAPSHOTS: ("jobs:server_snapshots", ()),
    ServerReading.Subject.TEMPLATES: ("jobs:job_new", ("reinstall",)),
}


@require_safe
@team_view(Permission.SERVERS_SEE)
def server_list(request: MemberRequest) -> HttpResponse:
    return render(request, "servers/server_list.html", listing.context(request.access, request.GET))


@require_GET
@team_view(Permission.EXPORT_LISTS)
def server_export(request: MemberRequest) -> StreamingHttpResponse:
    """The servers of the list with the same query, as a file."""
    request.access.require(Permission.SERVERS_SEE)
    filters = ServerFilterForm(request.GET).filters()
    list_export(request.access, "servers", filters.told())
    name = f"servers-{request.access.team.slug}"
    return csv_response(name, list(export.COLUMNS), export.rows(request.access, filters))


@require_safe
@team_view(Permission.SERVERS_SEE)
def server_detail(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    return render(request, "servers/server_detail.html", server_page.context(request.access, server))


@require_POST
@team_view(Permission.SERVERS_REFRESH)
def server_refresh(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    with or_why_not(request):
        services.server_ask_reading(request.access, server)
    return redirect("servers:server_detail", request.access.team.slug, server.pk)


@require_POST
@team_view(Permission.SERVERS_REFRESH)
def reading_refresh(request: MemberRequest, server_id: int, subject: str) -> HttpResponse:
    if subject not in SHOWN_ON:
        raise Http404("Nothing like this is read.")
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    with or_why_not(request):
        services.detail_ask_reading(request.access, server, subject)
    page, more = SHOWN_ON[subject]
    return redirect(page, request.access.team.slug, server.pk, *more)
