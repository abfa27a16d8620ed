import os
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.processes import PORTS, Processes, free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.once]
SLEEPER = "import time; print('awake', flush=True); time.sleep(600)"
PARENT_OF_ONE = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); {SLEEPER}"


def test_stop_ends_a_process_and_what_it_started(processes: Processes) -> None:
    process = processes.python("parent", "-c", PARENT_OF_ONE, env=os.environ)
    wait_for(lambda: process.log.count("awake") == 2, what="both are awake")
    family = process.family()
    assert len(family) == 2
    processes.stop()
    assert not any(member.is_running() for member in family)
    assert process.code == -signal.SIGTERM


def test_stop_ends_a_process_that_does_not_listen(processes: Processes) -> None:
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
    process = processes.python("deaf", "-c", deaf, env=os.environ)
    process.wait_for_line("awake")
    process.stop(seconds=0.1)
    assert process.code == -signal.SIGKILL


def test_started_process_ends_with_the_one_that_started_it(processes: Processes, tmp_path: Path) -> None:
    starter = (
        "import os, pathlib, sys; from tests.support.processes import Processes;"
        f"child = Processes(pathlib.Path({str(tmp_path)!r})).python('child', '-c', {SLEEPER!r}, env=os.environ);"
        "child.wait_for_line('awake'); print('pid', child.pid, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    process = processes.python("starter", "-c", starter, env=os.environ)
    child = int(process.wait_for_line("pid ").split()[1])
    assert process.wait() == -signal.SIGKILL
    wait_for(lambda: not _runs(child), what="the child is gone")


def _runs(pid: int) -> bool:
    """A process that nobody has reaped yet has ended all the same."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_wait_for_line_reports_an_early_end_with_the_log(processes: Processes) -> None:
    process = processes.python("brief", "-c", "print('good bye')", env=os.environ)
    with pytest.raises(AssertionError, match=r"(?s)brief ended with 0 before 'hello'.*good bye"):
        process.wait_for_line("hello")


def test_process_gets_exactly_the_given_environment(processes: Processes) -> None:
    show = "import os; print(sorted(name for name in os.environ if name != 'LC_CTYPE'))"
    process = processes.start("bare", [sys.executable, "-c", show], env={"ONLY": "this"})
    assert process.wait() == 0
    assert process.log == "['ONLY']\n"


def test_free_port_can_be_bound() -> None:
    port = free_port()
    assert port in PORTS
    socket.create_server(("127.0.0.1", port)).close()
