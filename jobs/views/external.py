"""The list of changes made elsewhere."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs import listing
from teams.access import MemberRequest, team_view
from teams.permissions import Permission


@require_safe
@team_view(Permission.JOBS_SEE)
def external_list(request: MemberRequest) -> HttpResponse:
    return render(request, "jobs/external_list.html", listing.external_context(request.access, request.GET))
