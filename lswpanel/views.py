"""Pages that belong to no app: the way in, health, reports of browsers, errors."""

import structlog
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from audit.text import one_line
from teams.access import person_view, public_view
from teams.links import open_page
from teams.models import User

log = structlog.get_logger()
LONGEST_REPORT = 4000


@require_safe
@person_view
def home(request: HttpRequest) -> HttpResponse:
    """Go to the team that was open last, else to the first one; somebody without a team is told so."""
    user: User = request.user  # type: ignore[assignment]
    teams = user.teams.order_by("name")
    team = (user.last_team_id and teams.filter(pk=user.last_team_id).first()) or teams.first()
    if team is None:
        return render(request, "teams/no_team.html")
    return redirect("jobs:overview", team.slug)


@require_safe
@public_view
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process serves and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain", headers={"Cache-Control": "no-store"})


@csrf_exempt
@require_POST
@public_view
def csp_report(request: HttpRequest) -> HttpResponse:
    """A browser tells that a page tried something that the policy forbids."""
    log.warning("csp report", report=one_line(request.body.decode("utf-8", "replace"), LONGEST_REPORT))
    return HttpResponse(status=204)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", {"reason": reason, "back": open_page(request)}, status=403)
