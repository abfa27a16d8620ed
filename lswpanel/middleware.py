"""What every request and every answer gets: an id, headers that close the browser's doors, a person's time zone."""

import re
import uuid
import zoneinfo
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from teams.bookkeeping import NotRecorded

Handler = Callable[[HttpRequest], HttpResponse]
SAFE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
FEATURES = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")


def request_id(handler: Handler) -> Handler:
    """Give every request an id that runs through logs, jobs and the audit trail; take a sane one from outside (X15)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if SAFE_ID.fullmatch(given) else str(uuid.uuid4())  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]
            response = handler(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


def security_headers(handler: Handler) -> Handler:
    """Headers for pages, fragments, files and errors alike (S1); what Django and django-csp do not set."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = handler(request)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", ", ".join(f"{name}=()" for name in FEATURES))
        return response

    return middleware


def private_pages(handler: Handler) -> Handler:
    """Keep a signed-in person's pages out of every cache, and answer a fragment's expired login with a real move.

    Without the second part htmx would put the login page into the middle of a table.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = handler(request)
        patch_vary_headers(response, ("HX-Request", "Cookie"))
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        if request.htmx and response.status_code == 302 and _to_login(response):  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(_login_back_to(request))
        return response

    return middleware


def _to_login(response: HttpResponse) -> bool:
    return response["Location"].startswith(resolve_url(settings.LOGIN_URL))


def _login_back_to(request: HttpRequest) -> str:
    """The login page, coming back to the page that was open and not to the fragment it asked for."""
    current = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': current})}"


def own_time_zone(handler: Handler) -> Handler:
    """Show times in the person's own zone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "time_zone", "UTC")
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return handler(request)

    return middleware


def nothing_unrecorded(handler: Handler) -> Handler:
    """Say so when something was not handed out because the audit trail could not take it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return handler(request)

    middleware.process_exception = _not_recorded  # type: ignore[attr-defined]
    return middleware


def _not_recorded(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    if not isinstance(exception, NotRecorded):
        return None
    response = render(request, "503_not_recorded.html", status=503)
    response["Retry-After"] = "10"
    return response
