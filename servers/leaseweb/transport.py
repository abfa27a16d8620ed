"""One HTTP call: `read` for what may be repeated, `send` for what may not.

`send` is the only function of the package through which anything is changed at Leaseweb, and
`build_request` the only one in which the API key is in the clear (K4).
"""

from __future__ import annotations

import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from servers.leaseweb.body import TooLargeError, collect, parse, unusable
from servers.leaseweb.errors import AuthError, LeasewebError, Unreachable
from servers.leaseweb.failures import (
    NETWORK_FAILURES,
    correlation_id,
    for_exception,
    for_status,
    is_documented_refusal,
    retry_after,
)
from servers.leaseweb.secret import Secret
from servers.leaseweb.types import SendOutcome, Sent
from servers.leaseweb.wire import STATUS_LINE, Call, Observer, TooLateError, WireTransport, running

CORRELATION_HEADER = "APIGW-CORRELATION-ID"
T = TypeVar("T")
REFUSED_STATUSES = frozenset({400, 401, 403, 404, 405, 409, 422})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: per connection attempt, read and write; `total` of a call; `walk` of all pages of a list."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 5.0
    total: float = 45.0
    walk: float = 300.0


@dataclass(frozen=True, slots=True)
class Channel:
    """What every call of one client has in common.

    `trust_503` says whether Leaseweb's documented 503 body proves that a request was not carried out.
    """

    key: Secret
    base_url: str
    tls: ssl.SSLContext
    timeouts: Timeouts = field(default_factory=Timeouts)
    observer: Observer | None = None
    transport: httpx.BaseTransport | None = None
    trust_503: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose status came. `content` is parsed JSON; None without one, or when `problem` says what is wrong.

    `retry_after` is in seconds.
    """

    status: int
    content: Any = field(default=None, repr=False)
    problem: LeasewebError | None = None
    correlation_id: str = ""
    retry_after: float | None = None

    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def error(self) -> LeasewebError:
        """The error this status stands for."""
        return for_status(
            self.status, self.content, correlation_id=self.correlation_id, retry_after=self.retry_after
        )


@dataclass(frozen=True, slots=True)
class Promise(Generic[T]):
    """How the API says that it accepts a call: this status, and a body in which `read` finds what was promised.

    `read` gets the parsed body, None without one, and gives None for a body that was not promised. A page of a
    gateway has a 2xx status as well; only what the operation documents is taken for Leaseweb's word.
    """

    status: int
    read: Callable[[Any], T | None]

    def found_in(self, answer: Answer) -> T | None:
        kept = answer.status == self.status and answer.problem is None
        return self.read(answer.content) if kept else None


@dataclass(frozen=True, slots=True)
class Delivery(Generic[T]):
    """What came of a send, with what was read from the body of an accepted one."""

    sent: Sent
    found: T | None = field(default=None, repr=False)


def build_request(
    channel: Channel,
    call: Call,
    method: str,
    path: str,
    *,
    payload: Mapping[str, str | Secret] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Request | None:
    """The request, or None when the key cannot be put into a header. Secrets in `payload` become JSON strings.

    Secrets are in the clear here and nowhere else. A key with a line break must not get further: the HTTP
    library would quote it whole in its complaint.
    """
    if not channel.key.fits_header():
        return None
    content = None
    all_headers = {
        "X-LSW-Auth": channel.key.reveal(),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "lswpanel",
        **(headers or {}),
    }
    if payload is not None:
        plain = {name: part.reveal() if isinstance(part, Secret) else part for name, part in payload.items()}
        content = json.dumps(plain).encode("ascii")
        all_headers["Content-Type"] = "application/json"
    url, extensions = channel.base_url + path, {"timeout": _timeouts(channel.timeouts), "trace": call.trace}
    return httpx.Request(method, url, headers=all_headers, content=content, extensions=extensions)


def _timeouts(limits: Timeouts) -> dict[str, float]:
    return {
        "connect": limits.connect,
        "read": limits.read,
        "write": limits.write,
        "pool": limits.connect,
    }


def read(channel: Channel, transport: httpx.BaseTransport, path: str) -> Answer:
    """The answer to one GET, which has a 2xx status and usable JSON. Raises the LeasewebError that fits otherwise.

    Never repeats the call and never follows a redirect. `path` comes from `addresses`, with its query.
    """
    call = Call(deadline=time.monotonic() + channel.timeouts.total)
    request = build_request(channel, call, "GET", path)
    if request is None:
        raise AuthError(code="bad_key")
    answer, error = _exchange(transport, request, call)
    if answer is not None and not answer.is_success():
        error = answer.error().hiding(channel.key)
    elif answer is not None and (answer.problem or answer.content is None):
        error = answer.problem or unusable("not_json", status=answer.status)
        error.correlation_id = answer.correlation_id
    if answer is None or error is not None:
        raise error or unusable("not_json")
    return answer


def send(
    channel: Channel,
    method: str,
    path: str,
    *,
    promise: Promise[T],
    payload: Mapping[str, str | Secret] | None = None,
    start_by: float | None = None,
) -> Delivery[T]:
    """Make one POST, PUT or DELETE on a connection of its own and say what is certain about it (G2).

    A kept connection may be closed by the other side at the very moment it is used, which cannot be told
    from a request that arrived; hence the fresh one. The proof that nothing was sent is a trace of the
    connection in which writing the request never began. A refusal is judged by its status alone, even if its
    body is cut or too large; acceptance is what `promise` says, and any other 2xx leaves it open.

    `path` comes from `addresses`; no `payload` sends no body. After `start_by`, a reading of
    `time.monotonic()`, the first byte must not leave any more.
    """
    call = Call(time.monotonic() + channel.timeouts.total, start_by, channel.observer)
    own_id = str(uuid.uuid4())
    headers = {"Connection": "close", CORRELATION_HEADER: own_id}
    request = build_request(channel, call, method, path, payload=payload, headers=headers)
    if request is None:
        return Delivery(Sent(SendOutcome.NOT_SENT, error=AuthError(code="bad_key"), reason="bad_key"))
    answer, failure = _exchange_alone(channel, request, call)
    if answer is None:
        return Delivery(_unanswered(call, failure, own_id))
    found = promise.found_in(answer)
    verdict = _verdict(answer, accepted=found is not None, trust_503=channel.trust_503)
    return Delivery(_judged(answer, own_id, verdict, (channel.key, *(payload or {}).values())), found)


def _exchange_alone(
    channel: Channel, request: httpx.Request, call: Call
) -> tuple[Answer | None, LeasewebError | None]:
    """Do the exchange on a connection that is opened for it and closed after it."""
    if channel.transport is not None:
        return _exchange(channel.transport, request, call)
    with closing(WireTransport(channel.tls, keep_alive=0)) as transport:
        return _exchange(transport, request, call)


def _exchange(
    transport: httpx.BaseTransport, request: httpx.Request, call: Call
) -> tuple[Answer | None, LeasewebError | None]:
    """Send the request: the answer as soon as its status came, else the error. Raises neither.

    The transport is used directly: a whole `httpx.Client` would keep cookies and look into redirects.
    """
    with running(call):
        try:
            response = transport.handle_request(request)
        except TooLateError:
            return None, Unreachable(code="too_late")
        except NETWORK_FAILURES as exc:
            if call.observer_failed:
                raise
            return None, for_exception(exc)
        with closing(response):
            call.tell(STATUS_LINE)
            return _taken(response, call), None


def _taken(response: httpx.Response, call: Call) -> Answer:
    """The answer with its body read; a body that is broken, cut or too large becomes its problem."""
    raw, problem = b"", None
    try:
        raw = collect(_chunks(response, call))
    except TooLargeError:
        problem = "too_large"
    except NETWORK_FAILURES as exc:
        failure = for_exception(exc)
        return _answer(response, None, failure)
    content, complaint = parse(raw) if raw.strip() else (None, "")
    problem = problem or complaint
    return _answer(response, content, unusable(problem, status=response.status_code) if problem else None)


def _chunks(response: httpx.Response, call: Call) -> Iterator[bytes]:
    """Yield the body as it is on the wire: nothing is unpacked, since identity encoding was asked for."""
    for chunk in response.iter_raw():
        if call.remaining() <= 0:
            raise httpx.ReadTimeout("the time for the whole call is over")
        yield chunk


def _answer(response: httpx.Response, content: Any, problem: LeasewebError | None) -> Answer:
    return Answer(
        status=response.status_code,
        content=content,
        problem=problem,
        correlation_id=correlation_id(response.headers.get(CORRELATION_HEADER), content),
        retry_after=retry_after(response.headers.get("Retry-After")),
    )


def _judged(
    answer: Answer, own_id: str, verdict: tuple[SendOutcome, str], sent: tuple[str | Secret, ...]
) -> Sent:
    outcome, reason = verdict
    secrets = [part for part in sent if isinstance(part, Secret)]
    accepted = outcome is SendOutcome.ACCEPTED
    return Sent(
        outcome,
        status=answer.status,
        error=None if accepted else answer.error().hiding(*secrets),
        correlation_id=answer.correlation_id or own_id,
        retry_after=answer.retry_after,
        reason=reason,
    )


def _verdict(answer: Answer, *, accepted: bool, trust_503: bool) -> tuple[SendOutcome, str]:
    if accepted:
        return SendOutcome.ACCEPTED, "accepted"
    if answer.is_success():
        return SendOutcome.AMBIGUOUS, "not_as_promised"
    if answer.status == 429:
        return SendOutcome.NOT_SENT, "rate_limited"
    if trust_503 and is_documented_refusal(answer.status, answer.content):
        return SendOutcome.NOT_SENT, "temporarily_unavailable"
    if answer.status in REFUSED_STATUSES:
        return SendOutcome.REFUSED, "refused"
    return SendOutcome.AMBIGUOUS, "bad_status"


def _unanswered(call: Call, failure: LeasewebError | None, own_id: str) -> Sent:
    """Judge a call without an answer by how far it got."""
    status, code = call.status_on_wire(), failure.code if failure else ""
    if status is not None and 200 <= status < 300:
        return Sent(
            SendOutcome.AMBIGUOUS,
            status=status,
            error=failure,
            correlation_id=own_id,
            reason="not_as_promised",
        )
    if call.started:
        return Sent(SendOutcome.AMBIGUOUS, error=failure, correlation_id=own_id, reason=code)
    if call.events:
        return Sent(SendOutcome.NOT_SENT, error=failure, reason=code)
    return Sent(SendOutcome.AMBIGUOUS, error=failure, correlation_id=own_id, reason="no_trace")
