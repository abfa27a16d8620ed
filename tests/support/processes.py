"""Real children for tests: gunicorn, Celery and the rest, each with a log file and all ended at the end."""

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from lswpanel.supervisor import tether
from lswpanel.supervisor.children import Program
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
# Below the range from which the kernel hands out ports by itself, so nobody gets one of these by chance.
PORTS = range(20_000, 30_000)


class Process:
    """One started program; `log` is everything it has printed so far, on both streams."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.pid = popen.pid
        self._popen = popen
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._popen.poll()

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, *, seconds: float = 120.0) -> int:
        """The exit code, when it has ended. Raises AssertionError with the log when it does not end."""
        try:
            return self._popen.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds:g} s:\n{self.log}") from None

    def wait_for_line(self, part: str, *, seconds: float = 180.0) -> str:
        """The first line of the log that contains `part`; fails at once when the process ends without it."""

        def found() -> str:
            ended = self.code is not None
            line = next((line for line in self.log.splitlines() if part in line), "")
            if ended and not line:
                raise AssertionError(f"{self.name} ended with {self.code} before {part!r}:\n{self.log}")
            return line

        return wait_for(found, what=f"{part!r} in the log of {self.name}", seconds=seconds)

    def family(self) -> list[psutil.Process]:
        """The process and everything below it, as it is now."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self, *, seconds: float = 60.0) -> None:
        """End it, politely and after `seconds` by force, and then whatever it has left behind."""
        below = self.family()[1:]
        self._popen.terminate()
        try:
            self._popen.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        for process in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(below, timeout=60)


class Processes:
    """Starts programs with logs in `folder`; `stop` ends them, the youngest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []

    def start(
        self,
        name: str,
        argv: list[str],
        *,
        env: Mapping[str, str],
        fds: tuple[int, ...] = (),
        stdin: bytes = b"",
    ) -> Process:
        """Start `argv` (its first word a full path) with exactly the environment `env`."""
        log = self._folder / f"{len(self._started)}-{name}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-I", tether.__file__, str(os.getpid()), *argv],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=dict(env),
                pass_fds=fds,
                start_new_session=True,
            )
        if popen.stdin:
            with popen.stdin as pipe:
                pipe.write(stdin)
        process = Process(name, popen, log)
        self._started.append(process)
        return process

    def run(self, program: Program) -> Process:
        """Start what the supervisor would start."""
        return self.start(
            program.name,
            list(program.argv),
            env=program.environment,
            fds=program.fds,
            stdin=program.stdin,
        )

    def python(self, name: str, *words: str, env: Mapping[str, str], fds: tuple[int, ...] = ()) -> Process:
        return self.start(name, [sys.executable, *words], env=env, fds=fds)

    def stop(self) -> None:
        while self._started:
            self._started.pop().stop()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Real processes for one test; what still runs at its end is ended."""
    folder = tmp_path / "logs"
    folder.mkdir()
    started = Processes(folder)
    yield started
    started.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses, for programs that have to be told a number."""
    candidates = random.sample(PORTS, k=50)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"none of {len(candidates)} ports is free")
