"""Pages that belong to no app: the way in, health, reports of browsers, errors."""

import sqlite3
import sys

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django.views.defaults import server_error as own_fault

from audit.text import one_line
from teams.access import person_view, public_view
from teams.links import open_page
from teams.models import User

csp = structlog.get_logger("lswpanel.csp")
database = structlog.get_logger("lswpanel.database")
# Characters that are logged, and bytes that are read.
LONGEST_REPORT = 1000
LARGEST_REPORT = 16 * 1024


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
    """A browser tells that a page tried something that the policy forbids; anybody can, so the log takes a few only."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_REPORT:
        return HttpResponse(status=413)
    csp.warning("csp report", report=one_line(request.body.decode("utf-8", "replace"), LONGEST_REPORT))
    return HttpResponse(status=204)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", {"reason": reason, "back": open_page(request)}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 for a fault of ours, which Django logs; 503 while the database cannot be used."""
    error = sys.exc_info()[1]
    if _is_locked(error):
        database.error("the database is locked by somebody else", path=request.path)
        response = _come_again("503_locked.html", {"back": open_page(request)}, seconds=10)
        response["X-Nothing-Kept"] = "yes"  # for the script that tells what became of a form
        return response
    if connection.vendor == "postgresql" and isinstance(error, OperationalError | InterfaceError):
        database.error("the database does not answer", error=one_line(str(error), 300))
        return _come_again("503_database.html", {"back": open_page(request)}, seconds=5)
    return own_fault(request)


def _come_again(template: str, context: dict[str, str], *, seconds: int) -> HttpResponse:
    """Drawn without the request: who is signed in stands in the database."""
    response = HttpResponse(render_to_string(template, context), status=503)
    response["Retry-After"] = str(seconds)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would add a traceback
    return response


def _is_locked(error: BaseException | None) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", 0) if isinstance(error, OperationalError) else 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
