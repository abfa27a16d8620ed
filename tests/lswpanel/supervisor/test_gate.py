import os
import sys
from collections.abc import Iterator

import pytest

from lswpanel.supervisor import gate
from lswpanel.supervisor.gate import Gate
from tests.support.processes import Process, Processes

pytestmark = [pytest.mark.processes, pytest.mark.once]
WAIT = "from lswpanel.supervisor import gate; print('there', flush=True); gate.wait(); print('through')"


@pytest.fixture
def shut() -> Iterator[Gate]:
    shut = Gate()
    yield shut
    shut.close()


def start(processes: Processes, shut: Gate) -> Process:
    env = {**os.environ, gate.VARIABLE: str(shut.fd)}
    return processes.start("waiting", [sys.executable, "-c", WAIT], env=env, fds=(shut.fd,))


def test_program_waits_until_the_gate_is_opened(processes: Processes, shut: Gate) -> None:
    waiting = start(processes, shut)
    waiting.wait_for_line("there")
    assert waiting.code is None
    assert "through" not in waiting.log
    shut.open()
    waiting.wait_for_line("through")
    assert waiting.wait() == 0


def test_open_gate_lets_through_whoever_comes_later(processes: Processes, shut: Gate) -> None:
    shut.open()
    shut.open()
    for _ in range(2):
        start(processes, shut).wait_for_line("through")


def test_gate_that_is_given_back_holds_nobody_up(processes: Processes) -> None:
    shut = Gate()
    waiting = start(processes, shut)
    waiting.wait_for_line("there")
    shut.close()
    waiting.wait_for_line("through")


def test_program_without_a_gate_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(gate.VARIABLE, raising=False)
    gate.wait()
