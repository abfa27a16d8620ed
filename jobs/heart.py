"""The thread that keeps a worker's heartbeat, and ticks when nobody else does."""

import threading
import time
from collections.abc import Callable

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from jobs import tasks
from jobs.bell import bell
from jobs.engine import heartbeat, send_counter
from jobs.engine.heartbeat import EVERY, MISSED, pulse
from jobs.models import Heartbeat

log = structlog.get_logger()


class Heart(threading.Thread):
    """Beats until `stop`. `ticks`: tick when none came for six seconds, which is safe beside another tick.

    `ended` is the process id of the one that this process takes the place of, 0 for none.
    """

    def __init__(self, driver: Heartbeat.Driver, *, ticks: bool, ended: int = 0) -> None:
        super().__init__(name="heart", daemon=True)
        self._driver, self._ticks, self._ended = driver, ticks, ended
        self._over = threading.Event()
        self._last = 0.0

    def stop(self) -> None:
        """Say that this process leaves. When that cannot be written, others notice by its silence."""
        self._over.set()
        self.join(EVERY.total_seconds())
        self._try(pulse.leave)

    def run(self) -> None:
        while not self._over.is_set():
            self._try(self._once)
            self._over.wait(EVERY.total_seconds())
        connection.close()

    def _try(self, step: Callable[[], None]) -> None:
        """A beat that cannot be told is only missed; the thread goes on whatever happens."""
        try:
            close_old_connections()
            step()
        except (DatabaseError, InterfaceError) as error:
            log.warning("heart missed a beat", error=str(error).strip()[:200])
            connection.close()
        except Exception:
            log.exception("heart missed a beat")

    def _once(self) -> None:
        if bell.silent:
            bell.ring([(tasks.tick, ())])
        pulse.beat(self._driver, trouble=Heartbeat.Trouble.BROKER if bell.silent else "")
        # Whoever slept, or waited for the database, missed the beats of all others, too, and may judge nobody yet.
        awake = time.monotonic() - self._last < MISSED.total_seconds()
        self._last = time.monotonic()
        freed = heartbeat.bury_the_silent() if awake else 0
        if self._ended:
            freed += heartbeat.bury_ended(self._ended)
            self._ended = 0
        send_counter.held()
        if self._ticks and (freed or (awake and heartbeat.no_tick_lately())):
            log.warning("ticking here", freed=freed, broker=not bell.silent)
            tasks.tick_here(probe=True)


_hearts: list[Heart] = []


def begin(driver: Heartbeat.Driver, *, ticks: bool, ended: int = 0) -> None:
    """Start the heart of this process, which has one at most."""
    _hearts.append(Heart(driver, ticks=ticks, ended=ended))
    _hearts[-1].start()


def end() -> None:
    while _hearts:
        _hearts.pop().stop()
