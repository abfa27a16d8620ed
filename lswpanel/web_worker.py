"""gunicorn's threads, which get a request only when all of it is there.

A client that sends half a request, or reads half an answer, costs a socket and a little memory instead of one of the
few threads: the loop receives, a thread computes, the kernel's buffer holds the answer. TLS ends at the proxy.
"""

import errno
import fcntl
import re
import socket
import struct
import termios
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

# Seconds: for a whole request to arrive, for an answer to leave, for a client to hang up after its last answer.
ARRIVAL = 15.0
DEPARTURE = 10.0
LINGER = 2.0
# Bytes. Bodies up to LARGEST_BODY reach Django, whose own limit is lower and whose answer is a page.
CHUNK = 64 * 1024
LARGEST_HEAD = 32 * 1024
LARGEST_BODY = 512 * 1024
# Of all requests that are still arriving; beyond it the oldest of them is given up.
MOST_HELD = 32 * 1024 * 1024
MOST_LINGERING = 100
# Holds a page or a file of ours whole, so that the thread need not wait for a slow reader.
SEND_BUFFER = 1024 * 1024
END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]+)[ \t]*\r?$")
CHUNKED = re.compile(rb"(?im)^transfer-encoding[ \t]*:")
EXPECTS = re.compile(rb"(?im)^expect:[ \t]*100-continue")
PASSING = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class Refused(Exception):
    """A request that is not let in; its text is the status line."""


def body_length(head: bytes) -> int:
    """How many bytes follow `head`; of one that contradicts itself none, since gunicorn refuses it unread.

    Raises Refused for a body without a length, which Django does not read, and for one beyond LARGEST_BODY.
    """
    if CHUNKED.search(head):
        raise Refused("411 Length Required")
    lengths = LENGTH.findall(head)
    if len(lengths) != 1:
        return 0
    if len(lengths[0]) > len(str(LARGEST_BODY)) or int(lengths[0]) > LARGEST_BODY:
        raise Refused("413 Content Too Large")
    return int(lengths[0])


def unread(client: socket.socket) -> int:
    """Bytes of earlier answers that the client has not taken: who asks on without reading would hold a thread."""
    return int(struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))[0])


class Client(socket.socket):
    """The socket of a client, which no thread waits for longer than DEPARTURE."""

    def setblocking(self, flag: bool) -> None:
        self.settimeout(DEPARTURE if flag else 0.0)

    def recv(self, *words: Any) -> bytes:
        try:
            return super().recv(*words)
        except TimeoutError:
            raise _gone() from None

    def sendall(self, *words: Any) -> None:
        try:
            super().sendall(*words)
        except TimeoutError:
            raise _gone() from None


def _gone() -> ConnectionResetError:
    """gunicorn's word for a client that is not there any more, which it takes without a traceback."""
    return ConnectionResetError(errno.ECONNRESET, "the client was too slow")


class Connection(TConn):
    """One client. `received` is what has come of its next request; `size` what there has to come, once known."""

    def __init__(self, *words: Any, linger: Callable[[Client], None]) -> None:
        super().__init__(*words)
        self.received = bytearray()
        self.size: int | None = None
        self.deadline = 0.0
        self._searched = 0
        self._linger = linger

    def add(self, data: bytes) -> None:
        """Take `data`, and find the size once the head is whole. Raises Refused."""
        self.received += data
        if self.size is not None:
            return
        end = self.received.find(END_OF_HEAD, self._searched)
        self._searched = max(0, len(self.received) - len(END_OF_HEAD))
        if end >= 0:
            self._measure(bytes(self.received[: end + len(END_OF_HEAD)]))
        elif len(self.received) > LARGEST_HEAD:
            raise Refused("431 Request Header Fields Too Large")

    def take(self) -> bytes:
        """The whole request, once it is there, and else nothing; what came after it stays."""
        if self.size is None or len(self.received) < self.size:
            return b""
        request = bytes(self.received[: self.size])
        del self.received[: self.size]
        self.size, self._searched = None, 0
        return request

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._linger(self.sock)
        else:
            super().close()

    def _measure(self, head: bytes) -> None:
        length = body_length(head)
        self.size = len(head) + length
        if length and EXPECTS.search(head) and len(self.received) < self.size:
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")


