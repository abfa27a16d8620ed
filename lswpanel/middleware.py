"""What every request and every answer gets: an id, headers that close the browser's doors, a person's time zone."""

import re
import uuid
import zoneinfo
from collections.abc import Callable
from datetime import UTC

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.defaults import bad_request
from django_htmx.http import HttpResponseClientRedirect

from audit import heads
from teams import passwords, sign_in
from teams.bookkeeping import NotRecorded

log = structlog.get_logger()
Handler = Callable[[HttpRequest], HttpResponse]
SAFE_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
PROTO = "X-Forwarded-Proto"
# The health check comes from this machine; the style sheets are those of the page that explains it.
ASKED_WITHOUT_PROXY = ("/healthz/", settings.STATIC_URL)
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


def forwarded_proto(handler: Handler) -> Handler:
    """Behind a proxy that does not say how the browser came, explain it: the move to https would go on for ever.

    A page for whoever looks, and one line in the log of each process for whoever can change the proxy.
    """
    security = SecurityMiddleware(handler)
    told: list[str] = []

    def middleware(request: HttpRequest) -> HttpResponse:
        if (
            not settings.HTTPS
            or PROTO in request.headers
            or request.path_info.startswith(ASKED_WITHOUT_PROXY)
        ):
            return handler(request)
        if not told:
            told.append(PROTO)
            log.error("proxy sends no X-Forwarded-Proto", path=request.path_info[:200])
        response = HttpResponse(render_to_string("no_forwarded_proto.html"), status=400)
        # Django would log each of them.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return security.process_response(request, response)

    return middleware


def refuse_malformed(handler: Handler) -> Handler:
    """Refuse what could not be decoded, with the headers of every other answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if getattr(request, "malformed", False):
            return bad_request(request, BadRequest())
        return handler(request)

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
            return HttpResponseClientRedirect(response["Location"])
        return response

    return middleware


def _to_login(response: HttpResponse) -> bool:
    return response["Location"].startswith(resolve_url(settings.LOGIN_URL))


def own_time_zone(handler: Handler) -> Handler:
    """Show times in the person's own zone, and in UTC where this machine does not know it; pages say which."""

    def middleware(request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "time_zone", "UTC")
        zone = _zone(name)
        request.unknown_time_zone = "" if zone else name  # type: ignore[attr-defined]
        with timezone.override(zone or UTC):
            return handler(request)

    return middleware


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Looked up at each request: the next release of the machine's list may drop a name that was chosen here."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def turned_away(handler: Handler) -> Handler:
    """Answer what could not be done now: nothing was done, why, and when to come again."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return handler(request)

    middleware.process_exception = _answer  # type: ignore[attr-defined]
    return middleware


def _answer(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    match exception:
        case heads.ChainBroken(chain=chain, problem=problem):
            heads.mark_broken(chain, problem)
            response = render(request, "503_trail.html", {"chain": chain, "problem": problem}, status=503)
        case NotRecorded():
            response = render(request, "503_not_recorded.html", status=503)
            response["Retry-After"] = "10"
        case passwords.Busy():
            response = render(request, "503_busy.html", status=503)
            response["Retry-After"] = str(passwords.COME_AGAIN)
        case sign_in.TooSoon(seconds=seconds):
            response = render(request, "429.html", {"minutes": -(-seconds // 60)}, status=429)
            response["Retry-After"] = str(seconds)
        case _:
            return None
    return response
