"""A worker that kills itself with SIGKILL at planned places, and its respawner.

`python -m tests.chaos.worker DRIVER PLAN FOLDER`: DRIVER is `celery` or `engine`, the worker without a broker; PLAN is
a JSON file with the place for each job id, FOLDER takes one empty file for each kill. The parent imports everything
once and forks a worker; when one was killed it forks the next, as a supervisor would.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

# Imported before the fork, as whatever a worker would only look up at its start, so that each start is quick.
import celery.bin.celery  # noqa: E402
import celery.concurrency.thread  # noqa: E402
import celery.worker.consumer  # noqa: E402, F401
import kombu.transport.redis  # noqa: E402, F401
from django.core.checks import run_checks  # noqa: E402

from jobs import checkpoints, engine  # noqa: E402
from lswpanel.celery import app  # noqa: E402

OPTIONS = [
    "worker",
    "-P",
    "threads",
    "-c",
    "1",
    "--without-mingle",
    "--without-gossip",
    "--loglevel",
    "WARNING",
]


def warm_up() -> None:
    """The checks load all addresses and their views; they ask no database, so the fork inherits no connection."""
    app.loader.import_default_modules()
    run_checks()


def arm(plan_file: Path, folder: Path) -> None:
    def strike(place: str, job_id: int) -> None:
        plan = json.loads(plan_file.read_text())
        mark = folder / f"{job_id}-{place}"
        if plan.get(str(job_id)) == place and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.listeners.append(strike)


def celery_worker() -> None:
    app.worker_main(OPTIONS)


def engine_loop() -> None:
    """What `manage.py engine` does, only more often."""
    pause = threading.Event()
    while True:
        engine.run_once()
        pause.wait(0.02)


DRIVERS: dict[str, Callable[[], None]] = {"celery": celery_worker, "engine": engine_loop}


def respawn(work: Callable[[], None]) -> int:
    """Fork workers until one ends in another way than by SIGKILL; its exit code."""
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            work()
            os._exit(0)
        signal.signal(signal.SIGTERM, lambda *_, pid=child: os.kill(pid, signal.SIGTERM))  # type: ignore[misc]
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != -signal.SIGKILL:
            return code


if __name__ == "__main__":
    warm_up()
    arm(Path(sys.argv[2]), Path(sys.argv[3]))
    sys.exit(respawn(DRIVERS[sys.argv[1]]))
