"""The installation's own trail, for its administrators: read it, look at one entry, prove that nobody changed it."""

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from audit.actions import AuditAction
from teams import audit_pages, queries
from teams.access import InstallationRequest, installation_view
from teams.views.audit import ask_verification, checkpoints_file

THE_PANEL = (queries.PANEL, "the panel itself")


@require_safe
@installation_view
def installation_list(request: InstallationRequest) -> HttpResponse:
    trail = request.installation
    context = audit_pages.of_accounts(trail, request.GET, actions=AuditAction, also=[THE_PANEL])
    context["total"] = queries.audit_total(trail)
    return render(request, "teams/installation_list.html", context)


@require_safe
@installation_view
def installation_detail(request: InstallationRequest, sequence: int) -> HttpResponse:
    context = audit_pages.entry(request.installation, sequence)
    return render(request, "teams/installation_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@installation_view
def installation_verify(request: InstallationRequest) -> HttpResponse:
    """As the page of a team: POST asks, GET shows."""
    if request.method == "POST":
        return ask_verification(request, request.installation)
    context = audit_pages.verification(request.installation)
    return render(request, "teams/installation_verify.html", {**context, **_live(context)})


@require_safe
@installation_view
def installation_changes(request: InstallationRequest) -> HttpResponse:
    """What the open page of a verification asks: 204 as long as it is where the page saw it (`read`)."""
    seen = request.GET.get("read", "")
    read = (int(seen),) if seen.isdecimal() and len(seen) < 19 else ()
    if queries.verification_stands_still(request.installation, read):
        return HttpResponse(status=204)
    context = queries.verification_context(request.installation)
    return render(
        request, "teams/changes/installation_verification.html", {**context, **_live(context), "oob": True}
    )


def _live(context: dict[str, Any]) -> dict[str, str]:
    """Where the open page asks what comes after what it shows."""
    read = "".join(str(number) for number in context["live_ids"])
    return {"live_url": f"{reverse('teams:installation_changes')}?read={read}"}


@require_GET
@installation_view
def installation_checkpoints(request: InstallationRequest) -> StreamingHttpResponse:
    return checkpoints_file(request.installation)
