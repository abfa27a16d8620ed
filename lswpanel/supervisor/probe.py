"""Asks a local server, again and again, until it gives the hoped-for answer."""

import errno
import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass

from lswpanel.supervisor.loop import Loop

PAUSE = 0.03
PATIENCE = 5.0
LONGEST_ANSWER = 64 * 1024
Address = str | tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Question:
    """`address`: a Unix socket path, or (host, port). `answered` sees all bytes received so far."""

    address: Address
    request: bytes
    answered: Callable[[bytes], bool]


class Probe:
    """`ready` becomes true when the server answered; nobody blocks meanwhile. Close it when done waiting."""

    def __init__(self, loop: Loop, question: Question) -> None:
        self.ready = False
        self._loop = loop
        self._question = question
        self._socket: socket.socket | None = None
        self._received = b""
        self._closed = False
        self._attempt()

    def close(self) -> None:
        self._closed = True
        self._hang_up()

    def _attempt(self) -> None:
        if self._closed:
            return
        self._received = b""
        self._socket = attempt = socket.socket(_family(self._question.address))
        attempt.setblocking(False)
        if attempt.connect_ex(self._question.address) not in (0, errno.EINPROGRESS):
            self._again()
            return
        self._loop.watch(attempt, selectors.EVENT_WRITE, self._ask)
        self._loop.later(PATIENCE, lambda: self._again() if self._socket is attempt else None)

    def _ask(self) -> None:
        attempt = self._connected()
        self._loop.forget(attempt)
        try:
            attempt.sendall(self._question.request)
        except OSError:
            self._again()
            return
        self._loop.watch(attempt, selectors.EVENT_READ, self._listen)

    def _listen(self) -> None:
        try:
            data = self._connected().recv(4096)
        except OSError:
            data = b""
        self._received += data
        if self._question.answered(self._received):
            self.ready = True
            self.close()
        elif not data or len(self._received) > LONGEST_ANSWER:
            self._again()

    def _again(self) -> None:
        self._hang_up()
        self._loop.later(PAUSE, self._attempt)

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._loop.forget(self._socket)
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("the probe has hung up")
        return self._socket


def http_question(*, address: tuple[str, int], path: str, host: str) -> Question:
    """Answered by the status 200; `host` goes into the Host header, which Django compares."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    return Question(
        address=address,
        request=request,
        answered=lambda answer: answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")),
    )


def _family(address: Address) -> socket.AddressFamily:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET
