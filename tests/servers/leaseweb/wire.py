"""A server on 127.0.0.1 that plays exactly the bytes a test wants, below HTTP."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any

PATIENCE = 120.0
CORRELATION = {"APIGW-CORRELATION-ID": "c0ffee00-1111-4222-8333-444455556666"}
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Connection:
    """One accepted connection after its first request was read."""

    def __init__(self, server: RawServer, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.server = server
        self.request = b""

    def receive(self) -> bool:
        """Read one whole request; False when the other side closed."""
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = self.sock.recv(65536)
            if not chunk:
                return False
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        while length and len(body) < int(length[1]):
            body += self.sock.recv(65536)
        self.request = head + b"\r\n\r\n" + body
        self.server.requests.append(self.request)
        return True

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.sock.sendall(part)

    def drip(self, data: bytes, pause: float) -> None:
        """Send one byte after the other until all are sent or the test is over."""
        for position in range(len(data)):
            self.send(data[position : position + 1])
            if self.server.over.wait(pause):
                return

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hold(self) -> None:
        """Say nothing until the test is over."""
        self.server.over.wait(PATIENCE)


Script = Callable[[Connection], None]


class RawServer:
    """Runs ``script`` for each connection once its first request is in; ``requests`` are those received.

    With ``greeting`` it speaks first; with ``deaf`` it never reads.
    """

    def __init__(
        self, script: Script, *, tls: ssl.SSLContext | None = None, greeting: bytes = b"", deaf: bool = False
    ) -> None:
        self.script = script
        self.tls = tls
        self.greeting = greeting
        self.deaf = deaf
        self.requests: list[bytes] = []
        self.accepted = 0
        self.over = threading.Event()
        self._ended = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/cloud/v2"

    def requests_when_ended(self, connections: int) -> list[bytes]:
        """Wait until so many more connections are over, and return all requests received."""
        for _ in range(connections):
            if not self._ended.acquire(timeout=PATIENCE):
                raise TimeoutError("the connections did not end")
        return self.requests

    def __enter__(self) -> RawServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(PATIENCE)
        self._listener.close()
        for thread in self._threads[1:]:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.accepted), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            self._serve_one(sock, number)
        finally:
            self._ended.release()

    def _serve_one(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(PATIENCE)
        with contextlib.suppress(OSError), sock:
            if self.tls is None:
                self._play(Connection(self, sock, number))
            else:
                with self.tls.wrap_socket(sock, server_side=True) as secured:
                    self._play(Connection(self, secured, number))

    def _play(self, connection: Connection) -> None:
        connection.send(self.greeting)
        if self.deaf:
            connection.hold()
        elif connection.receive():
            self.script(connection)


def answer(
    status: int = 200, body: Any = b"", *, headers: Mapping[str, str] | None = None, reason: str = "Said"
) -> bytes:
    """The bytes of a whole answer; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    if status != 204:
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def saying(*parts: bytes) -> Script:
    """A script that sends these bytes and closes."""
    return lambda connection: connection.send(*parts)


def replying(status: int, body: Any = b"", *, headers: Mapping[str, str] | None = None) -> Script:
    """A script that gives this answer and closes."""
    return saying(answer(status, body, headers=headers))


def serving(respond: Callable[[bytes], bytes]) -> Script:
    """A script that keeps the connection and answers each request in turn."""

    def play(connection: Connection) -> None:
        connection.send(respond(connection.request))
        while connection.receive():
            connection.send(respond(connection.request))

    return play


def dead_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
