"""The list of jobs, the page of one, and what people do with it: cancel, settle, call off what was to follow."""

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from jobs import export, job_page, listing, queries, services, words
from jobs.forms import JobFilterForm, SettleForm
from jobs.models import Job
from teams.access import MemberRequest, team_view
from teams.csv_export import csv_response
from teams.permissions import Permission
from teams.services import list_export
from teams.statuses import UNPROCESSABLE


@require_safe
@team_view(Permission.JOBS_SEE)
def job_list(request: MemberRequest) -> HttpResponse:
    return render(request, "jobs/job_list.html", listing.context(request.access, request.GET))


@require_GET
@team_view(Permission.EXPORT_LISTS)
def job_export(request: MemberRequest) -> StreamingHttpResponse:
    """The jobs of the list with the same query, as a file."""
    request.access.require(Permission.JOBS_SEE)
    filters = JobFilterForm(request.GET).filters(request.access.user)
    list_export(request.access, "jobs", filters.told())
    name = f"jobs-{request.access.team.slug}"
    return csv_response(name, list(export.COLUMNS), export.rows(request.access, filters))


@require_safe
@team_view(Permission.JOBS_SEE)
def job_detail(request: MemberRequest, job_id: int) -> HttpResponse:
    job = get_object_or_404(queries.job(request.access), pk=job_id)
    return _job_page(request, job, SettleForm())


def _job_page(request: MemberRequest, job: Job, form: SettleForm, *, status: int = 200) -> HttpResponse:
    context = job_page.job_context(request.access, job) | {"form": form}
    return render(request, "jobs/job_detail.html", context, status=status)


@require_POST
@team_view(Permission.JOBS_CANCEL_OWN)
def job_cancel(request: MemberRequest, job_id: int) -> HttpResponse:
    job = get_object_or_404(queries.job(request.access), pk=job_id)
    try:
        services.job_cancel(request.access, job)
    except services.JobRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "The job is cancelled. Nothing was sent.")
    return redirect("jobs:job_detail", request.access.team.slug, job.pk)


@require_POST
@team_view(Permission.JOBS_SEE)
def follow_up_call_off(request: MemberRequest, job_id: int) -> HttpResponse:
    """The right is that of what was to follow, and is asked for with the deed. Who is too late is led to what came."""
    job = get_object_or_404(queries.job(request.access), pk=job_id)
    shown = job.pk
    try:
        services.follow_up_call_off(request.access, job)
    except services.JobRefused as refused:
        messages.error(request, str(refused))
        shown = refused.live.pk if refused.live else shown
    else:
        messages.success(request, words.called_off(job))
    return redirect("jobs:job_detail", request.access.team.slug, shown)


@require_POST
@team_view(Permission.JOBS_SETTLE_POWER)
def job_settle(request: MemberRequest, job_id: int) -> HttpResponse:
    job = get_object_or_404(queries.job(request.access), pk=job_id)
    form = SettleForm(request.POST)
    if not form.is_valid():
        return _job_page(request, job, form, status=UNPROCESSABLE)
    try:
        services.job_settle(
            request.access, job, form.cleaned_data["resolution"], reason=form.cleaned_data["reason"]
        )
    except services.JobRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "The job is settled; other jobs can start on this server again.")
    return redirect("jobs:job_detail", request.access.team.slug, job.pk)
