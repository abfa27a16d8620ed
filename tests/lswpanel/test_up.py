"""`manage.py up` as a person sees it: real processes, real signals."""

import contextlib
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.support.panel import Panel, environment, refused, run_panel
from tests.support.processes import Processes, free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.once]
Start = Callable[..., Panel]
CHILDREN = ("valkey", "web", "sender", "worker", "beat")


def assert_gone(processes: list[psutil.Process], *, seconds: float = 60.0) -> None:
    """None of them runs any more, within a bound that only a failure reaches."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    assert left == []


@pytest.fixture(scope="module")
def panel(prepared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """One running panel for all tests that leave it running."""
    folder = tmp_path_factory.mktemp("panel")
    processes = Processes(folder)
    panel = run_panel(processes, data=shutil.copytree(prepared_folder, folder / "data"), port=free_port())
    panel.await_start()
    yield panel
    processes.stop()


def test_up_starts_everything_and_says_where(panel: Panel) -> None:
    assert panel.answers()
    assert {name: panel.child(name).is_running() for name in CHILDREN} == dict.fromkeys(CHILDREN, True)
    lines = panel.process.log.splitlines()
    assert [line for line in lines if "running at" in line] == [f"lswpanel is running at {panel.url}"]


def test_up_says_how_long_the_start_took(panel: Panel) -> None:
    words = panel.process.wait_for_line("Started in ").split()
    assert 0.1 < float(words[2]) <= time.time() - psutil.Process(panel.process.pid).create_time() + 0.1


def test_up_offers_the_first_account(panel: Panel) -> None:
    assert f": {panel.url}/" in panel.process.wait_for_line("Create the first account here: ")


def test_data_folder_is_closed_to_others(panel: Panel) -> None:
    written = [panel.data / name for name in ("lock", "run", "valkey", "run/valkey.sock")]
    assert {path.stat().st_mode & 0o077 for path in written} == {0}


def test_password_of_the_broker_is_in_no_argument_and_no_file(panel: Panel) -> None:
    password = urlsplit(panel.child("worker").environ()["BROKER_URL"]).password
    assert password
    words = [word for process in panel.process.family() for word in process.cmdline()]
    files = [path for path in panel.data.rglob("*") if path.is_file()]
    assert not any(password in word for word in words)
    assert not any(password.encode() in path.read_bytes() for path in files)
    assert password not in panel.process.log


@pytest.mark.parametrize("name", CHILDREN)
def test_up_starts_a_killed_child_again(panel: Panel, name: str) -> None:
    killed = panel.child(name)
    killed.kill()
    panel.process.wait_for_line(f"{name} was ended by SIGKILL; starting it again in 0.5 s")
    wait_for(lambda: panel.child(name).pid != killed.pid, what=f"a new {name}")
    wait_for(panel.answers, what="the panel answers")


def test_panel_says_when_its_broker_hangs_and_recovers(panel: Panel) -> None:
    """A worker ticks by itself meanwhile, and finds out."""
    broker = panel.child("valkey")
    broker.suspend()
    wait_for(lambda: "broker" in troubles(panel), what="a worker says that the broker does not answer")
    assert panel.answers()
    broker.resume()
    wait_for(lambda: set(troubles(panel)) == {""}, what="all workers work again")


def troubles(panel: Panel) -> list[str]:
    """What the workers' heartbeats say, of those that beat."""
    with contextlib.closing(sqlite3.connect(panel.data / "lswpanel.sqlite3")) as database:
        rows = database.execute(
            "SELECT trouble FROM jobs_heartbeat WHERE driver = 'worker' AND at > datetime('now', '-6 seconds')"
        )
        return [trouble for (trouble,) in rows]


def test_up_refuses_a_data_folder_in_use(panel: Panel) -> None:
    line = refused(environment(panel.data, port=free_port()))
    assert f"{panel.data} is in use by another lswpanel (process {panel.process.pid})" in line
    assert panel.answers()


