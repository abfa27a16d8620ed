"""The first page of a team."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs import overview as page
from teams import services
from teams.access import MemberRequest, team_view
from teams.permissions import Permission


@require_safe
@team_view(Permission.JOBS_SEE)
def overview(request: MemberRequest) -> HttpResponse:
    services.team_opened(request.access.user, request.access.team)
    return render(request, "jobs/overview.html", page.context(request.access))
