"""Rings workers through the broker, and waits for no broker that does not answer.

A hint is worth a moment only, since the next tick rings again. So it is given by a thread of its own: nothing else
bounds all of it, the look-up of the broker's name included.
"""

import contextlib
import threading
import time
from collections.abc import Iterable

import structlog
from celery import Task
from kombu.exceptions import OperationalError

log = structlog.get_logger()
HINT_SECONDS = 10
# Seconds: how long a click and a tick wait for the broker, and how long it is left alone when it did not answer.
PATIENCE, PATIENCE_OF_TICK = 0.25, 3.0
PAUSE = 5.0
# A task and the id that it is about; none for a tick.
Hint = tuple[Task[..., None], tuple[int, ...]]


class Bell:
    """One for a process."""

    def __init__(self) -> None:
        self._last: _Attempt | None = None
        self._quiet_until = 0.0

    @property
    def silent(self) -> bool:
        """Whether the broker has not taken what it was given last."""
        return self._last is not None and not self._last.done

    def ring(self, hints: Iterable[Hint], *, patience: float = PATIENCE) -> None:
        """Give the hints, waiting `patience` seconds at most. After a failure the broker is left alone for a while."""
        if self.silent and time.monotonic() < self._quiet_until:
            return
        self._last = attempt = _Attempt(hints)
        attempt.start()
        attempt.join(patience)
        if not attempt.done:
            self._quiet_until = time.monotonic() + PAUSE
            log.warning("no broker; the next tick will ring")

    def heard(self) -> None:
        """A message came: the broker works, so it may be asked again at once."""
        self._last = None


class _Attempt(threading.Thread):
    def __init__(self, hints: Iterable[Hint]) -> None:
        super().__init__(name="bell", daemon=True)
        self.done = False
        self._hints = hints

    def run(self) -> None:
        """Says nothing when it fails: by then nobody may be waiting, and `ring` has told of it."""
        with contextlib.suppress(OperationalError):
            for task, ids in self._hints:
                task.apply_async(ids, expires=HINT_SECONDS)
            self.done = True


bell = Bell()
