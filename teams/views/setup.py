"""The first visit: a one-time link makes the owner and the first team."""

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

import audit.origin
from teams import services
from teams.access import public_view
from teams.forms import SetupForm
from teams.models import Team, User
from teams.statuses import status_of


@require_http_methods(["GET", "HEAD", "POST"])
@public_view
def setup(request: HttpRequest, token: str) -> HttpResponse:
    if not services.setup_link_valid(token):
        return _no_way_in(request)
    form = SetupForm(request.POST or None)
    if form.is_valid():
        try:
            user, team = services.setup_complete(token=token, actor=_actor(request), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _sign_in(request, user, team)
    return render(request, "teams/setup.html", {"form": form}, status=status_of(form))


def _no_way_in(request: HttpRequest) -> HttpResponse:
    """410 once the panel is set up, which no link changes any more; 404 while a fresh link would help."""
    done = services.is_set_up()
    return render(request, "teams/setup_gone.html", {"done": done}, status=410 if done else 404)


def _actor(request: HttpRequest) -> audit.origin.Actor:
    return audit.origin.from_request(request)


def _sign_in(request: HttpRequest, user: User, team: Team) -> HttpResponse:
    """Sign in as the login page would: they typed the password a moment ago, which counts as a fresh proof."""
    login = Login(user=user, redirect_url=reverse("servers:api_key_new", args=[team.slug]))
    return perform_password_login(request, {"email": user.email}, login)
