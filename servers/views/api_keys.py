"""API keys: the list, and a form each for what can be done with one."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from servers import key_page, queries, services
from servers.forms import ApiKeyForm, ApiKeyRenameForm
from servers.models import ApiKey
from teams.access import MemberRequest, team_view
from teams.edits import ChangedMeanwhile, mark
from teams.permissions import Permission
from teams.proof import demand
from teams.statuses import status_of


@require_safe
@team_view(Permission.API_KEYS_MANAGE)
def api_key_list(request: MemberRequest) -> HttpResponse:
    return render(request, "servers/api_key_list.html", key_page.context(request.access))


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("key")
@team_view(Permission.API_KEYS_MANAGE)
def api_key_new(request: MemberRequest) -> HttpResponseBase:
    if unproven := demand(request):
        return unproven
    form = ApiKeyForm(request.POST if request.method == "POST" else None)
    refused = None
    if form.is_valid():
        try:
            name = _add(request, form)
        except services.KeyRefused as error:
            refused = error
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"The key “{name}” works and is kept. Its servers are being read now.")
            return redirect("servers:server_list", request.access.team.slug)
    context = {"form": form, "refused": refused}
    return render(request, "servers/api_key_new.html", context, status=status_of(form))


def _add(request: MemberRequest, form: ApiKeyForm) -> str:
    access, typed = request.access, form.cleaned_data
    key = services.api_key_add(
        team=access.team, name=typed["name"], key=typed["key"], actor=access.actor, user=access.user
    )
    return key.name


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.API_KEYS_MANAGE)
def api_key_rename(request: MemberRequest, api_key_id: int) -> HttpResponseBase:
    api_key = get_object_or_404(request.access.api_keys(), pk=api_key_id)
    if unproven := demand(request):
        return unproven
    typed = request.POST if request.method == "POST" else None
    form = ApiKeyRenameForm(typed, initial={"name": api_key.name, "seen": mark(api_key.name)})
    if form.is_valid() and _renamed(request, api_key, form):
        messages.success(request, f"The key is called “{form.cleaned_data['name']}” now.")
        return redirect("servers:api_key_list", request.access.team.slug)
    context = {"form": form, "api_key": api_key}
    return render(request, "servers/api_key_rename.html", context, status=status_of(form))


def _renamed(request: MemberRequest, api_key: ApiKey, form: ApiKeyRenameForm) -> bool:
    try:
        services.api_key_rename(request.access, api_key, form.cleaned_data["name"], seen=form.opened_with)
    except ValidationError as error:
        form.add_error(None, error)
    except ChangedMeanwhile as changed:
        form.add_error(
            "name", f"Somebody called it “{changed.kept}” meanwhile. Rename it again to replace that."
        )
        form.opened_on(changed.kept)
    return form.is_valid()


@require_POST
@team_view(Permission.API_KEYS_MANAGE)
def api_key_refresh(request: MemberRequest, api_key_id: int) -> HttpResponse:
    api_key = get_object_or_404(request.access.api_keys(), pk=api_key_id)
    services.api_key_ask_reading(request.access, api_key)
    return redirect("servers:api_key_list", request.access.team.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@team_view(Permission.API_KEYS_MANAGE)
def api_key_remove(request: MemberRequest, api_key_id: int) -> HttpResponseBase:
    api_key = get_object_or_404(request.access.api_keys(), pk=api_key_id)
    if unproven := demand(request):
        return unproven
    if request.method == "POST":
        services.api_key_remove(request.access, api_key)
        messages.success(request, f"The key “{api_key.name}” is forgotten.")
        return redirect("servers:api_key_list", request.access.team.slug)
    use = queries.key_use(request.access, api_key)
    return render(request, "servers/api_key_remove.html", {"api_key": api_key, "use": use})
