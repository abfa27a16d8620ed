"""Passwords of a server: which there are, revealing one, storing one at Leaseweb."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from servers import credential_page, credentials, details, freshness, queries, services
from servers.credential_forms import CredentialForm, RevealForm, StoreForm
from servers.credential_page import CredentialRow
from servers.leaseweb import CredentialType
from servers.models import Server, ServerReading
from servers.views.wishes import or_why_not
from servers.witness import Result
from teams.access import MemberRequest, team_view
from teams.permissions import Permission
from teams.proof import demand
from teams.statuses import UNPROCESSABLE, status_of

TOO_MANY = 429
OLD = timedelta(days=1)
SUBJECT = ServerReading.Subject.CREDENTIALS


@require_safe
@team_view(Permission.CREDENTIALS_REVEAL)
def credential_list(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    details.freshen(server, SUBJECT, OLD)
    context = credential_page.context(request.access, server)
    return render(request, "servers/credential_list.html", context)


@require_POST
@team_view(Permission.CREDENTIALS_REVEAL)
def credential_refresh(request: MemberRequest, server_id: int) -> HttpResponse:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    with or_why_not(request):
        services.detail_ask_reading(request.access, server, SUBJECT)
    return redirect("servers:credential_list", request.access.team.slug, server.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.CREDENTIALS_REVEAL)
@sensitive_variables()
def credential_reveal(request: MemberRequest, server_id: int) -> HttpResponseBase:
    """The password goes into this answer and nowhere else."""
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    row = credential_page.find(request.access, server, CredentialForm(request.GET).wanted())
    if row is None:
        raise Http404("No such credential.")
    if unproven := demand(request):
        return unproven
    form = RevealForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"server": server, "row": row, "form": form}
    status = status_of(form)
    if not row.why_not and form.is_valid():
        found, status = _reveal(request, server, row, form.cleaned_data["reason"])
        context |= found
    return render(request, "servers/credential_reveal.html", context, status=status)


@sensitive_variables()
def _reveal(
    request: MemberRequest, server: Server, row: CredentialRow, reason: str
) -> tuple[dict[str, Any], int]:
    """What the page shows of it, and with which status."""
    kind = CredentialType(row.kind)
    try:
        password = credentials.credential_reveal(request.access, server, kind, row.username, reason=reason)
    except credentials.NotRevealed as error:
        return {"refused": error.result}, UNPROCESSABLE
    except credentials.TooManyReveals as error:
        return {"too_many": error}, TOO_MANY
    return {"password": password}, 200


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "again")
@team_view(Permission.CREDENTIALS_STORE)
@sensitive_variables()
def credential_store(request: MemberRequest, server_id: int) -> HttpResponseBase:
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    if unproven := demand(request):
        return unproven
    obstacle, refused = freshness.out_of_reach(server), None
    form = StoreForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if not obstacle and form.is_valid():
        typed = form.cleaned_data
        wanted = typed["type"], typed["username"], typed["password"]
        result = credentials.credential_store(request.access, server, *wanted)
        if result.may_be_done:
            return _stored(request, server, typed["username"], result)
        refused = result
    context = {"server": server, "form": form, "obstacle": obstacle, "refused": refused}
    return render(request, "servers/credential_store.html", context, status=status_of(form))


def _stored(request: MemberRequest, server: Server, username: str, result: Result) -> HttpResponse:
    if result.done:
        words = f"Leaseweb shows the new password of “{username}” now. The machine itself still has its own."
        messages.success(request, words)
    else:
        words = f"{result.words} Reveal the password of “{username}” to see which one is stored."
        messages.warning(request, words)
    return redirect("servers:credential_list", request.access.team.slug, server.pk)
