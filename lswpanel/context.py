"""What the frame of every page needs."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from jobs import alarms
from teams.collation import sort_key
from teams.permissions import Permission


def page(request: HttpRequest) -> dict[str, Any]:
    """What all pages share: `access` or `installation`, rights, teams, alarms, the demo, mail, a lost time zone."""
    access = getattr(request, "access", None)
    return {
        "access": access,
        "team": access.team if access else None,
        "installation": getattr(request, "installation", None),
        "own_teams": partial(_own_teams, request),
        "alarms": partial(_alarms, request),
        "unknown_time_zone": getattr(request, "unknown_time_zone", ""),
        "demo": settings.DEMO,
        "can_mail": bool(settings.EMAIL_HOST),
        "may": {name.lower(): access.can(right) for name, right in Permission.__members__.items()}
        if access
        else {},
    }


def _alarms(request: HttpRequest) -> list[alarms.Alarm]:
    """Like the teams for whole pages only; nobody else's business before signing in."""
    return alarms.of_panel() if request.user.is_authenticated else []


def _own_teams(request: HttpRequest) -> list[dict[str, Any]]:
    """Asked for by the frame of a whole page only, so that fragments cost no query."""
    if not request.user.is_authenticated:
        return []
    teams = request.user.teams.values_list("pk", "slug", "name")
    return [
        {"id": pk, "name": name, "url": reverse("jobs:overview", args=[slug])}
        for pk, slug, name in sorted(teams, key=lambda team: (sort_key(team[2]), team[0]))
    ]
