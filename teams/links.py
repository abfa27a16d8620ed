"""URLs of rows, reversed once a page instead of once a row, and of the page that somebody has open."""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def row_link(name: str, team: str, *rest: str) -> Callable[[int], str]:
    """The URL called `name` as a function of the row's id, which stands between the team's slug and `rest`."""
    start, _, end = reverse(name, args=(team, 0, *rest)).rpartition("/0/")
    return lambda pk: f"{start}/{pk}/{end}"


def open_page(request: HttpRequest, otherwise: str = "/") -> str:
    """Where somebody stands who sends this request, as a path of this panel: never an address elsewhere (X16).

    Of a form or a fragment that is the page it stands on, which the browser or htmx names; the address that is asked
    may show nothing by itself. Who names no page of this panel is led to `otherwise`.
    """
    in_place = "HX-Request" in request.headers
    if request.method in ("GET", "HEAD") and not in_place:
        return request.get_full_path()
    came_from = request.headers.get("HX-Current-URL" if in_place else "Referer", "")
    if not url_has_allowed_host_and_scheme(
        came_from, {request.get_host()}, require_https=request.is_secure()
    ):
        return otherwise
    parts = urlsplit(came_from)
    return urlunsplit(("", "", f"/{parts.path.lstrip('/')}", parts.query, ""))
