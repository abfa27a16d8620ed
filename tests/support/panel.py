"""A whole panel as `manage.py up` starts it, for tests that look at it from outside."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.processes import ROOT, Process, Processes, free_port
from tests.support.waiting import wait_for

MANAGE = [sys.executable, str(ROOT / "manage.py")]
UP = [*MANAGE, "up"]
# What identifies a child in its command line.
MARKS = {
    "web": "gunicorn",
    "sender": " --queues lswpanel-sends ",
    "worker": " --queues lswpanel ",
    "beat": " beat ",
    "valkey": "valkey-server",
    "simulator": "servers.leaseweb.simulator",
}


class Panel:
    """One running `manage.py up`."""

    def __init__(self, process: Process, *, data: Path, url: str) -> None:
        self.process = process
        self.data = data
        self.url = url

    def await_start(self) -> None:
        """Until it says that it is running, which it does once."""
        self.process.wait_for_line("lswpanel is running at")

    def child(self, name: str) -> psutil.Process:
        """The direct child called web, sender, worker, beat, valkey or simulator, as soon as there is one."""
        return wait_for(lambda: self._find(name), what=f"{name} runs")

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz/", timeout=30).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; returns the exit code."""
        self.process.signal(number)
        return self.process.wait()

    def _find(self, name: str) -> psutil.Process | None:
        direct = [process for process in self.process.family() if process.ppid() == self.process.pid]
        return next((process for process in direct if MARKS[name] in _words(process)), None)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def environment(data: Path, *, port: int, **more: str) -> dict[str, str]:
    """What a person's shell would hold: no secrets, no database, a folder and a port."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    # A developer's own .env is about another panel.
    return {**kept, "PYTHON_DOTENV_DISABLED": "on", "DATA_DIR": str(data), "PORT": str(port), **more}


def manage(
    data: Path, *words: str, launcher: Sequence[str] = (), **env: str
) -> subprocess.CompletedProcess[str]:
    """`manage.py` in a fresh process that knows nothing but `env` and its data folder; `launcher` starts it."""
    return subprocess.run(
        [*launcher, *MANAGE, *words],
        env=environment(data, port=8000, **env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line in which a command that was refused says why."""
    assert done.returncode == 1, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done
    return lines[0]


def refused(env: dict[str, str], *words: str) -> str:
    """Run `manage.py up` where it cannot start; returns its one line on standard error."""
    done = subprocess.run(
        [*words, *UP], env=env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    return one_line(done)


@pytest.fixture(scope="session")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with keys and a migrated database, made once because that takes seconds."""
    folder = tmp_path_factory.mktemp("prepared")
    done = manage(folder, "prepare")
    assert done.returncode == 0, done
    return folder


@pytest.fixture
def data_folder(prepared_folder: Path, tmp_path: Path) -> Path:
    """A data folder of the test's own, with a migrated database."""
    return shutil.copytree(prepared_folder, tmp_path / "data")


@pytest.fixture
def start_panel(processes: Processes, data_folder: Path) -> Callable[..., Panel]:
    """Starts `manage.py up`; the keyword `data` names another folder, `port` a port."""

    def start(*, data: Path = data_folder, port: int | None = None) -> Panel:
        return run_panel(processes, data=data, port=port or free_port())

    return start


def run_panel(processes: Processes, *, data: Path, port: int) -> Panel:
    """Start `manage.py up` and do not wait for it."""
    process = processes.start("up", UP, env=environment(data, port=port))
    return Panel(process, data=data, url=f"http://localhost:{port}")
