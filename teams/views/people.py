"""Who is in a team, what each role may do, and one's own profile."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

import audit.origin
from teams import audit_pages, queries, services
from teams.access import ACCOUNT_ACTIONS, MemberRequest, person_view, team_view
from teams.forms import ProfileForm, ThemeForm
from teams.links import open_page
from teams.models import User
from teams.permissions import ROLE_TEXT, Permission
from teams.statuses import status_of


@require_safe
@team_view(Permission.MEMBERS_SEE)
def member_list(request: MemberRequest) -> HttpResponse:
    return render(request, "teams/member_list.html", {"rows": queries.member_rows(request.access)})


@require_safe
@team_view(Permission.OWNERS_MANAGE)
def sign_in_list(request: MemberRequest) -> HttpResponse:
    """What happened to the accounts of the members, which stands in the installation's trail."""
    context = audit_pages.of_accounts(request.access.accounts(), request.GET, actions=ACCOUNT_ACTIONS)
    return render(request, "teams/sign_in_list.html", context)


@require_safe
@team_view(Permission.OWNERS_MANAGE)
def sign_in_detail(request: MemberRequest, sequence: int) -> HttpResponse:
    context = audit_pages.entry(request.access.accounts(), sequence)
    return render(request, "teams/sign_in_detail.html", context)


@require_safe
@team_view(Permission.SERVERS_SEE)  # every role has it: what a role may do is no secret
def role_list(request: MemberRequest) -> HttpResponse:
    context = {"groups": queries.permission_table(), "roles": ROLE_TEXT.items()}
    return render(request, "teams/role_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@person_view
def profile(request: HttpRequest) -> HttpResponse:
    """The whole profile; the theme switch of the top bar posts the theme alone."""
    user: User = request.user  # type: ignore[assignment]
    if request.method == "POST" and "time_zone" not in request.POST:
        return _theme(request, user)
    kept = {"name": user.name, "time_zone": user.time_zone, "theme": user.theme}
    form = ProfileForm(request.POST or None, initial=kept)
    if form.is_valid() and _changed(request, user, form):
        messages.success(request, "Your profile was saved.")
        if like := queries.teammate_like(user):
            messages.warning(
                request, f"Your name looks like that of {like}. Both names are marked for your teams."
            )
        return redirect("teams:profile")
    return render(request, "teams/profile.html", {"form": form}, status=status_of(form))


def _theme(request: HttpRequest, user: User) -> HttpResponse:
    form = ThemeForm(request.POST)
    if form.is_valid():
        _change(request, user, theme=form.cleaned_data["theme"])
    return redirect(open_page(request, reverse("teams:profile")))


def _changed(request: HttpRequest, user: User, form: ProfileForm) -> bool:
    try:
        _change(request, user, **form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, error)
        return False
    return True


def _change(request: HttpRequest, user: User, **values: Any) -> None:
    services.profile_change(user=user, actor=audit.origin.from_request(request), **values)
