from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import httpcore
import pytest

from servers.leaseweb.wire import Call, TooLateError, _Backend, running
from tests.servers.leaseweb.wire import RawServer, dead_port, saying

Wire = Callable[..., RawServer]


def call_with(head: bytes) -> Call:
    call = Call(deadline=0)
    call.note_bytes(head)
    return call


@pytest.mark.req("G2")
@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 202", None),
        (b"HTTP/1.1 202 Accepted", None),
        (b"HTTP/1.1 202 Accepted\r", None),
        (b"HTTP/1.1 202 Accepted\r\n", 202),
        (b"HTTP/1.1 202 Accepted\n", 202),
        (b"HTTP/1.0 204\r\n", 204),
        (b"HTTP/1.1 202 \r\n", 202),
        (b"HTTP/1.1 2020 Accepted\r\n", None),
        (b"HTTP/1.1 020 Accepted\r\n", None),
        (b"HTTP/2 202 Accepted\r\n", None),
        (b"\r\nHTTP/1.1 202 Accepted\r\n", None),
        (b"xHTTP/1.1 202 Accepted\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n", 202),
        (b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 500 Oh\r\n", 500),
        (b"HTTP/1.1 102 P\r\nX: HTTP/1.1 202 Accepted\r\n", None),
        (b"HTTP/1.1 102 P\r\nHTTP/1.1 202 Accepted\r\n", None),
    ],
)
def test_status_on_wire_needs_a_whole_final_status_line(head: bytes, status: int | None) -> None:
    assert call_with(head).status_on_wire() == status


def test_call_keeps_only_the_beginning_of_the_answer() -> None:
    call = call_with(b"a" * 5000)
    call.note_bytes(b"b" * 5000)
    call.note_bytes(b"c")
    assert call.head == b"a" * 5000 + b"b" * 3192
    assert "aaa" not in repr(call)


@pytest.mark.req("G2")
def test_call_is_not_started_when_it_is_too_late() -> None:
    call = Call(deadline=0, start_by=time.monotonic() - 1)
    call.trace("connection.connect_tcp.started", {})
    with pytest.raises(TooLateError):
        call.trace("http11.send_request_headers.started", {})
    assert (call.events, call.started) == (2, False)


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name with two addresses; the servers of these tests listen on the second only."""
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        hosts = ["127.0.0.2", "127.0.0.1"] if host == "two.example" else [host]
        return [entry for each in hosts for entry in real(each, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return "two.example"


def test_connecting_tries_all_addresses_of_a_name(wire: Wire, two_addresses: str) -> None:
    server = wire(saying(b""))
    _Backend().connect_tcp(two_addresses, server.port, timeout=60).close()
    assert server.requests_when_ended(1) == []


def test_connecting_fails_as_the_last_address_did(two_addresses: str) -> None:
    with pytest.raises(httpcore.ConnectError, match="refused"):
        _Backend().connect_tcp(two_addresses, dead_port(), timeout=60)


def test_connecting_gives_all_addresses_together_the_timeout() -> None:
    with pytest.raises(httpcore.ConnectTimeout):
        _Backend().connect_tcp("127.0.0.1", dead_port(), timeout=0.0)


def test_connecting_ends_with_the_time_of_the_call(wire: Wire) -> None:
    server = wire(saying(b""))
    with running(Call(deadline=time.monotonic() - 1)), pytest.raises(httpcore.ConnectTimeout):
        _Backend().connect_tcp("127.0.0.1", server.port, timeout=60)
    assert not server.accepted


def test_a_name_that_no_lookup_accepts_is_a_connect_error() -> None:
    with pytest.raises(httpcore.ConnectError):
        _Backend().connect_tcp("a" * 64, 80, timeout=60)