def test_first_visitor_waits_until_everything_is_ready(start_panel: Start, tmp_path: Path) -> None:
    """The socket is there long before the database and the static files of an empty folder are."""
    panel = start_panel(data=tmp_path / "empty")
    panel.child("web")
    answer = httpx.get(f"{panel.url}/accounts/login/", timeout=300)
    assert answer.status_code == 200
    assert "Sign in" in answer.text


def test_up_can_be_stopped_while_it_starts(start_panel: Start) -> None:
    panel = start_panel()
    panel.child("valkey")
    family = panel.process.family()
    assert panel.stop(signal.SIGHUP) == 0
    assert_gone(family, seconds=0)
    assert "lswpanel is running at" not in panel.process.log


def test_up_leaves_nothing_when_it_is_killed_and_starts_again(start_panel: Start) -> None:
    panel = start_panel()
    panel.await_start()
    family = panel.process.family()
    assert panel.stop(signal.SIGKILL) == -signal.SIGKILL
    # At once: the next one waits for what is still ending, and gets the same port.
    again = start_panel(port=int(panel.url.rpartition(":")[2]))
    again.await_start()
    assert again.answers()
    assert_gone(family)


def test_up_ends_cleanly_and_completely_the_broker_after_the_worker(start_panel: Start) -> None:
    panel = start_panel()
    panel.await_start()
    family = panel.process.family()
    worker, valkey = panel.child("sender"), panel.child("valkey")
    front = [panel.child("web"), panel.child("beat")]
    worker.suspend()
    panel.process.signal(signal.SIGTERM)
    assert_gone(front)
    assert worker.is_running()
    assert valkey.is_running()
    worker.resume()
    assert panel.process.wait() == 0
    assert_gone(family, seconds=0)
    assert panel.process.log.splitlines()[-1] == "Stopped."
    assert not (panel.data / "run" / "valkey.sock").exists()


def test_second_signal_does_not_wait_for_the_worker(start_panel: Start) -> None:
    panel = start_panel()
    panel.await_start()
    family = panel.process.family()
    front = [panel.child("web"), panel.child("beat")]
    panel.child("worker").suspend()
    panel.process.signal(signal.SIGINT)
    assert_gone(front)
    panel.process.signal(signal.SIGINT)
    assert panel.process.wait() == 0
    assert_gone(family, seconds=0)


def test_up_refuses_a_taken_port(data_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(environment(data_folder, port=port))
    assert line.startswith(f"lswpanel: Port {port} on 127.0.0.1 is already in use.")


def test_up_runs_in_a_folder_too_long_for_a_socket(
    start_panel: Start, data_folder: Path, tmp_path: Path
) -> None:
    long = tmp_path / ("a long folder " * 10)
    panel = start_panel(data=data_folder.rename(long))
    panel.await_start()
    assert panel.answers()
    wait_for(lambda: "ready." in panel.process.log, what="the worker reached the broker")
    assert panel.stop() == 0


def test_up_reports_a_folder_it_cannot_make(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused(environment(tmp_path / "file" / "data", port=free_port()))
    assert line.startswith("lswpanel: ")
    assert "Not a directory" in line


@pytest.mark.parametrize("with_keys", [True, False])
def test_up_reports_a_disk_without_room(data_folder: Path, tmp_path: Path, with_keys: bool) -> None:
    folder = data_folder if with_keys else tmp_path / "new"
    no_room = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")
    line = refused(environment(folder, port=free_port()), *no_room)
    assert "cannot be used: File too large" in line


def test_up_reports_a_missing_broker_program(data_folder: Path) -> None:
    line = refused(environment(data_folder, port=free_port(), VALKEY_SERVER="no-such-program"))
    assert line == "lswpanel: VALKEY_SERVER is no-such-program, which is not a program that can be started."


def test_up_reports_a_wrong_setting(data_folder: Path) -> None:
    line = refused({**environment(data_folder, port=8000), "PORT": "eighty"})
    assert line.startswith("lswpanel: PORT must be a whole number of at least 1")


def test_up_ends_when_a_step_of_the_start_fails(data_folder: Path) -> None:
    (data_folder / "lswpanel.sqlite3").write_bytes(b"not a database")
    line = refused(environment(data_folder, port=free_port()))
    assert line == "lswpanel: manage.py prepare failed with code 1; its lines above say why."
