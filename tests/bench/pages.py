"""Pages of the panel against the yardstick, served by the same gunicorn settings and asked in turn in one run."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from jobs.models import Heartbeat
from tests.bench import fleet
from tests.bench.browser import Answer, Browser
from tests.bench.figures import Figure, median, p95
from tests.bench.ground import Ground
from tests.support.processes import ROOT

YARDSTICK = "/rows/"
WARM_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is asked for. `ratio`, `queries` and `size` are bars, if any; `status` is the only right answer."""

    name: str
    path: str
    ratio: float | None = None
    queries: int | None = None
    size: int | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of the yardstick and of the page, taken in turn, and the page's last answer."""

    yardstick: list[float]
    page: list[float]
    answer: Answer


def measure(ground: Ground, *, servers: int, entries: int, pairs: int) -> list[Figure]:
    """`servers` and `entries` (of the audit trail): how much the team has; `pairs`: how often each page is asked."""
    found = fleet.found(ground.key, name="Pages")
    fleet.enlarge(found, servers=servers, entries=entries)
    # No worker runs here, and the pages need not say so.
    Heartbeat.objects.all().delete()
    open_yardstick = _yardstick(ground)
    panel = ground.serve()
    figures: list[Figure] = []
    asked: list[float] = []
    for page in _pages(found, servers=servers, entries=entries):
        with open_yardstick() as yardstick, Browser(panel, cookie=found.cookie(panel)) as browser:
            size = len(_asked(yardstick, YARDSTICK, 200).body)
            taken = _in_turn(yardstick, browser, page, pairs)
        asked += taken.yardstick
        figures += _figures(page, taken, _queries(found, page))
    return [_bare(asked, size), *figures]


def _bare(asked: list[float], size: int) -> Figure:
    how = f"p50 of all {len(asked)} requests, p95 {_ms(p95(asked))}; {size:,} bytes"
    return Figure(name="yardstick", value=1000 * median(asked), unit="ms", how=how, digits=1)


def _yardstick(ground: Ground) -> Callable[[], Browser]:
    """Start the yardstick on a database of its own; returns what opens a connection to it."""
    env = ground.new_database("yardstick")
    command = [sys.executable, "-m", "tests.bench.yardstick"]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    port = ground.serve(application="tests.bench.yardstick:application", DATABASE_URL=env["DATABASE_URL"])
    return lambda: Browser(port, cookie=done.stdout.strip())


def _pages(found: fleet.Fleet, *, servers: int, entries: int) -> list[Page]:
    slug = found.team.slug
    listing = reverse("servers:server_list", args=[slug])
    detail = reverse("servers:server_detail", args=[slug, found.server.pk])
    job = reverse("jobs:job_detail", args=[slug, found.job.pk])
    trail = reverse("teams:audit_list", args=[slug])
    return [
        Page(name=f"overview of {servers:,} servers", path=reverse("jobs:overview", args=[slug])),
        Page(name=f"server list, 50 of {servers:,}", path=listing, ratio=1.2, queries=8),
        Page(name="server detail", path=detail, ratio=1.0),
        Page(name="job page", path=job, ratio=1.0),
        Page(name=f"audit list, 50 of {entries:,}", path=trail, ratio=1.0),
        Page(
            name="poll, nothing new",
            path=_poll(found, listing),
            ratio=0.3,
            queries=4,
            size=400,
            status=204,
        ),
    ]


def _poll(found: fleet.Fleet, listing: str) -> str:
    """The very address that an open list of servers asks every two seconds."""
    answer = _client(found).get(listing)
    return Answer(answer.status_code, answer.content, 0, 0).found(r'id="live" data-url="([^"]+)"')


def _in_turn(yardstick: Browser, browser: Browser, page: Page, pairs: int) -> Pairs:
    """One of each in turn, so that whatever else the machine does falls on both alike."""
    taken = Pairs([], [], _asked(browser, page.path, page.status))
    for number in range(WARM_UP + pairs):
        one, other = _asked(yardstick, YARDSTICK, 200), _asked(browser, page.path, page.status)
        if number >= WARM_UP:
            taken.yardstick.append(one.seconds)
            taken.page.append(other.seconds)
    return taken


def _asked(browser: Browser, path: str, status: int) -> Answer:
    answer = browser.get(path)
    if answer.status != status:
        raise RuntimeError(f"{path} answered {answer.status}, not {status}")
    return answer


def _queries(found: fleet.Fleet, page: Page) -> int:
    """Counted in this process, apart from the timing; session and person included."""
    client = _client(found)
    client.get(page.path)
    with CaptureQueriesContext(connection) as seen:
        client.get(page.path)
    return len(seen)


def _client(found: fleet.Fleet) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.cookies[settings.SESSION_COOKIE_NAME] = found.session
    return client


def _figures(page: Page, taken: Pairs, queries: int) -> list[Figure]:
    how = f"p50 {_ms(median(taken.page))}, p95 {_ms(p95(taken.page))}; the yardstick in turn with it "
    how += f"p50 {_ms(median(taken.yardstick))}, p95 {_ms(p95(taken.yardstick))}; {len(taken.page)} pairs"
    ratio = median(taken.page) / median(taken.yardstick)
    return [
        Figure(name=page.name, value=ratio, unit="x yardstick", bar=page.ratio, how=how),
        Figure(
            name=f"{page.name}: queries",
            value=queries,
            unit="queries",
            bar=page.queries,
            how="one request in this process, session and person included",
            digits=0,
        ),
        Figure(
            name=f"{page.name}: size",
            value=len(taken.answer.body),
            unit="bytes",
            bar=page.size,
            how="body, not compressed",
            digits=0,
        ),
    ]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"
