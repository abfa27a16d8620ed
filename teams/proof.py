"""The fresh proof: whoever destroys or reveals something has typed their password within the last ten minutes."""

import time
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

NEEDS_PROOF = 403


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session gave its password within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds; signing in counts."""
    moments = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(moments) and time.time() - max(moments) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def confirm_url(request: HttpRequest) -> str:
    """The page that asks for the password and comes back to this very address."""
    return f"{reverse('account_reauthenticate')}?{urlencode({'next': request.get_full_path()})}"


def demand(request: HttpRequest) -> HttpResponseBase | None:
    """None with a fresh proof. Without one, the way to it: at once for a page, after a refusal for a form.

    What was posted is neither carried out nor kept: it is entered again, so that nothing is done that the person
    does not see.
    """
    if is_fresh(request):
        return None
    if request.method in ("GET", "HEAD"):
        return HttpResponseRedirect(confirm_url(request))
    return render(
        request, "teams/proof_needed.html", {"confirm_url": confirm_url(request)}, status=NEEDS_PROOF
    )
