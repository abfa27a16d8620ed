"""From a click to the worker's first byte to Leaseweb, beside the start of a Celery task that does nothing.

The click is the POST of the confirmation, over HTTP, to the panel's gunicorn; the first byte is that of the fresh
reading that comes before every send. There is no beat, so the worker has nothing else to do.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import F
from django.urls import reverse

from jobs.models import Job
from jobs.states import JobStatus
from lswpanel.supervisor import programs
from servers.models import Server
from tests.bench import fleet
from tests.bench.browser import Browser
from tests.bench.figures import Figure, median, p95
from tests.bench.ground import Ground
from tests.bench.noop import noop
from tests.support.processes import Process
from tests.support.waiting import wait_for

BAR = 10.0
PATIENCE = 30.0
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Click:
    """Seconds from the click to the first byte of the reading, and to the answer to the browser."""

    first_byte: float
    answer: float


def measure(ground: Ground, *, times: int) -> list[Figure]:
    """`times`: how many clicks, each after one empty task."""
    found = fleet.found(ground.key, name="Clicks")
    ground.start_broker()
    port = ground.serve()
    worker = _start_worker(ground)
    empty: list[float] = []
    clicks: list[Click] = []
    with _doorbell(ground) as bell:
        for server in found.team.servers.filter(state="RUNNING").order_by("pk")[: WARM_UP + times]:
            empty.append(_start_of_empty_task(bell))
            with Browser(port, cookie=found.cookie(port)) as browser:
                clicks.append(_click(ground, browser, found, server))
    worker.stop()
    return _figures(empty[WARM_UP:], clicks[WARM_UP:])


def _start_worker(ground: Ground) -> Process:
    worker = programs.worker(env=os.environ)
    process = ground.run(replace(worker, argv=(*worker.argv, "--include", "tests.bench.noop")))
    process.wait_for_line("ready.")
    return process


@contextmanager
def _doorbell(ground: Ground) -> Iterator[socket.socket]:
    """Where the empty task says that it runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(str(ground.folder / "doorbell"))
        bell.settimeout(PATIENCE)
        yield bell


def _start_of_empty_task(bell: socket.socket) -> float:
    began = time.perf_counter()
    noop.apply_async((bell.getsockname(),), expires=10)
    bell.recv(1)
    return time.perf_counter() - began


def _click(ground: Ground, browser: Browser, found: fleet.Fleet, server: Server) -> Click:
    path = reverse("jobs:job_new", args=[found.team.slug, server.pk, "reboot"])
    form = browser.get(path)
    names = ("csrfmiddlewaretoken", "client_token")
    fields = {name: form.found(rf'name="{name}" value="([^"]+)"') for name in names}
    ground.tap.forget()
    answer = browser.post(path, fields)
    first_byte = ground.tap.first_bytes.get(timeout=PATIENCE)
    sent = Job.objects.filter(server=server, status=JobStatus.OBSERVING)
    wait_for(sent.exists, what=f"the job was sent (the click was answered with {answer.status})")
    # As if a minute lay between two clicks: more than five within five seconds are read together, once a tick.
    sent.update(sent_at=F("sent_at") - timedelta(minutes=1))
    return Click(first_byte - answer.began, answer.seconds)


def _figures(empty: list[float], clicks: list[Click]) -> list[Figure]:
    first, answers = [click.first_byte for click in clicks], [click.answer for click in clicks]
    ratio = median(first) / median(empty)
    how = f"{len(clicks)} clicks over HTTP, each after one empty task, on an idle worker"
    return [
        Figure(name="click to first byte", value=ratio, unit="x empty task", bar=BAR, how=how),
        _milliseconds("click to first byte: time", first, "POST out, to the first byte of the reading"),
        _milliseconds("empty task: time", empty, "apply_async of a no-op, to its first line"),
        _milliseconds("click: answer", answers, "POST out, to the end of its answer"),
    ]


def _milliseconds(name: str, values: list[float], what: str) -> Figure:
    how = f"{what}; median of {len(values)}, p95 {1000 * p95(values):.1f}"
    return Figure(name=name, value=1000 * median(values), unit="ms", how=how, digits=1)
