"""Clients that keep the web server waiting cost a socket each, and nobody else's answer."""

import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from lswpanel import web_worker
from lswpanel.web_worker import BufferingWorker, Refused, body_length
from tests.support.stack import Stack

pytestmark = pytest.mark.once
GET = b"GET /healthz/ HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n"
HALVES = {
    "nothing": b"",
    "half a head": POST[:30],
    "a head without its end": POST,
    "half a body": POST + b"Content-Length: 90\r\n\r\nlogin=",
    "an answer after which nobody hangs up": GET + b"Connection: close\r\n\r\n",
    "a connection that is kept": GET + b"\r\n",
}


@pytest.mark.processes
@pytest.mark.req("X17")
def test_pages_answer_beside_sixty_connections_that_keep_the_server_waiting(stack: Stack) -> None:
    """Ten of each kind; a thread held by one of them would be held for good, and there are eight."""
    url = stack.web()
    assert httpx.get(f"{url}/healthz/", timeout=60).status_code == 200
    with contextlib.ExitStack() as cleanup:
        for half in list(HALVES.values()) * 10:
            client = cleanup.enter_context(socket.create_connection(("127.0.0.1", httpx.URL(url).port)))
            client.sendall(half)
        for page in ("/healthz/", "/accounts/login/", "/healthz/"):
            assert httpx.get(url + page, timeout=15).status_code == 200
        assert httpx.post(f"{url}/accounts/login/", data={"login": "x"}, timeout=15).status_code == 403


# --- The loop alone ------------------------------------------------------------------------------------------


class Hall:
    """A worker with one thread in a thread of the test, whose application answers with the length of the body."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        config = Config()
        for name, value in {"threads": 1, "worker_connections": 12, "graceful_timeout": 20}.items():
            config.set(name, value)
        self.worker = BufferingWorker(0, os.getppid(), [self._listener], None, 30, config, Logger(config))
        self.worker.wsgi = self._application
        self.worker.tpool = self.worker.get_thread_pool()
        self.worker.poller = selectors.DefaultSelector()
        self.worker.method_queue.init()
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def connect(self) -> socket.socket:
        client = socket.create_connection(self._listener.getsockname())
        client.settimeout(20)
        return client

    def stop(self) -> None:
        self.worker.handle_exit(0, None)
        self._thread.join()
        self.worker.tmp.close()

    @staticmethod
    def _application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = str(len(environ["wsgi.input"].read())).encode()
        if environ["PATH_INFO"] == "/large/":
            body = bytes(30_000_000)
        elif environ["PATH_INFO"] == "/page/":
            body = bytes(60_000)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hall]:
    for name in ("ARRIVAL", "DEPARTURE", "LINGER"):
        monkeypatch.setattr(web_worker, name, 1.0)
    opened = Hall()
    yield opened
    opened.stop()


def answers(client: socket.socket, count: int = 1) -> list[bytes]:
    """The bodies of the next answers."""
    received = b""
    while received.count(b"HTTP/1.1 200 OK") < count or not received.rpartition(b"\r\n\r\n")[2]:
        data = client.recv(65536)
        assert data, received
        received += data
    return [part.rpartition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]


def test_request_is_handed_over_whole_however_it_is_cut(hall: Hall) -> None:
    with hall.connect() as client:
        for byte in POST + b"Content-Length: 3\r\n\r\nabc":
            client.sendall(bytes([byte]))
        assert answers(client) == [b"3"]
        client.sendall(GET + b"\r\n")
        assert answers(client) == [b"0"], "and the connection serves the next one"


def test_requests_that_come_at_once_are_answered_in_turn(hall: Hall) -> None:
    with hall.connect() as client:
        client.sendall(POST + b"Content-Length: 5\r\n\r\nabcde" + GET + b"\r\n" + GET)
        assert answers(client, 2) == [b"5", b"0"]
        client.sendall(b"\r\n")
        assert answers(client) == [b"0"]


def test_client_that_asks_first_is_told_to_go_on(hall: Hall) -> None:
    with hall.connect() as client:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abcd")
        assert answers(client) == [b"4"]


@pytest.mark.parametrize("half", list(HALVES)[:4])
def test_what_does_not_arrive_in_time_is_given_up(hall: Hall, half: str) -> None:
    with hall.connect() as client:
        client.sendall(HALVES[half])
        assert client.recv(100) == b""
    assert hall.worker.nr_conns == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (POST + b"Content-Length: %d\r\n\r\n" % (web_worker.LARGEST_BODY + 1), b"413"),
        (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"411"),
        (POST + b"X: " + b"x" * 40_000, b"431"),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"400"),
        (POST + b"Content-Length: -5\r\n\r\n", b"400"),
    ],
)
def test_request_that_is_too_much_is_refused_at_once(hall: Hall, request_: bytes, status: bytes) -> None:
    with hall.connect() as client:
        client.sendall(request_)
        assert client.recv(1000).split()[1] == status


def test_who_does_not_read_the_answer_holds_the_thread_no_longer_than_allowed(hall: Hall) -> None:
    with hall.connect() as idle, hall.connect() as client:
        idle.sendall(b"GET /large/ HTTP/1.1\r\n\r\n")
        assert idle.recv(8).startswith(b"HTTP")
        client.sendall(GET + b"\r\n")
        assert answers(client) == [b"0"]


@pytest.mark.req("X17")
def test_who_asks_on_without_reading_holds_no_thread(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_worker, "DEPARTURE", 600.0)
    monkeypatch.setattr(web_worker, "SEND_BUFFER", 100_000)
    with socket.socket() as greedy, hall.connect() as client:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(client.getpeername())
        greedy.sendall(b"GET /page/ HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        for _ in range(20):
            client.sendall(GET + b"\r\n")
            assert answers(client) == [b"0"]


def test_newcomer_gets_the_place_of_the_oldest_that_does_not_come_to_the_point(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_worker, "ARRIVAL", 600.0)
    with contextlib.ExitStack() as cleanup:
        idle = [cleanup.enter_context(hall.connect()) for _ in range(12)]
        client = cleanup.enter_context(hall.connect())
        client.sendall(GET + b"\r\n")
        assert answers(client) == [b"0"]
        assert idle[0].recv(100) == b""


def test_bytes_that_wait_are_bounded(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_worker, "ARRIVAL", 600.0)
    monkeypatch.setattr(web_worker, "MOST_HELD", 3000)
    with hall.connect() as first, hall.connect() as second:
        for client in (first, second):
            client.sendall(POST + b"Content-Length: 9000\r\n\r\n" + b"x" * 2000)
        assert first.recv(100) == b""
        second.sendall(b"x" * 900)
        with hall.connect() as third:
            third.sendall(GET + b"\r\n")
            assert answers(third) == [b"0"]


def test_length_is_read_from_the_head_alone() -> None:
    assert body_length(b"GET / HTTP/1.1\r\nX-Content-Length: 7\r\n\r\n") == 0
    assert body_length(b"GET / HTTP/1.1\r\ncontent-LENGTH:\t7 \r\n\r\n") == 7
    with pytest.raises(Refused):
        body_length(b"GET / HTTP/1.1\r\ntransfer-Encoding : identity\r\n\r\n")
