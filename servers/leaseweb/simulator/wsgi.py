"""The API as a WSGI application, for plain reads without a socket."""

from collections.abc import Callable, Iterable
from typing import Any

from .answers import CORRELATION_HEADER
from .api import Api, Head
from .faults import Fault

NEED_A_SOCKET = {
    Fault.RESET_BEFORE_READ,
    Fault.RESET_AFTER_EXECUTE,
    Fault.CLOSE_AFTER_EXECUTE,
    Fault.HALF_BODY,
    Fault.SLOW_DRIP,
    Fault.HUGE_BODY,
    Fault.DELAY,
    Fault.DELAY_EXECUTION,
}


class Wsgi:
    """Faults that happen on the connection cannot be shown here and raise RuntimeError."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange = self._api.open(_head(environ))
        if exchange.fault in NEED_A_SOCKET:
            raise RuntimeError(f"The fault {exchange.fault} needs a socket.")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self._api.answer(exchange, body)
        headers = list(answer.headers.items())
        if answer.content_type:
            headers.append(("Content-Type", answer.content_type))
        start_response(f"{answer.status} ", headers)
        return [answer.body]


def _head(environ: dict[str, Any]) -> Head:
    """WSGI hands out a decoded path; it is taken as it is, so an encoded slash is beyond this door."""
    header = "HTTP_" + CORRELATION_HEADER.replace("-", "_")
    return Head(
        method=environ["REQUEST_METHOD"],
        path=environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"],
        query=environ.get("QUERY_STRING", ""),
        key=environ.get("HTTP_X_LSW_AUTH"),
        correlation_id=environ.get(header),
    )
