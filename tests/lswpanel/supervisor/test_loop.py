import os
import selectors
import signal
import time
from collections.abc import Iterator

import pytest

from lswpanel.supervisor.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


def test_timers_run_in_the_order_of_their_times(loop: Loop) -> None:
    order: list[str] = []
    loop.later(0.02, lambda: order.append("second"))
    loop.later(0.0, lambda: order.append("first"))
    loop.later(0.02, lambda: order.append("third"))
    assert loop.run_until(lambda: len(order) == 3, seconds=120)
    assert order == ["first", "second", "third"]


def test_run_until_says_that_the_time_is_over(loop: Loop) -> None:
    started = time.monotonic()
    assert not loop.run_until(lambda: False, seconds=0.05)
    assert 0.05 <= time.monotonic() - started < 60


def test_run_until_asks_again_without_an_event(loop: Loop) -> None:
    answers = iter([False, False, True])
    assert loop.run_until(lambda: next(answers), seconds=120, every=0.001)


def test_watched_file_calls_until_it_is_forgotten(loop: Loop) -> None:
    reading, writing = os.pipe()
    seen: list[bytes] = []
    loop.watch(reading, selectors.EVENT_READ, lambda: seen.append(os.read(reading, 1)))
    os.write(writing, b"ab")
    assert loop.run_until(lambda: seen == [b"a", b"b"], seconds=120)
    loop.forget(reading)
    loop.forget(reading)
    os.write(writing, b"c")
    assert not loop.run_until(lambda: len(seen) > 2, seconds=0.02)
    os.close(reading)
    os.close(writing)


def test_file_forgotten_in_the_same_turn_is_not_called(loop: Loop) -> None:
    pipes = [os.pipe(), os.pipe()]
    called: list[int] = []

    def callback(own: int, other: int) -> None:
        called.append(own)
        loop.forget(own)
        loop.forget(other)

    for (own, writing), (other, _) in zip(pipes, reversed(pipes), strict=True):
        loop.watch(own, selectors.EVENT_READ, lambda own=own, other=other: callback(own, other))  # type: ignore[misc]
        os.write(writing, b"x")
    assert loop.run_until(lambda: bool(called), seconds=120)
    loop.run_until(lambda: False, seconds=0.02)
    assert len(called) == 1
    for end in (*pipes[0], *pipes[1]):
        os.close(end)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stop_signals_are_counted(loop: Loop, number: int) -> None:
    os.kill(os.getpid(), number)
    assert loop.run_until(lambda: loop.stop_requests == 1, seconds=120)


def test_end_of_a_child_is_announced(loop: Loop) -> None:
    ended: list[bool] = []
    loop.on_child_ended(lambda: ended.append(True))
    os.kill(os.getpid(), signal.SIGCHLD)
    assert loop.run_until(lambda: bool(ended), seconds=120)
    assert loop.stop_requests == 0


def test_loop_gives_the_signals_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Loop():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
