"""What an open page asks every few seconds: is there anything new?"""

from django.http import Http404, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from jobs import alarms, live
from jobs.forms import ChangesForm
from teams.access import MemberRequest, team_view
from teams.permissions import Permission


@require_safe
@team_view(Permission.JOBS_SEE)
def changes(request: MemberRequest) -> HttpResponse:
    """204 when nothing changed, else the fragments that did; 404 for a page that does not exist."""
    wanted = ChangesForm(request.GET).asked()
    page = live.PAGES.get(wanted["page"]) if wanted else None
    if wanted is None or page is None:
        raise Http404("No such page.")
    request.access.require(page.permission)
    asked = live.Asked(wanted["since"], tuple(wanted["ids"]), wanted["shown"])
    found = alarms.of_panel()
    parts = []
    if live.has_news(request.access, page, asked):
        fragments = page.fragments(request.access, asked)
        parts.append(
            render_to_string(page.template, {"live_ids": asked.ids, **fragments, "oob": True}, request)
        )
    if alarms.shown(found) != wanted["alarms"]:
        parts.append(render_to_string("jobs/changes/alarms.html", {"alarms": found}, request))
    return HttpResponse("".join(parts)) if parts else HttpResponse(status=204)
