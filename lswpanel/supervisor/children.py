"""One child process: how it starts, how its lines reach the terminal, how it ends and is started again."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from lswpanel.supervisor import tether
from lswpanel.supervisor.backoff import Backoff
from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.loop import Loop
from lswpanel.supervisor.output import Lines

CHUNK = 64 * 1024
# Tells a program whose place it takes: the process id of the one that ended before it.
ENDED = "ENDED_PID"


class Stage(IntEnum):
    """The order of stopping: what makes work, then what does it, then what both need."""

    FRONT = 0
    WORK = 1
    BASE = 2


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to start. `grace`: seconds from asking it to end to killing it; `hide`: parts of dull lines."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    fds: tuple[int, ...] = ()
    stdin: bytes = field(default=b"", repr=False)
    stage: Stage = Stage.FRONT
    grace: float = 10.0
    hide: tuple[str, ...] = ()


class Child:
    """A running program in a session of its own, so that Ctrl-C reaches the supervisor only."""

    def __init__(self, program: Program, *, loop: Loop, show: Callable[[str], None]) -> None:
        self.program = program
        self.started = time.monotonic()
        self._loop = loop
        self._show = show
        self._lines = Lines()
        self._process = _spawn(program)
        self._out = self._process.stdout.fileno() if self._process.stdout else -1
        os.set_blocking(self._out, False)
        loop.watch(self._out, selectors.EVENT_READ, self._read)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal, None while it runs. Set by `collect` only."""
        return self._process.returncode

    @property
    def ended(self) -> bool:
        return self.code is not None

    def collect(self) -> bool:
        """Look whether it has ended; if so, end what it left behind and show its last lines. True once."""
        if self.code is not None or self._process.poll() is None:
            return False
        self._signal_group(signal.SIGKILL)
        while self._read():
            continue
        self._close()
        return True

    def terminate(self) -> None:
        """Ask the process itself: it knows how to stop the ones it has."""
        if self.code is None:
            self._process.terminate()

    def kill(self) -> None:
        if self.code is None:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self) -> bool:
        """Show one chunk of output; False when there is nothing more now."""
        try:
            data = os.read(self._out, CHUNK) if self._out >= 0 else b""
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        self._show_all(self._lines.feed(data))
        return True

    def _close(self) -> None:
        if self._out < 0 or not self._process.stdout:
            return
        self._show_all(self._lines.close())
        self._loop.forget(self._out)
        self._process.stdout.close()
        self._out = -1

    def _show_all(self, lines: list[str]) -> None:
        for line in lines:
            if line.strip() and not any(part in line for part in self.program.hide):
                self._show(line)


class Service:
    """A program that has to run: started again when it ends, with growing waits, until it is told to stop."""

    def __init__(
        self,
        program: Program,
        *,
        loop: Loop,
        show: Callable[[str, str], None],
    ) -> None:
        """`show` takes a name and a line."""
        self.program = program
        self._loop = loop
        self._show = show
        self._backoff = Backoff()
        self._wanted = True
        self.child: Child | None = None
        self._start()

    @property
    def ended(self) -> bool:
        return self.child is None

    def collect(self) -> None:
        if self.child is None or not self.child.collect():
            return
        child, self.child = self.child, None
        if self._wanted:
            self._start_again(child)

    def terminate(self) -> None:
        self._wanted = False
        if self.child is not None:
            self.child.terminate()

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()

    def _start(self, *, after: Child | None = None) -> None:
        if self._wanted:
            program, name = self.program, self.program.name
            if after is not None:
                program = replace(program, environment={**program.environment, ENDED: str(after.pid)})
            self.child = Child(program, loop=self._loop, show=lambda line: self._show(name, line))

    def _start_again(self, child: Child) -> None:
        how = _how_it_ended(child.code)
        wait = self._backoff.failed(lived=time.monotonic() - child.started)
        self._show("lswpanel", f"{self.program.name} {how}; starting it again in {wait:g} s")
        self._loop.later(wait, lambda: self._start(after=child))


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    """Raises StartError when there is no such program or it may not be run."""
    try:
        process = _popen(program)
    except OSError as error:
        raise StartError(f"{program.argv[0]} cannot be started: {error.strerror}.") from error
    if process.stdin:
        # Far below what a pipe holds, so this never waits for the child.
        with process.stdin as pipe, contextlib.suppress(BrokenPipeError):
            pipe.write(program.stdin)
    return process


def _popen(program: Program) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    return subprocess.Popen(
        program.argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(program.environment),
        pass_fds=program.fds,
        start_new_session=True,
        # Safe here: the supervisor has one thread.
        preexec_fn=lambda: tether.tie_to_parent(parent),
        bufsize=0,
    )
