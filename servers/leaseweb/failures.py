"""From statuses and exceptions to the errors of this package.

Nothing here raises what it makes: an error raised inside an `except` block would keep the library's
exception, and with it headers, as its context (K4).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from servers.leaseweb.errors import (
    AuthError,
    BadAnswer,
    Forbidden,
    LeasewebError,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
    Unreachable,
)
from servers.leaseweb.scalars import line, mapping, number, text

NETWORK_FAILURES = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, UnicodeError)

MAX_MESSAGE = 500
MAX_CODE = 100
MAX_FIELDS = 50
MAX_COMPLAINTS = 20
MAX_RETRY_AFTER = 600.0

_BY_STATUS: dict[int, type[LeasewebError]] = {
    400: Refused,
    401: AuthError,
    403: Forbidden,
    404: NotFound,
    405: Refused,
    409: Refused,
    422: Refused,
    429: RateLimited,
}
_DISCONNECTED = ("disconnected", "closed connection", "incomplete")


def for_status(
    status: int, content: Any, *, correlation_id: str = "", retry_after: float | None = None
) -> LeasewebError:
    """The error for a status that is not a success, with whatever the body tells about it.

    The body may be missing, HTML or JSON; `errorCode` a number or a string; `errorDetails` empty, flat
    or nested.
    """
    body = mapping(content)
    return _class_for(status)(
        line(body.get("userMessage"), MAX_MESSAGE) or line(body.get("errorMessage"), MAX_MESSAGE),
        code=_code_for(status, body),
        status=status,
        correlation_id=correlation_id,
        details=complaints(body.get("errorDetails")),
        retry_after=retry_after,
    )


def _class_for(status: int) -> type[LeasewebError]:
    return _BY_STATUS.get(status, Unavailable if 500 <= status < 600 else BadAnswer)


def _code_for(status: int, body: dict[str, Any]) -> str:
    if 300 <= status < 400:
        return "redirect"
    return line(body.get("errorCode"), MAX_CODE) or f"http_{status}"


def complaints(details: Any) -> dict[str, tuple[str, ...]]:
    """`errorDetails` as texts per field; the keys of nested objects are joined with dots."""
    found: dict[str, list[str]] = {}
    for field, complaint in _leaves(details, ""):
        if field in found or len(found) < MAX_FIELDS:
            found.setdefault(field, []).append(complaint)
    return {field: tuple(texts[:MAX_COMPLAINTS]) for field, texts in found.items()}


def _leaves(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, line(f"{field}.{key}" if field else key, MAX_CODE))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, field)
    elif complaint := line(value, MAX_MESSAGE):
        yield field, complaint


def for_exception(exc: Exception) -> LeasewebError:
    """The error for an exception of the HTTP library, without its text, which may quote headers."""
    if isinstance(exc, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Unreachable(code="connect_timeout")
    if isinstance(exc, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.InvalidURL):
        return Unreachable(code=_why_no_connection(exc))
    if isinstance(exc, httpx.ReadTimeout):
        return NoAnswer(code="read_timeout")
    if isinstance(exc, httpx.WriteTimeout | httpx.WriteError):
        return NoAnswer(code="write_failed")
    if isinstance(exc, httpx.RemoteProtocolError) and not any(word in str(exc) for word in _DISCONNECTED):
        return BadAnswer(code="protocol_error")
    if isinstance(exc, httpx.LocalProtocolError):
        return BadAnswer(code="protocol_error")
    return NoAnswer(code="reset")


def _why_no_connection(exc: BaseException) -> str:
    """One of `dns_failed`, `tls_failed` or `connect_failed`, from what lies under the exception."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, socket.gaierror | UnicodeError):
            return "dns_failed"
        if isinstance(cause, ssl.SSLError):
            return "tls_failed"
        cause = cause.__cause__ or cause.__context__
    return "connect_failed"


def retry_after(header: str | None) -> float | None:
    """The seconds that a `Retry-After` header asks for (a number or a date), between 0 and 600."""
    if not header or len(header) > 64:
        return None
    seconds = number(header)
    wanted = _seconds_until(header) if seconds is None else float(seconds)
    return None if wanted is None else min(max(wanted, 0.0), MAX_RETRY_AFTER)


def _seconds_until(date: str) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - time.time()


def correlation_id(header: str | None, content: Any) -> str:
    """The id that Leaseweb's support asks for: from the header, else from the body."""
    return line(header or "", MAX_CODE) or line(mapping(content).get("correlationId"), MAX_CODE)


def is_documented_refusal(status: int, content: Any) -> bool:
    """Whether this is the 503 of Leaseweb itself that says that nothing was taken on."""
    return status == 503 and text(mapping(content).get("errorCode"), MAX_CODE) == "TEMPORARILY_UNAVAILABLE"
