"""Walks every address of the panel: each says who may come in, and each answer closes the browser's doors (S1, X1)."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path, reverse

from teams.access import INSTALLATION_ADMIN, NO_PERMISSION, public_view
from teams.models import Team, User
from teams.permissions import Permission
from tests.cast import ClientOf

NEEDS_NO_LOGIN = {
    "account_change_password",
    "account_inactive",
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "csp_report",
    "healthz",
    "teams:setup",
}
NEEDS_A_LOGIN_ONLY = {"home", "teams:profile"}
IDS = ("server_id", "snapshot_id", "job_id", "api_key_id", "sequence")


@public_view
def broken(request: Any) -> HttpResponse:
    raise RuntimeError("secret of the machine")


urlpatterns = [path("", include("lswpanel.urls")), path("broken/", broken)]


def patterns(
    resolver: URLResolver, namespace: str = "", prefix: str = ""
) -> Iterator[tuple[str, str, URLPattern]]:
    """Every pattern with its full name and its route."""
    for each in resolver.url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            inner = f"{namespace}{each.namespace}:" if each.namespace else namespace
            yield from patterns(each, inner, route)
        else:
            yield f"{namespace}{each.name}", route, each


EVERY = {name: (route, pattern) for name, route, pattern in patterns(get_resolver("lswpanel.urls"))}


@pytest.mark.req("X1")
@pytest.mark.parametrize("name", sorted(EVERY))
def test_view_says_who_may_come_in(name: str) -> None:
    route, pattern = EVERY[name]
    permission = getattr(pattern.callback, "permission", "undeclared")
    if name in NEEDS_NO_LOGIN:
        assert permission is None
    elif name in NEEDS_A_LOGIN_ONLY:
        assert permission == NO_PERMISSION
    elif route.startswith("installation/"):
        assert permission == INSTALLATION_ADMIN
    else:
        assert isinstance(permission, Permission), f"{name} declares {permission!r}"
        assert route.startswith("t/<slug:team>/")


def test_lists_of_open_views_name_nothing_that_is_gone() -> None:
    assert set(EVERY) >= NEEDS_NO_LOGIN | NEEDS_A_LOGIN_ONLY


def test_names_of_views_are_unique() -> None:
    names = [name for name, _, _ in patterns(get_resolver("lswpanel.urls"))]
    assert len(names) == len(set(names))


@pytest.mark.req("X1")
@pytest.mark.parametrize("name", sorted(set(EVERY) - NEEDS_NO_LOGIN - NEEDS_A_LOGIN_ONLY))
@pytest.mark.parametrize("method", ["get", "post"])
def test_team_page_shows_nothing_to_strangers_and_outsiders(
    method: str, name: str, team: Team, outsider: User, client: Client, client_of: ClientOf
) -> None:
    arguments = {**dict.fromkeys(IDS, 1), "kind": "power_on", "subject": "snapshots"}
    wanted = re.findall(r"<\w+:(\w+)>", EVERY[name][0])
    address = reverse(name, kwargs={key: team.slug if key == "team" else arguments[key] for key in wanted})
    stranger = getattr(client, method)(address)
    assert stranger.status_code in (302, 405)
    if stranger.status_code == 302:
        assert stranger["Location"].startswith("/accounts/login/?next=")
    assert getattr(client_of(outsider), method)(address).status_code in (404, 405)


# --- Headers ----------------------------------------------------------------------------------------------------

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "report-uri /csp-report/",
}
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def check_headers(response: Any) -> None:
    assert set(response["Content-Security-Policy"].split("; ")) == POLICY
    for name, value in FIXED.items():
        assert response[name] == value, name
    assert "camera=()" in response["Permissions-Policy"]
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", response["X-Request-ID"])
    assert not response.has_header("Server")
    assert not response.has_header("X-Powered-By")


@pytest.mark.req("S1")
@pytest.mark.req("S2")
@pytest.mark.urls("tests.test_urls")
@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/t/north-ops/roles/", 200),
        ("get", "/profile/", 200),
        ("post", "/profile/", 422),
        ("get", "/", 302),
        ("get", "/t/north-ops/audit/", 403),
        ("get", "/t/nowhere/", 404),
        ("get", "/no/such/page", 404),
        ("post", "/t/north-ops/roles/", 405),
        ("get", "/broken/", 500),
        ("get", "/healthz/", 200),
    ],
)
def test_answer_has_all_headers(
    method: str, address: str, status: int, viewer: User, team: Team, client_of: ClientOf
) -> None:
    client = client_of(viewer)
    client.raise_request_exception = False
    data = {"time_zone": "nowhere"} if method == "post" else {}
    response = getattr(client, method)(address, data)
    assert response.status_code == status
    check_headers(response)
    assert "no-store" in response["Cache-Control"]
    assert {"HX-Request", "Cookie"} <= set(re.split(r",\s*", response["Vary"]))


@pytest.mark.req("X15")
@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("proxy-0123456789", True),
        ("short", False),
        ("x" * 65, False),
        ("<script>alert(1)</script>", False),
        ("two\nlines", False),
        ("", False),
    ],
)
def test_request_id_from_outside_is_taken_only_if_it_is_plain(
    given: str, taken: bool, client: Client, db: None
) -> None:
    answered = client.get("/accounts/login/", headers={"X-Request-ID": given})["X-Request-ID"]
    assert (answered == given) is taken
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", answered)


@pytest.mark.req("S1")
@pytest.mark.parametrize("address", ["/accounts/login/", "/setup/made-up/", "/t/north-ops/", "/no/such/page"])
def test_answer_to_a_stranger_has_all_headers(address: str, client: Client, db: None) -> None:
    check_headers(client.get(address))


@pytest.mark.req("S1")
def test_fragment_has_all_headers(viewer: User, team: Team, client_of: ClientOf) -> None:
    response = client_of(viewer).get(
        "/t/north-ops/changes/?since=0&page=servers", headers={"HX-Request": "true"}
    )
    assert response.status_code in (200, 204)
    check_headers(response)


@pytest.mark.req("S1")
@pytest.mark.parametrize("name", ["css/base.css", "js/app.js", "img/mark.svg"])
def test_static_file_has_all_headers_and_is_kept_for_ever(name: str, client: Client, db: None) -> None:
    with closing(client.get(static(name))) as response:
        assert response.status_code == 200
        check_headers(response)
        assert "immutable" in response["Cache-Control"]


@pytest.mark.req("S1")
def test_refused_host_has_all_headers(client: Client) -> None:
    response = client.get("/healthz/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    check_headers(response)


@pytest.mark.req("S1")
def test_csrf_refusal_has_all_headers(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    response = client.post("/profile/", {"theme": "dark"})
    assert response.status_code == 403
    check_headers(response)


def test_https_is_remembered_for_two_years(client: Client, settings: Any, db: None) -> None:
    settings.SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    response = client.get("/accounts/login/", secure=True)
    assert response["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_login_page_may_be_kept_by_nobody_else(client: Client, db: None) -> None:
    """It carries a token; allauth forbids to keep it, and the panel does not undo that."""
    assert "no-store" in client.get(reverse(settings.LOGIN_URL))["Cache-Control"]


@pytest.mark.req("X19")
@pytest.mark.urls("tests.test_urls")
def test_error_page_tells_nothing_of_the_machine(viewer: User, client_of: ClientOf) -> None:
    client = client_of(viewer)
    client.raise_request_exception = False
    page = client.get("/broken/").content.decode()
    assert "Something went wrong in the panel" in page
    for leak in ("secret of the machine", "RuntimeError", "Traceback", "/site-packages/", "Django"):
        assert leak not in page
