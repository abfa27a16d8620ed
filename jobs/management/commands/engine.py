import os
import select
import signal
from types import FrameType
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection

from jobs import engine, heart
from jobs.models import Heartbeat

log = structlog.get_logger()
SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Drive all jobs and readings from this one process, without a broker. Ends on Ctrl-C or SIGTERM, after the "
        "request that is under way; a second Ctrl-C does not wait for it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = StopSignal()
        self.stdout.write("begins")
        heart.begin(Heartbeat.Driver.ENGINE, ticks=False)
        while not stop.asked:
            try:
                engine.run_once(lambda: stop.asked)
            except (DatabaseError, InterfaceError) as error:
                log.warning("the database does not answer; going on", error=str(error)[:200])
                connection.close()
            stop.wait(SECONDS)
        heart.end()
        self.stdout.write("stopped")


class StopSignal:
    """Notes that the process is asked to end, and lets it finish what it does."""

    def __init__(self) -> None:
        self.asked = False
        self._noticed, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as the process is asked to end."""
        select.select([self._noticed], [], [], seconds)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
