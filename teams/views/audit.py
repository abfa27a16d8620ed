"""The audit trail of a team: read it, look at one entry, prove that nobody changed it."""

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from audit.checkpoints import proof
from audit.checkpoints.key import public_key
from teams import queries, services
from teams.access import MemberRequest, team_view
from teams.csv_export import attachment
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
    """POST asks a worker to read the whole chain; GET shows how far it is, or the last verdict, and offers to check."""
    if request.method == "POST":
        if not services.audit_ask_verification(request.access):
            messages.info(request, "The trail is being verified already.")
        return redirect("teams:audit_verify", request.access.team.slug)
    context = {
        **queries.verification_context(request.access),
        "checkpoint": queries.checkpoint(request.access),
        "public_key": public_key(),
        "no_download": request.access.why_not(Permission.AUDIT_EXPORT),
    }
    return render(request, "teams/audit_verify.html", context)


@require_GET
@team_view(Permission.AUDIT_EXPORT)
def audit_checkpoints(request: MemberRequest) -> StreamingHttpResponse:
    """All signed checkpoints as a file: numbers of chains, how long they were, and hashes."""
    services.list_export(request.access, "audit checkpoints", {})
    lines = (f"{line}\n" for line in proof.kept_lines())
    response = StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = attachment("audit-checkpoints", "txt")
    response["Cache-Control"] = "no-store"
    return response
