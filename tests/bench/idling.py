"""What the panel costs while nobody does anything: memory and processor time of `manage.py up`, all processes.

It has a team, a key and a simulated account to read once a minute, and somebody has looked at a few pages. All that is
read of a server by turn was read before, as it is on every day but the first.
"""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from servers.leaseweb.simulator.service import Simulator
from tests.bench.figures import Figure
from tests.support.panel import MARKS, UP, Panel, environment
from tests.support.processes import ROOT, Processes, free_port
from tests.support.waiting import wait_for

SERVERS = 60
EMAIL, PASSWORD, TEAM = "owner@example.com", "a-long-enough-passphrase", "bench"
MEMORY_BAR, CPU_BAR = 400.0, 2.0
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process: proportional set size in bytes, and seconds of processor time since its start."""

    memory: int
    seconds: float


def measure(folder: Path, *, seconds: float) -> list[Figure]:
    """`seconds`: how long to watch the idle panel."""
    folder.mkdir()
    processes, port = Processes(folder), free_port()
    with Simulator(servers=SERVERS) as simulator:
        env = environment(folder / "data", port=port, LEASEWEB_API_URL=simulator.base_url)
        # What a process compiles at its start stays in its memory, and nobody runs the panel like that.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        _furnish(env, key=simulator.key)
        panel = Panel(
            processes.start("up", UP, env=env), data=folder / "data", url=f"http://localhost:{port}"
        )
        try:
            return _watch(panel, simulator, seconds)
        finally:
            processes.stop()


def _watch(panel: Panel, simulator: Simulator, seconds: float) -> list[Figure]:
    asked = len(simulator.journal)
    panel.await_start()
    _look_around(panel.url)
    # By then beat and worker have started and done their regular work once.
    wait_for(lambda: len(simulator.journal) > asked, what="a reading by the worker", seconds=90, pause=0.5)
    begun, before = time.monotonic(), _usage(panel)
    # Nothing to wait for: the point of this figure is a length of time in which nothing happens.
    time.sleep(seconds)
    after, passed = _usage(panel), time.monotonic() - begun
    return [*_memory(before), *_processor(before, after, passed)]


# --- Preparing -------------------------------------------------------------------------------------------------


def _furnish(env: Mapping[str, str], *, key: str) -> None:
    """The commands a person would use instead of the browser."""
    _manage(env, "prepare")
    _manage(env, "create_owner", "--email", EMAIL, "--team", TEAM, "--password-stdin", given=PASSWORD)
    _manage(env, "add_api_key", "--team", TEAM, "--name", "Main", "--key-stdin", given=key)
    _manage({**env, "CALL_BUDGET_PER_MINUTE": "6000"}, "sync")


def _manage(env: Mapping[str, str], *words: str, given: str = "") -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    subprocess.run(
        command, env=env, cwd=ROOT, input=given, text=True, check=True, timeout=120, capture_output=True
    )


def _look_around(url: str) -> None:
    """Sign in, wait for the first reading of the account, and look at the pages people look at most."""
    with httpx.Client(base_url=url, timeout=30, follow_redirects=True, trust_env=False) as browser:
        page = browser.get("/accounts/login/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        token = found[1] if found else ""
        form = {"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token}
        browser.post("/accounts/login/", data=form).raise_for_status()
        servers = f"/t/{TEAM}/servers/"
        wait_for(lambda: "server-row-" in browser.get(servers).text, what="the first reading", pause=0.5)
        for path in (f"/t/{TEAM}/", f"/t/{TEAM}/jobs/", f"/t/{TEAM}/audit/"):
            browser.get(path).raise_for_status()


# --- Measuring -------------------------------------------------------------------------------------------------


def _usage(panel: Panel) -> dict[str, Usage]:
    """By process, named after the child of the supervisor that it belongs to."""
    tops = {panel.child(name).pid: name for name in MARKS if name != "simulator"}
    tops[panel.process.pid] = "supervisor"
    return {_name(process, tops): _of(process) for process in panel.process.family()}


def _name(process: psutil.Process, tops: Mapping[int, str]) -> str:
    if own := tops.get(process.pid):
        return own
    return f"{tops.get(process.ppid(), 'other')}, child {process.pid}"


def _of(process: psutil.Process) -> Usage:
    memory, times = process.memory_full_info(), process.cpu_times()
    # Only Linux knows the share of pages used by several processes.
    return Usage(getattr(memory, "pss", memory.uss), times.user + times.system)


def _memory(usage: Mapping[str, Usage]) -> list[Figure]:
    rows = [
        Figure(name=f"memory, {_shown(name)}", value=used.memory / MEGABYTE, unit="MB", how="PSS", digits=0)
        for name, used in usage.items()
    ]
    total = sum(used.memory for used in usage.values()) / MEGABYTE
    how = f"PSS of all {len(usage)} processes of manage.py up, one account of {SERVERS} servers, pages seen"
    return [
        Figure(name="memory", value=total, unit="MB", bar=MEMORY_BAR, how=how, digits=0),
        *rows,
    ]


def _processor(before: Mapping[str, Usage], after: Mapping[str, Usage], passed: float) -> list[Figure]:
    shares = {
        name: 100 * (used.seconds - before[name].seconds) / passed
        for name, used in after.items()
        if name in before
    }
    most = sorted(shares.items(), key=lambda pair: -pair[1])
    parts = ", ".join(f"{_shown(name)} {share:.2f}" for name, share in most if share >= 0.005)
    how = f"processor time of the same processes over {passed:.0f} s: {parts}"
    return [Figure(name="idle load", value=sum(shares.values()), unit="% of a core", bar=CPU_BAR, how=how)]


def _shown(name: str) -> str:
    return re.sub(r", child \d+$", "'s child", name)
