"""The audit trail of a team: read it, look at one entry, prove that nobody changed it."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from teams import queries, services
from teams.access import MemberRequest, team_view
from teams.forms import AuditFilter
from teams.listing import pager_urls, place
from teams.permissions import Permission


@require_safe
@team_view(Permission.AUDIT_SEE)
def audit_list(request: MemberRequest) -> HttpResponse:
    form = AuditFilter(
        request.GET, actors=queries.actor_choices(request.access, also=request.GET.get("actor", ""))
    )
    form.is_valid()
    filters = {name: value for name, value in form.cleaned_data.items() if value}
    found = queries.audit_page(request.access, filters, **place(request.GET))
    context = {
        "form": form,
        "rows": queries.audit_rows(request.access, found.rows),
        "filters": filters,
        "total": queries.audit_total(request.access),
        "server_name": queries.server_label(request.access, filters.get("server")),
        **pager_urls(request.GET, found),
    }
    return render(request, "teams/audit_list.html", context)


@require_safe
@team_view(Permission.AUDIT_SEE)
def audit_detail(request: MemberRequest, sequence: int) -> HttpResponse:
    entry = queries.audit_entry(request.access, sequence)
    if entry is None:
        raise Http404("The trail has no such entry.")
    return render(
        request, "teams/audit_detail.html", {"entry": entry, "row": entry.row, "event": entry.row.event}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.AUDIT_SEE)
def audit_verify(request: MemberRequest) -> HttpResponse:
    """POST reads the whole chain and keeps the verdict in it; GET shows the last verdict and offers to check."""
    if request.method == "POST":
        verdict = services.audit_verify(request.access)
        if not verdict.intact:
            messages.error(request, "The audit trail does not verify.")
        return redirect("teams:audit_verify", request.access.team.slug)
    context = {"last": queries.verification(request.access), "total": queries.audit_total(request.access)}
    return render(request, "teams/audit_verify.html", context)
