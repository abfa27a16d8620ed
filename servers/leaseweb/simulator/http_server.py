"""The socket: HTTP/1.1 on the loopback interface, a thread per connection, and faults below HTTP."""

import ipaddress
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4

from .answers import CORRELATION_HEADER, Answer, error_answer, json_answer
from .api import Api, Exchange, Head
from .faults import Fault, Rule

CONTROL_PATH = "/_simulator/"
_LARGEST_REQUEST = 1024 * 1024
_IDLE_SECONDS = 75
_CHUNK = 64 * 1024

Control = Callable[[str, str, str, bytes], Answer]


class NoAnswerError(Exception):
    """The connection ended, or has to end, before the request could be answered."""


class HttpServer(socketserver.ThreadingTCPServer):
    """Serves until `stop()`, which also ends every open connection and waits for their threads."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False
    block_on_close = True

    def __init__(
        self, api: Api, control: Control, *, port: int = 0, listener: socket.socket | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler, bind_and_activate=False)
        self.api = api
        self.control = control
        self.halt = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="simulator")
        try:
            self._listen(listener)
        except (OSError, ValueError):
            self.server_close()
            raise

    def _listen(self, listener: socket.socket | None) -> None:
        if listener is None:
            self.server_bind()
        else:
            self._take_over(listener)
        self.server_activate()

    def _take_over(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"The simulator serves the loopback interface only, not {host}.")
        self.socket.close()
        self.socket = listener
        self.server_address = (host, port)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stops listening, ends what is in progress, and returns when no thread is left."""
        self.shutdown()
        self.halt.set()
        with self._connections_lock:
            for connection in self._connections:
                _shut_down(connection)
        self.server_close()
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().close_request(request)


def _shut_down(connection: socket.socket) -> None:
    """Wakes whoever waits for this connection."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was quicker, or a fault has already ended it


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 (the base class looks for these)

    def handle(self) -> None:
        """Serves until either side closes; a client that resets an idle connection is no news."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """The journal is the log."""

    def _serve(self) -> None:
        try:
            if not self._is_for_us():
                self._refuse(421)
            elif self.path.startswith(CONTROL_PATH):
                self._serve_control()
            else:
                self._serve_api()
        except (NoAnswerError, OSError):
            self.close_connection = True

    def _is_for_us(self) -> bool:
        """Another host name means a page in somebody's browser that had its name point here."""
        name = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        return name in {"127.0.0.1", "localhost"}

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        correlation_id = str(uuid4())
        answer = error_answer(status, correlation_id=correlation_id)
        answer.headers[CORRELATION_HEADER] = correlation_id
        self._send(answer)

    def _serve_control(self) -> None:
        path, _, query = self.path.partition("?")
        self._send(
            self.server.control(self.command, path.removeprefix(CONTROL_PATH), query, self._read_body())
        )

    def _serve_api(self) -> None:
        exchange = self.server.api.open(self._head())
        if exchange.fault is Fault.RESET_BEFORE_READ:
            self.server.api.lost(exchange)
            self._reset()
            return
        body = self._received_body(exchange)
        if body is None:
            return
        if exchange.rule and exchange.fault is Fault.DELAY_EXECUTION:
            self.server.halt.wait(exchange.rule.seconds)
        answer = self.server.api.answer(exchange, body)
        if exchange.rule is None:
            self._send(answer)
        else:
            self._send_with_fault(answer, exchange.rule)

    def _head(self) -> Head:
        path, _, query = self.path.partition("?")
        return Head(
            method=self.command,
            path=path,
            query=query,
            key=self.headers.get("X-LSW-Auth"),
            correlation_id=self.headers.get(CORRELATION_HEADER),
        )

    def _received_body(self, exchange: Exchange) -> bytes | None:
        """The body of the request; None when there is none to be had, and then that is written down."""
        try:
            return self._read_body()
        except (NoAnswerError, OSError):
            self.server.api.lost(exchange)
            self.close_connection = True
            return None

    def _read_body(self) -> bytes:
        """Raises NoAnswerError when the client left in the middle, or was told that it cannot send this."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._refuse(411)
            raise NoAnswerError
        if int(length) > _LARGEST_REQUEST:
            self._refuse(413)
            raise NoAnswerError
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise NoAnswerError
        return body

    def _send(self, answer: Answer) -> None:
        """Head and body leave in one piece, so that no reader waits for a delayed acknowledgement."""
        self.connection.sendall(self._head_of(answer) + answer.body)

    def _head_of(self, answer: Answer, *, length: int | None = None) -> bytes:
        phrases = {status.value: status.phrase for status in HTTPStatus}
        headers = {"Date": formatdate(time.time(), usegmt=True)}
        if answer.content_type:
            headers["Content-Type"] = answer.content_type
        if answer.status not in {204, 304}:
            headers["Content-Length"] = str(len(answer.body) if length is None else length)
        if self.close_connection:
            headers["Connection"] = "close"
        headers.update(answer.headers)
        lines = [f"HTTP/1.1 {answer.status} {phrases.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send_with_fault(self, answer: Answer, rule: Rule) -> None:
        match rule.fault:
            case Fault.RESET_AFTER_EXECUTE:
                self._reset()
            case Fault.CLOSE_AFTER_EXECUTE:
                self.close_connection = True
            case Fault.HALF_BODY:
                self.close_connection = True
                self.connection.sendall(self._head_of(answer) + answer.body[: len(answer.body) // 2])
            case Fault.SLOW_DRIP:
                self._drip(answer, pause=rule.seconds)
            case Fault.HUGE_BODY:
                self._flood(answer, size=rule.size)
            case Fault.DELAY:
                self.server.halt.wait(rule.seconds)
                self._send(answer)
            case _:
                self._send(answer)

    def _drip(self, answer: Answer, *, pause: float) -> None:
        """Sends the body byte by byte, with a pause before each; what is left at our stop is never sent."""
        self.connection.sendall(self._head_of(answer))
        for byte in answer.body:
            if self.server.halt.wait(pause):
                raise NoAnswerError
            self.connection.sendall(bytes([byte]))

    def _flood(self, answer: Answer, *, size: int) -> None:
        """Valid JSON of `size` bytes."""
        start, end = b'{"padding": "', b'"}'
        self.connection.sendall(self._head_of(json_answer(answer.status, {}), length=size) + start)
        left = size - len(start) - len(end)
        while left > 0:
            piece = b"x" * min(left, _CHUNK)
            self.connection.sendall(piece)
            left -= len(piece)
        self.connection.sendall(end)

    def _reset(self) -> None:
        """Ends the connection with RST. Detached first: the base class would say a polite goodbye."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
