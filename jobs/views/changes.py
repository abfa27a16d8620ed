"""What an open page asks every few seconds: is there anything new?"""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from jobs import live
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
    if not live.has_news(request.access, page, asked):
        return HttpResponse(status=204)
    fragments = page.fragments(request.access, asked)
    return render(request, page.template, {"live_ids": asked.ids, **fragments, "oob": True})
