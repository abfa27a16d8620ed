import threading
from typing import Any

from django.core.management.base import BaseCommand

from jobs import engine

SECONDS = 2.0


class Command(BaseCommand):
    help = "Drive all jobs and readings from this one process, without a broker. Ends on Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        pause = threading.Event()
        try:
            while True:
                engine.run_once()
                pause.wait(SECONDS)
        except KeyboardInterrupt:
            self.stdout.write("stopped")
