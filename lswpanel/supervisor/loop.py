"""The one loop of the supervisor: pipes, sockets, timers and signals, in one thread and without sleeping."""

import heapq
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
Callback = Callable[[], object]


class Loop:
    """Use it as a context manager in the main thread: it takes over the signals while it is open."""

    def __init__(self) -> None:
        self.stop_requests = 0
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._child_ended: Callback = _nothing
        self._previous: dict[int, Any] = {}
        self._previous_wakeup = -1
        self._signals, self._wakeup = os.pipe()

    def __enter__(self) -> Self:
        for end in (self._signals, self._wakeup):
            os.set_blocking(end, False)
        self.watch(self._signals, selectors.EVENT_READ, self._read_signals)
        self._previous_wakeup = signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        for number in (*STOP_SIGNALS, signal.SIGCHLD):
            self._previous[number] = signal.signal(number, _noticed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        self._selector.close()
        os.close(self._signals)
        os.close(self._wakeup)

    def on_child_ended(self, callback: Callback) -> None:
        """Call `callback` whenever a child may have ended (SIGCHLD tells neither which nor how many)."""
        self._child_ended = callback

    def watch(self, file: Any, events: int, callback: Callback) -> None:
        self._selector.register(file, events, callback)

    def forget(self, file: Any) -> None:
        """Stop watching `file`; forgetting one that is not watched is allowed."""
        if file in self._selector.get_map():
            self._selector.unregister(file)

    def later(self, seconds: float, callback: Callback) -> None:
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), callback))

    def run_until(
        self, done: Callable[[], bool], *, seconds: float | None = None, every: float | None = None
    ) -> bool:
        """Turn until `done()` is true or `seconds` are over; say whether it became true.

        `done` is asked after each event; with `every`, also that often (for what no event announces).
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while not done():
            remaining = None if deadline is None else deadline - time.monotonic()
            if remaining is not None and remaining <= 0:
                return False
            self._turn(_shortest(remaining, every))
        return True

    def _turn(self, patience: float | None) -> None:
        until_timer = self._timers[0][0] - time.monotonic() if self._timers else None
        for key, _ in self._selector.select(_shortest(patience, until_timer)):
            # An earlier callback of this turn may have forgotten this file.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _read_signals(self) -> None:
        numbers = os.read(self._signals, 4096)
        self.stop_requests += sum(number in STOP_SIGNALS for number in numbers)
        if signal.SIGCHLD in numbers:
            self._child_ended()


def _shortest(*seconds: float | None) -> float | None:
    given = [max(value, 0.0) for value in seconds if value is not None]
    return min(given, default=None)


def _noticed(number: int, frame: FrameType | None) -> None:
    """Python writes the number to the wake-up pipe only for signals that have a handler."""


def _nothing() -> None:
    """Nobody asked to hear about children yet."""
