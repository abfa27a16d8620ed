"""Asking for a job: the page that says what will happen, and the click that is taken."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from jobs import confirm, services
from jobs.job_forms import JobForm
from jobs.kinds import KINDS
from servers import queries
from teams import proof
from teams.access import MemberRequest, team_view
from teams.permissions import Permission
from teams.statuses import UNPROCESSABLE

REFUSED = 409
PAGE = "jobs/job_new.html"


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.SERVERS_SEE)
def job_new(request: MemberRequest, server_id: int, kind: str) -> HttpResponseBase:
    """The right depends on the kind and is asked for here, with the server, for looking as well as for doing.

    A kind that destroys takes a fresh proof, too, before its form is shown and again when it comes back.
    """
    if kind not in KINDS:
        raise Http404("No such action.")
    server = get_object_or_404(queries.server(request.access), pk=server_id)
    request.access.require(KINDS[kind].permission, server)
    if KINDS[kind].destroys and (way := proof.demand(request)):
        return way
    if request.method == "POST":
        return _take(request, confirm.asked(request.access, server, KINDS[kind], request.POST))
    confirm.freshen(server, KINDS[kind])
    return _show(request, confirm.asked(request.access, server, KINDS[kind], request.GET))


def _show(request: MemberRequest, wanted: confirm.Asked) -> HttpResponse:
    if confirm.lacks_snapshot(wanted):
        return redirect("jobs:server_snapshots", request.access.team.slug, wanted.server.pk)
    context = confirm.context(wanted, confirm.fresh_form(wanted), search=request.GET.get("q", ""))
    return render(request, PAGE, context)


def _take(request: MemberRequest, wanted: confirm.Asked) -> HttpResponse:
    form = confirm.posted(wanted, request.POST)
    if not form.is_valid():
        incomplete = {"incomplete": "client_token" in form.errors}
        return _once_more(request, wanted, form, incomplete, UNPROCESSABLE)
    try:
        job = confirm.create(wanted, form)
    except services.JobRefused as refused:
        return _once_more(request, wanted, form, {"refused": refused}, REFUSED)
    messages.success(request, f"{KINDS[job.kind].label} of {wanted.server.shown_name} was asked for.")
    return redirect("jobs:job_detail", request.access.team.slug, job.pk)


def _once_more(
    request: MemberRequest, wanted: confirm.Asked, form: JobForm, why: dict[str, Any], status: int
) -> HttpResponse:
    return render(request, PAGE, {**confirm.context(wanted, form.renewed()), **why}, status=status)
