"""Reads over a real socket: what every kind of refusal and failure becomes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from servers.leaseweb import (
    AuthError,
    BadAnswer,
    Client,
    Forbidden,
    LeasewebError,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
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


def failure_of(wire: Wire, connect: Connect, script: Script, **options: Any) -> LeasewebError:
    """The error of reading one server from a server that plays this script."""
    client = connect(wire(script), **options)
    with pytest.raises(LeasewebError) as caught:
        client.get_server("222903")
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (401, b"", AuthError, "http_401", ""),
        (401, {"errorCode": "401", "errorMessage": "Not you."}, AuthError, "401", "Not you."),
        (403, {"errorCode": "ACCESS_DENIED", "errorMessage": "Expired."}, Forbidden, "ACCESS_DENIED", "Expired."),
        (404, {"errorCode": 404, "userMessage": "Not found."}, NotFound, "404", "Not found."),
        (400, {"errorCode": "400", "errorMessage": "Validation Failed"}, Refused, "400", "Validation Failed"),
        (405, b"", Refused, "http_405", ""),
        (409, b"", Refused, "http_409", ""),
        (422, b"", Refused, "http_422", ""),
        (429, b"slow down", RateLimited, "http_429", ""),
        (500, {"errorCode": "SERVER_ERROR", "errorMessage": "Oh."}, Unavailable, "SERVER_ERROR", "Oh."),
        (502, b"<html><h1>Bad Gateway</h1></html>", Unavailable, "http_502", ""),
        (504, b"<html>" + b"x" * 9000 + b"</html>", Unavailable, "http_504", ""),
        (418, b"{}", BadAnswer, "http_418", ""),
    ],
)  # fmt: skip
def test_refusals_become_errors(
    wire: Wire, connect: Connect, status: int, body: Any, kind: type[LeasewebError], code: str, message: str
) -> None:
    error = failure_of(wire, connect, replying(status, body, headers=CORRELATION))
    assert type(error) is kind
    assert (error.status, error.code, error.message) == (status, code, message)
    assert error.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]
    assert (error.__cause__, error.__context__) == (None, None)


def test_refusal_carries_the_correlation_id_of_the_body_and_the_wait(wire: Wire, connect: Connect) -> None:
    script = replying(429, {"correlationId": "from-body"}, headers={"Retry-After": "7"})
    error = failure_of(wire, connect, script)
    assert (error.correlation_id, error.retry_after) == ("from-body", 7.0)


@pytest.mark.req("X10")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(wire: Wire, connect: Connect, status: int) -> None:
    elsewhere = wire(replying(200, samples.server()))
    error = failure_of(
        wire, connect, replying(status, headers={"Location": f"{elsewhere.url}/virtualServers/1"})
    )
    assert (type(error), error.code) == (BadAnswer, "redirect")
    assert not elsewhere.accepted


@pytest.mark.req("X13")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"   ", "not_json"),
        (b"null", "not_json"),
        (b"<html></html>", "not_json"),
        (b'{"id": "222903"', "not_json"),
        (b'{"id": "222903", "x": NaN}', "not_json"),
        (b'{"id": "222903", "x": ' + b"9" * 5000 + b"}", "not_json"),
        (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep"),
        (b'{"id": "222903", "x": "' + b"x" * (5 * 1024 * 1024) + b'"}', "too_large"),
        (b"[]", "wrong_shape"),
        (b'"text"', "wrong_shape"),
        (b'{"reference": "no id"}', "wrong_shape"),
        (gzip.compress(b'{"id": "222903"}'), "not_json"),
    ],
)
def test_bodies_that_cannot_be_used_are_bad_answers(
    wire: Wire, connect: Connect, body: bytes, code: str
) -> None:
    error = failure_of(wire, connect, replying(200, body, headers=CORRELATION))
    assert (type(error), error.code, error.status) == (BadAnswer, code, 200)
    assert error.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.req("X13")
def test_a_body_without_end_is_left_after_five_mebibytes(wire: Wire, connect: Connect) -> None:
    sent: list[int] = []

    def flood(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1024):
            connection.send(b"x" * 65536)
            sent.append(65536)

    error = failure_of(wire, connect, flood)
    assert (type(error), error.code) == (BadAnswer, "too_large")
    assert sum(sent) < 32 * 1024 * 1024


def test_a_body_packed_against_our_wish_is_not_unpacked(wire: Wire, connect: Connect) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    error = failure_of(wire, connect, replying(200, bomb, headers={"Content-Encoding": "gzip"}))
    assert (type(error), error.code) == (BadAnswer, "not_json")


def reset_in_the_head(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 O")
    connection.reset()


def test_errors_below_http_become_no_answer(wire: Wire, connect: Connect) -> None:
    half = answer(200, samples.server())[:-20]
    scripts: dict[str, Script] = {
        "reset at once": Connection.reset,
        "closed at once": saying(b""),
        "reset in the head": reset_in_the_head,
        "cut in the head": saying(b"HTTP/1.1 200 OK\r\nContent-Ty"),
        "cut in the body": saying(half),
        "1xx only": saying(b"HTTP/1.1 100 Continue\r\n\r\n"),
    }
    for script in scripts.values():
        error = failure_of(wire, connect, script)
        assert (type(error), error.code) == (NoAnswer, "reset")
        assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"\x15\x03\x01",
    ],
)
def test_what_is_not_http_is_a_bad_answer(wire: Wire, connect: Connect, raw: bytes) -> None:
    error = failure_of(wire, connect, saying(raw + b"\r\n" * 3))
    assert (type(error), error.code) == (BadAnswer, "protocol_error")


def test_silence_ends_with_the_read_timeout(wire: Wire, connect: Connect) -> None:
    error = failure_of(wire, connect, Connection.hold, timeout=Timeouts(read=0.2))
    assert (type(error), error.code) == (NoAnswer, "read_timeout")


@pytest.mark.req("X13")
def test_silence_ends_with_the_time_of_the_whole_call(wire: Wire, connect: Connect) -> None:
    error = failure_of(wire, connect, Connection.hold, timeout=Timeouts(read=60, total=1.0))
    assert (type(error), error.code) == (NoAnswer, "read_timeout")


@pytest.mark.req("X13")
@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["in the head", "in the body"]
)
def test_a_slow_drip_ends_with_the_time_of_the_whole_call(wire: Wire, connect: Connect, head: bytes) -> None:
    def drip(connection: Connection) -> None:
        connection.send(head)
        connection.drip(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 10_000, 0.02)

    error = failure_of(wire, connect, drip, timeout=Timeouts(read=30, total=1.0))
    assert (type(error), error.code) == (NoAnswer, "read_timeout")


def test_a_flood_of_interim_answers_ends_with_the_time_of_the_whole_call(
    wire: Wire, connect: Connect
) -> None:
    def flood(connection: Connection) -> None:
        while not connection.server.over.is_set():
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")

    error = failure_of(wire, connect, flood, timeout=Timeouts(read=30, total=1.0))
    assert (type(error), error.code) == (NoAnswer, "read_timeout")


def test_no_connection_is_unreachable(connect: Connect) -> None:
    client = connect(f"http://127.0.0.1:{dead_port()}/cloud/v2")
    with pytest.raises(Unreachable) as caught:
        client.get_server("1")
    assert caught.value.code == "connect_failed"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_name_that_does_not_exist_is_unreachable(connect: Connect) -> None:
    with pytest.raises(Unreachable) as caught:
        connect("https://panel-test.invalid/cloud/v2").get_server("1")
    assert caught.value.code == "dns_failed"
    assert "name servers" in caught.value.plain
