import selectors
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lswpanel.supervisor.loop import Loop
from lswpanel.supervisor.probe import Probe, Question, http_question


@pytest.fixture
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


@pytest.fixture
def serve(loop: Loop) -> Iterator[Callable[..., tuple[str, int]]]:
    """Starts a server in the same loop that gives one of `answers` to each connection, then closes it."""
    listeners: list[socket.socket] = []

    def start(*answers: bytes, heard: list[bytes] | None = None, path: Path | None = None) -> tuple[str, int]:
        listener = _listen(path)
        listeners.append(listener)
        left = list(answers)

        def accept() -> None:
            connection, _ = listener.accept()
            loop.watch(connection, selectors.EVENT_READ, lambda: answer(connection))

        def answer(connection: socket.socket) -> None:
            loop.forget(connection)
            with connection:
                request = connection.recv(4096)
                if heard is not None:
                    heard.append(request)
                connection.sendall(left.pop(0))

        loop.watch(listener, selectors.EVENT_READ, accept)
        address: tuple[str, int] = listener.getsockname()
        return address

    yield start
    for listener in listeners:
        loop.forget(listener)
        listener.close()


def _listen(path: Path | None) -> socket.socket:
    if path is None:
        return socket.create_server(("127.0.0.1", 0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def test_probe_asks_until_the_answer_is_right(loop: Loop, serve: Callable[..., tuple[str, int]]) -> None:
    heard: list[bytes] = []
    address = serve(b"HTTP/1.1 503 Busy\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n\r\nok", heard=heard)
    probe = Probe(loop, http_question(address=address, path="/healthz/", host="localhost:8000"))
    assert loop.run_until(lambda: probe.ready, seconds=120)
    assert len(heard) == 3
    assert heard[0].startswith(b"GET /healthz/ HTTP/1.1\r\nHost: localhost:8000\r\n")


def test_probe_waits_for_a_socket_that_is_not_there_yet(
    loop: Loop, serve: Callable[..., tuple[str, int]], tmp_path: Path
) -> None:
    path = tmp_path / "s"
    question = Question(address=str(path), request=b"?", answered=lambda answer: answer == b"!")
    probe = Probe(loop, question)
    assert not loop.run_until(lambda: probe.ready, seconds=0.1)
    serve(b"!", path=path)
    assert loop.run_until(lambda: probe.ready, seconds=120)


def test_closed_probe_asks_no_more(loop: Loop, serve: Callable[..., tuple[str, int]]) -> None:
    heard: list[bytes] = []
    address = serve(b"no", b"no", heard=heard)
    probe = Probe(loop, http_question(address=address, path="/", host="localhost"))
    assert loop.run_until(lambda: len(heard) == 1, seconds=120)
    probe.close()
    assert not loop.run_until(lambda: len(heard) > 1, seconds=0.1)
    assert not probe.ready
