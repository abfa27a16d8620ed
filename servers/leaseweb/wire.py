"""Connections that keep a time limit, and the record of how far a call got.

httpx limits each single read, so a server that drips bytes could hold a call for ever. The connections here
also know when the whole call must be over, and they note what happened on the wire, since that decides
whether a request may be sent again (G2).
"""

from __future__ import annotations

import functools
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

Observer = Callable[[str], None]

BEFORE_FIRST_BYTE = "before_first_byte"
AFTER_LAST_BYTE = "after_last_byte"
STATUS_LINE = "status_line"

_HEAD_BYTES = 8192
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: [^\r\n]*)?\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class TooLateError(Exception):
    """The moment by which the first byte had to leave has passed; nothing was written."""


@dataclass(slots=True)
class Call:
    """How far one call got. `deadline` and `start_by` are readings of `time.monotonic()`.

    `events` counts trace events, `started` says that writing the request began, `head` holds the first
    bytes of the answer.
    """

    deadline: float
    start_by: float | None = None
    observer: Observer | None = None
    events: int = 0
    started: bool = False
    observer_failed: bool = False
    head: bytes = field(default=b"", repr=False)

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take a trace event of httpcore; `info` holds the request and is not looked at.

        Raises TooLateError, before anything is written, when the request would start later than `start_by`.
        """
        self.events += 1
        if event.endswith(".send_request_headers.started"):
            self.tell(BEFORE_FIRST_BYTE)
            if self.start_by is not None and time.monotonic() > self.start_by:
                raise TooLateError
            self.started = True
        elif event.endswith(".send_request_body.complete"):
            self.tell(AFTER_LAST_BYTE)

    def tell(self, label: str) -> None:
        """Tell the observer; what it raises goes through to the caller of the client."""
        if self.observer is None:
            return
        self.observer_failed = True
        self.observer(label)
        self.observer_failed = False

    def remaining(self) -> float:
        """Seconds left; may be negative."""
        return self.deadline - time.monotonic()

    def note_bytes(self, received: bytes) -> None:
        """Keep the beginning of the answer."""
        if len(self.head) < _HEAD_BYTES:
            self.head += received[: _HEAD_BYTES - len(self.head)]

    def status_on_wire(self) -> int | None:
        """The status of the last complete status line received, 1xx left aside; None when there was none.

        httpx reports a status only with all its headers; an answer that was cut inside them still had one.
        """
        position = 0
        while match := _STATUS_LINE.match(self.head, position):
            if int(match[1]) >= 200:
                return int(match[1])
            end = _END_OF_HEAD.search(self.head, match.start())
            if end is None:
                return None
            position = end.end()
        return None


_current: ContextVar[Call | None] = ContextVar("leaseweb_call", default=None)


@contextmanager
def running(call: Call) -> Iterator[None]:
    """Make this the call that the connections of this thread work for."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


def _limited(timeout: float | None, error: type[Exception]) -> float | None:
    """The smaller of this timeout and what is left of the call."""
    call = _current.get()
    if call is None:
        return timeout
    left = call.remaining()
    if left <= 0:
        raise error("the time for the whole call is over")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection that stops at the deadline of the running call."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        received = self._inner.read(max_bytes, _limited(timeout, httpcore.ReadTimeout))
        call = _current.get()
        if call is not None:
            call.note_bytes(received)
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _limited(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = _limited(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Opens connections. All addresses of a name together get the connect timeout, not each of them."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        limit = _limited(timeout, httpcore.ConnectTimeout)
        end = None if limit is None else time.monotonic() + limit
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in _look_up(host, port):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise httpcore.ConnectTimeout("no address answered in time")
            try:
                return _Stream(
                    self._inner.connect_tcp(address, port, left, local_address, socket_options=socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


def _look_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise httpcore.ConnectError("name lookup failed") from exc
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class WireTransport(httpx.HTTPTransport):
    """httpx's own transport over connections that keep the time limit: HTTP/1.1, no retries, no proxies."""

    def __init__(self, tls: ssl.SSLContext, *, keep_alive: int) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=keep_alive,
            keepalive_expiry=5.0,
            http1=True,
            http2=False,
            retries=0,
            network_backend=_Backend(),
        )


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The TLS settings of the process: public certificate authorities, names checked, TLS 1.2 or newer.

    Preparing them takes some 20 ms, so every client shares them. The environment (`SSL_CERT_FILE`) has no
    say.
    """
    tls = httpx.create_ssl_context(trust_env=False)
    # The Python of some distributions leaves that to the settings of OpenSSL.
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return tls


def check_tls(tls: ssl.SSLContext) -> ssl.SSLContext:
    """The settings, if they check the certificate and the host name (X11). Raises ValueError when they do not."""
    if tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname:
        raise ValueError("TLS settings for Leaseweb must check the certificate and the host name.")
    return tls
