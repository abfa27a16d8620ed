"""How long a person waits for the first page after `make demo` in a fresh clone, the dependencies being installed."""

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from lswpanel.supervisor import tether
from tests.bench.figures import Figure, median, spread
from tests.support.panel import environment
from tests.support.processes import ROOT, free_port
from tests.support.waiting import wait_for

PAGE = "/accounts/login/"
PATIENCE = 120.0
FIRST_BAR, AGAIN_BAR = 6.0, 3.0
NOT_IN_A_CLONE = shutil.ignore_patterns(".*", "data", "tests", "__pycache__")


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds on the clock, and seconds of processor time of all its processes, which other work hardly changes."""

    clock: float
    processor: float


def measure(folder: Path, *, rounds: int) -> list[Figure]:
    """Each round takes a new copy of the project and starts in it twice."""
    starts = [_first_and_again(folder / f"clone-{number}") for number in range(rounds)]
    return [
        _figure("first start", [first for first, _ in starts], FIRST_BAR, "no database, nothing compiled"),
        _figure("second start", [again for _, again in starts], AGAIN_BAR, "a migrated database"),
    ]


def _figure(name: str, starts: list[Start], bar: float, where: str) -> Figure:
    times, worked = [start.clock for start in starts], median([start.processor for start in starts])
    how = f"manage.py up --demo with {where}, to the whole login page; {spread(times)}; processor time {worked:.1f} s"
    return Figure(name=name, value=median(times), unit="s", bar=bar, how=how)


def _first_and_again(clone: Path) -> tuple[Start, Start]:
    shutil.copytree(ROOT, clone, ignore=NOT_IN_A_CLONE)
    return _start(clone), _start(clone)


def _start(clone: Path) -> Start:
    """From the command to the last byte of the page."""
    port = free_port()
    began = time.perf_counter()
    with _demo(clone, port) as demo:
        # The supervisor binds the port long before gunicorn is there; from then on the request just waits.
        wait_for(
            lambda: _page_answers(port) or _ended(demo, clone),
            what="the login page",
            seconds=PATIENCE,
            pause=0.005,
        )
        return Start(time.perf_counter() - began, _processor_time(demo))


def _processor_time(demo: psutil.Process) -> float:
    """Of the processes that run, and of those that have done their part of the start."""
    times = [process.cpu_times() for process in [demo, *demo.children(recursive=True)]]
    return float(sum(each.user + each.system + each.children_user + each.children_system for each in times))


@contextmanager
def _demo(clone: Path, port: int) -> Iterator[psutil.Process]:
    """The panel of the copy, in the copy. Unlike many a developer's shell, it may keep what it compiles."""
    env = environment(clone / "data", port=port)
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-I", tether.__file__, str(os.getpid())]
    command += [sys.executable, str(clone / "manage.py"), "up", "--demo"]
    with (clone / "up.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=clone,
            env=env,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def _page_answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", PAGE)
        response = connection.getresponse()
        return response.status == 200 and bool(response.read())
    except ConnectionError:
        return False
    finally:
        connection.close()


def _ended(demo: psutil.Process, clone: Path) -> bool:
    """False as long as there is something to wait for; raises RuntimeError with what it said when there is not."""
    if demo.is_running() and demo.status() != psutil.STATUS_ZOMBIE:
        return False
    raise RuntimeError(f"the panel ended instead of starting:\n{(clone / 'up.log').read_text()}")
