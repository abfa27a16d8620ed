"""Mutating calls over a real socket: what is certain afterwards (G2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from servers.leaseweb import (
    AuthError,
    BadAnswer,
    Client,
    CredentialType,
    Forbidden,
    LeasewebError,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    Secret,
    SendOutcome,
    Sent,
    Timeouts,
    Unavailable,
    Unreachable,
)
from tests.servers.leaseweb import samples
from tests.servers.leaseweb.wire import (
    CORRELATION,
    Connection,
    RawServer,
    Script,
    answer,
    dead_port,
    replying,
    saying,
)

Wire = Callable[..., RawServer]
Connect = Callable[..., Client]


STATUS_503 = {
    "errorCode": "TEMPORARILY_UNAVAILABLE",
    "errorMessage": "Maintenance.",
    "correlationId": "in-body",
}


def sent_to(wire: Wire, connect: Connect, script: Script, **options: Any) -> Sent:
    """What comes of one reboot at a server that plays this script."""
    return connect(wire(script), **options).reboot("222903")


@pytest.mark.req("G2")
@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 202 Accepted\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Ty",
        b"HTTP/1.1 202 Accepted\r\nbad header\r\n\r\n",
        b"HTTP/1.1 202\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Le",
        answer(202, samples.job())[:-10],
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        answer(202, b"<html>"),
        answer(202, b"[" * 10_000),
        answer(202, b'{"id": ' + b"9" * 5000 + b"}"),
        answer(202, b"x" * (5 * 1024 * 1024 + 1)),
    ],
)
def test_a_2xx_whose_body_cannot_be_read_leaves_it_open(wire: Wire, connect: Connect, raw: bytes) -> None:
    sent = sent_to(wire, connect, saying(raw))
    assert (sent.outcome, sent.status, sent.job) == (SendOutcome.AMBIGUOUS, 202, None)
    assert sent.reason == "not_as_promised"


@pytest.mark.req("G2")
def test_a_2xx_whose_body_is_reset_dripped_or_endless_leaves_it_open(wire: Wire, connect: Connect) -> None:
    def reset(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\n{")
        connection.reset()

    def drip(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5000\r\n\r\n")
        connection.drip(b"x" * 5000, 0.02)

    def flood(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 202 Accepted\r\n\r\n", *[b"x" * 65536] * 1024)

    for script, limits in ((reset, Timeouts()), (drip, Timeouts(total=1.5)), (flood, Timeouts())):
        sent = sent_to(wire, connect, script, timeout=limits)
        assert (sent.outcome, sent.reason) == (SendOutcome.AMBIGUOUS, "not_as_promised")


ACT: Callable[[Client], Sent] = lambda client: client.reboot("222903")  # noqa: E731
RENAME: Callable[[Client], Sent] = lambda client: client.update_reference("222903", reference="x")  # noqa: E731
STORE: Callable[[Client], Sent] = lambda client: client.store_credential(  # noqa: E731
    "222903", kind=CredentialType.OPERATING_SYSTEM, username="root", password=Secret("p")
)
PAGE = b"<html>Back soon.</html>"


@pytest.mark.req("G2")
@pytest.mark.req("G3")
@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        (ACT, 202, b""),
        (ACT, 202, b"{}"),
        (ACT, 202, b"[]"),
        (ACT, 202, {"name": "no id"}),
        (ACT, 202, b'"text"'),
        (ACT, 200, PAGE),
        (ACT, 200, samples.job()),
        (ACT, 204, b""),
        (RENAME, 200, PAGE),
        (RENAME, 200, {}),
        (RENAME, 200, samples.server(id="1")),
        (RENAME, 202, samples.server()),
        (RENAME, 204, b""),
        (STORE, 200, PAGE),
        (STORE, 200, b""),
        (STORE, 202, samples.job()),
    ],
)
def test_only_what_the_operation_promises_is_acceptance(
    wire: Wire, connect: Connect, call: Callable[[Client], Sent], status: int, body: Any
) -> None:
    sent = call(connect(wire(replying(status, body, headers=CORRELATION))))
    assert (sent.outcome, sent.status, sent.reason) == (SendOutcome.AMBIGUOUS, status, "not_as_promised")
    assert (sent.job, sent.server) == (None, None)
    assert sent.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]


def test_a_receipt_is_read_tolerantly(wire: Wire, connect: Connect) -> None:
    sent = sent_to(wire, connect, replying(202, {"id": 7, "more": [1], "status": "COMPLETED"}))
    assert (sent.outcome, sent.job and sent.job.id) == (SendOutcome.ACCEPTED, "7")


@pytest.mark.req("G2")
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, AuthError),
        (403, Forbidden),
        (404, NotFound),
        (405, Refused),
        (409, Refused),
        (422, Refused),
    ],
)
@pytest.mark.parametrize("body", [{"errorCode": "E1", "userMessage": "No."}, b"", b"<html>"])
def test_refusals_are_refused_whatever_the_body(
    wire: Wire, connect: Connect, status: int, kind: type[LeasewebError], body: Any
) -> None:
    sent = sent_to(wire, connect, replying(status, body, headers=CORRELATION))
    assert (sent.outcome, sent.status, sent.reason) == (SendOutcome.REFUSED, status, "refused")
    assert type(sent.error) is kind
    assert sent.error.message == ("No." if isinstance(body, dict) else "")
    assert sent.error.correlation_id == sent.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]


def test_a_refusal_stays_one_when_its_body_is_cut(wire: Wire, connect: Connect) -> None:
    sent = sent_to(wire, connect, saying(answer(404, {"errorCode": 404, "userMessage": "Gone."})[:-10]))
    assert (sent.outcome, sent.status) == (SendOutcome.REFUSED, 404)


@pytest.mark.req("G2")
@pytest.mark.parametrize(
    ("header", "seconds"), [("12", 12.0), ("86400", 600.0), (None, None), ("soon", None)]
)
def test_429_is_proof_of_not_sent(
    wire: Wire, connect: Connect, header: str | None, seconds: float | None
) -> None:
    headers = {"Retry-After": header} if header else {}
    sent = sent_to(wire, connect, replying(429, b"whatever", headers=headers))
    assert (sent.outcome, sent.status, sent.reason) == (SendOutcome.NOT_SENT, 429, "rate_limited")
    assert sent.retry_after == seconds
    assert isinstance(sent.error, RateLimited)


@pytest.mark.req("G2")
def test_the_documented_503_is_proof_of_not_sent_while_it_is_trusted(wire: Wire, connect: Connect) -> None:
    script = replying(503, STATUS_503, headers={"Retry-After": "30"})
    sent = sent_to(wire, connect, script)
    assert (sent.outcome, sent.status, sent.reason) == (SendOutcome.NOT_SENT, 503, "temporarily_unavailable")
    assert (sent.retry_after, sent.correlation_id) == (30.0, "in-body")
    distrusted = sent_to(wire, connect, script, trust_503=False)
    assert (distrusted.outcome, distrusted.reason) == (SendOutcome.AMBIGUOUS, "bad_status")


@pytest.mark.req("G2")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b""),
        (503, b"<html>TEMPORARILY_UNAVAILABLE</html>"),
        (503, {"errorCode": "SERVER_ERROR"}),
        (503, [STATUS_503]),
        (503, json.dumps(STATUS_503).encode()[:-3]),
        (500, STATUS_503),
        (500, {"errorCode": "SERVER_ERROR"}),
        (502, b"<html>"),
        (504, b"<html>"),
        (301, b""),
        (302, b""),
        (307, b""),
        (402, b""),
        (408, b""),
        (410, b""),
        (425, b""),
        (499, b""),
        (600, b""),
    ],
)
def test_other_statuses_are_ambiguous(wire: Wire, connect: Connect, status: int, body: Any) -> None:
    elsewhere = wire(replying(202, samples.job()))
    script = replying(status, body, headers={"Location": elsewhere.url})
    sent = sent_to(wire, connect, script)
    assert (sent.outcome, sent.status, sent.reason) == (SendOutcome.AMBIGUOUS, status, "bad_status")
    assert isinstance(sent.error, Unavailable if 500 <= status < 600 else BadAnswer)
    assert not elsewhere.accepted


@pytest.mark.req("G2")
def test_failures_after_the_first_byte_are_ambiguous(wire: Wire, connect: Connect) -> None:
    def half_a_status(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 20")
        connection.reset()

    scripts: dict[str, tuple[Script, str]] = {
        "reset": (Connection.reset, "reset"),
        "closed": (saying(b""), "reset"),
        "half a status line": (half_a_status, "reset"),
        "status line without its end": (saying(b"HTTP/1.1 202 Accepted"), "reset"),
        "refusal cut in its headers": (saying(b"HTTP/1.1 404 Not Found\r\nConte"), "reset"),
        "429 cut in its headers": (saying(b"HTTP/1.1 429 Slow\r\nConte"), "reset"),
        "1xx only": (saying(b"HTTP/1.1 102 Processing\r\n\r\n"), "reset"),
        "1xx with a trap": (saying(b"HTTP/1.1 102 Processing\r\nX: HTTP/1.1 202 OK\r\n"), "reset"),
        "not http": (saying(b"SSH-2.0-OpenSSH\r\n\r\n\r\n"), "protocol_error"),
        "an upgrade nobody asked for": (saying(answer(101, headers={"Upgrade": "x"})), "protocol_error"),
        "http 2": (saying(b"HTTP/2 202 Accepted\r\n\r\n"), "protocol_error"),
        "garbage": (saying(bytes(range(256)) * 10), "protocol_error"),
    }
    for label, (script, reason) in scripts.items():
        sent = sent_to(wire, connect, script)
        assert (label, sent.outcome, sent.reason) == (label, SendOutcome.AMBIGUOUS, reason)
        assert isinstance(sent.error, NoAnswer | BadAnswer)
        assert (sent.status, sent.job) == (None, None)


@pytest.mark.req("G2")
def test_silence_is_ambiguous_after_the_read_timeout(wire: Wire, connect: Connect) -> None:
    sent = sent_to(wire, connect, Connection.hold, timeout=Timeouts(read=0.2))
    assert (sent.outcome, sent.reason) == (SendOutcome.AMBIGUOUS, "read_timeout")


@pytest.mark.req("G2")
def test_a_drip_is_ambiguous_after_the_time_of_the_whole_call(wire: Wire, connect: Connect) -> None:
    def drip(connection: Connection) -> None:
        connection.drip(b"HTTP/1.1 2" * 1000, 0.02)

    sent = sent_to(wire, connect, drip, timeout=Timeouts(read=30, total=1.0))
    assert (sent.outcome, sent.reason) == (SendOutcome.AMBIGUOUS, "read_timeout")


@pytest.mark.req("G2")
def test_a_body_that_cannot_be_written_is_ambiguous(wire: Wire, connect: Connect) -> None:
    """The server reads nothing, so 64 MB do not fit into the buffers of the connection."""
    client = connect(wire(saying(b""), deaf=True), timeout=Timeouts(write=0.3))
    sent = client.update_reference("1", reference="x" * 64_000_000)
    assert (sent.outcome, sent.reason) == (SendOutcome.AMBIGUOUS, "write_failed")


@pytest.mark.req("G2")
def test_no_connection_is_proof_of_not_sent(connect: Connect) -> None:
    sent = connect(f"http://127.0.0.1:{dead_port()}/cloud/v2").reboot("1")
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "connect_failed")
    assert isinstance(sent.error, Unreachable)
    assert (sent.status, sent.correlation_id) == (None, "")


@pytest.mark.req("G2")
def test_a_name_that_does_not_exist_is_proof_of_not_sent(connect: Connect) -> None:
    sent = connect("https://panel-test.invalid/cloud/v2").reboot("1")
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "dns_failed")


class Untraced(httpx.BaseTransport):
    """A transport that says nothing about how far it got."""

    def __init__(self, outcome: int | Exception) -> None:
        self.outcome = outcome
        self.closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return httpx.Response(self.outcome, stream=httpx.ByteStream(json.dumps(samples.job()).encode()))

    def close(self) -> None:
        self.closed = True


@pytest.mark.req("G2")
@pytest.mark.parametrize("exc", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.ReadError("x")])
def test_without_a_trace_a_failure_is_ambiguous(connect: Connect, exc: Exception) -> None:
    sent = connect("https://api.example/cloud/v2", transport=Untraced(exc)).reboot("1")
    assert (sent.outcome, sent.reason) == (SendOutcome.AMBIGUOUS, "no_trace")


def test_without_a_trace_a_proper_status_still_counts(connect: Connect) -> None:
    outcomes = {}
    for status in (202, 404, 429, 500):
        transport = Untraced(status)
        outcomes[status] = connect("https://api.example/cloud/v2", transport=transport).reboot("1").outcome
        assert not transport.closed
    assert outcomes == {
        202: SendOutcome.ACCEPTED,
        404: SendOutcome.REFUSED,
        429: SendOutcome.NOT_SENT,
        500: SendOutcome.AMBIGUOUS,
    }
