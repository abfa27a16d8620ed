"""The audit trail of a team: read it, look at one entry, prove that nobody changed it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from audit.checkpoints import proof
from teams import audit_pages, services
from teams.access import MemberRequest, Trail, team_view
from teams.csv_export import attachment
from teams.permissions import Permission


@require_safe
@team_view(Permission.AUDIT_SEE)
def audit_list(request: MemberRequest) -> HttpResponse:
    context = audit_pages.of_team(request.access, request.GET)
    return render(request, "teams/audit_list.html", context)


@require_safe
@team_view(Permission.AUDIT_SEE)
def audit_detail(request: MemberRequest, sequence: int) -> HttpResponse:
    return render(request, "teams/audit_detail.html", audit_pages.entry(request.access, sequence))


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.AUDIT_SEE)
def audit_verify(request: MemberRequest) -> HttpResponse:
    """POST asks a worker to read the whole chain; GET shows how far it is, or the last verdict, and offers to check."""
    if request.method == "POST":
        return ask_verification(request, request.access)
    no_download = request.access.why_not(Permission.AUDIT_EXPORT)
    context = audit_pages.verification(request.access, no_download=no_download)
    return render(request, "teams/audit_verify.html", context)


@require_GET
@team_view(Permission.AUDIT_EXPORT)
def audit_checkpoints(request: MemberRequest) -> StreamingHttpResponse:
    return checkpoints_file(request.access)


def ask_verification(request: HttpRequest, trail: Trail) -> HttpResponse:
    if not services.audit_ask_verification(trail):
        messages.info(request, "The trail is being verified already.")
    return redirect(trail.trail_url("verify"))


def checkpoints_file(trail: Trail) -> StreamingHttpResponse:
    """All signed checkpoints as a file: numbers of chains, how long they were, and hashes."""
    services.list_export(trail, "audit checkpoints", {})
    lines = (f"{line}\n" for line in proof.kept_lines())
    response = StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = attachment("audit-checkpoints", "txt")
    response["Cache-Control"] = "no-store"
    return response