class BufferingWorker(ThreadWorker):
    """The loop of gunicorn's gthread, receiving requests itself. All of it runs in the main thread, but `handle`."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        # In the order of their deadlines.
        self._arriving: dict[Connection, None] = {}
        self._lingering: dict[Client, float] = {}
        self._held = 0

    def run(self) -> None:
        super().run()
        for client in [*self._lingering, *(connection.sock for connection in self._arriving)]:
            client.close()

    def accept(self, listener: socket.socket) -> None:
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno not in PASSING:
                raise
            return
        client = Client(fileno=accepted.detach())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.nr_conns += 1
        self._make_room()
        self._await(Connection(self.cfg, client, address, listener.getsockname(), linger=self._linger))

    def on_client_socket_readable(self, conn: Connection, client: Client) -> None:
        """The next request on a connection that was kept alive begins to come."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        super().finish_request(conn, fs)
        if conn.received and self.keepalived_conns and self.keepalived_conns[-1] is conn:
            self.on_client_socket_readable(conn, conn.sock)
            self._add(conn, b"")

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """No header moves the panel to another path: SCRIPT_NAME of a proxy is a header like others, and refused."""
        req.headers = [(name.replace("_", "-"), value) for name, value in req.headers]
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called by the loop once a second, and after everything it does: whose time is over?"""
        now = time.monotonic()
        # A worker that stops waits no longer for what is arriving than for those that were kept alive.
        over = now if self.alive else now + ARRIVAL - LINGER
        while self._arriving and (first := next(iter(self._arriving))).deadline <= over:
            self._drop(first)
        while self._lingering and next(iter(self._lingering.values())) <= now:
            self._hang_up(next(iter(self._lingering)))

    # --- A request arrives ---------------------------------------------------------------------------------

    def _await(self, connection: Connection) -> None:
        connection.deadline = time.monotonic() + ARRIVAL
        self._arriving[connection] = None
        self._held += len(connection.received)
        connection.sock.setblocking(False)
        self.poller.register(connection.sock, EVENT_READ, partial(self._receive, connection))

    def _receive(self, connection: Connection, client: Client) -> None:
        try:
            data = client.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._add(connection, data)
        else:
            self._drop(connection)

    def _add(self, connection: Connection, data: bytes) -> None:
        self._held += len(data)
        try:
            connection.add(data)
        except Refused as refusal:
            self._refuse(connection, str(refusal))
            return
        except OSError:
            self._drop(connection)
            return
        held = len(connection.received)
        if request := connection.take():
            self._forget(connection, held=held)
            if unread(connection.sock) > CHUNK:
                self.nr_conns -= 1
                connection.close()
                return
            connection.init()
            connection.parser.unreader.unread(request)
            self.enqueue_req(connection)
        self._make_room()

    def _make_room(self) -> None:
        """Give up the oldest: who sends a request as a browser does is never that."""
        while self._arriving and self._held > MOST_HELD:
            self._drop(next(iter(self._arriving)))
        while self.nr_conns >= self.worker_connections and (self._arriving or self.keepalived_conns):
            if len(self._arriving) > len(self.keepalived_conns):
                self._drop(next(iter(self._arriving)))
            else:
                self.keepalived_conns[0].timeout = 0.0
                self.murder_keepalived()

    def _refuse(self, connection: Connection, status: str) -> None:
        self._forget(connection, held=len(connection.received))
        self.nr_conns -= 1
        answer = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        try:
            connection.sock.send(answer.encode())
        except OSError:
            connection.close()
        else:
            connection.close(graceful=True)

    def _drop(self, connection: Connection) -> None:
        self._forget(connection, held=len(connection.received))
        self.nr_conns -= 1
        connection.close()

    def _forget(self, connection: Connection, *, held: int) -> None:
        del self._arriving[connection]
        self._held -= held
        self.poller.unregister(connection.sock)

    # --- A connection ends ---------------------------------------------------------------------------------

    def _linger(self, client: Client) -> None:
        """Read on until the client hangs up: closing at once could cut the answer off (RFC 9112, 9.6)."""
        try:
            client.shutdown(socket.SHUT_WR)
        except OSError:
            client.close()
            return
        client.setblocking(False)
        self._lingering[client] = time.monotonic() + LINGER
        self.poller.register(client, EVENT_READ, self._drain)
        if len(self._lingering) > MOST_LINGERING:
            self._hang_up(next(iter(self._lingering)))

    def _drain(self, client: Client) -> None:
        try:
            over = not client.recv(CHUNK)
        except BlockingIOError:
            over = False
        except OSError:
            over = True
        if over:
            self._hang_up(client)

    def _hang_up(self, client: Client) -> None:
        del self._lingering[client]
        self.poller.unregister(client)
        client.close()
