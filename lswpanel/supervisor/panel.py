"""The panel as a whole: what starts in which order, what a stop waits for, and what ends it all."""

import contextlib
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lswpanel import queues
from lswpanel.supervisor import programs, valkey
from lswpanel.supervisor.children import Child, Program, Service, Stage
from lswpanel.supervisor.errors import StartError, Stopped
from lswpanel.supervisor.gate import Gate
from lswpanel.supervisor.listener import listen, reachable
from lswpanel.supervisor.lock import FolderLock, unusable
from lswpanel.supervisor.loop import Loop
from lswpanel.supervisor.output import Terminal
from lswpanel.supervisor.probe import Probe, Question, http_question

# Seconds. Generous: a first start on a slow disk is no failure, a start that hangs is.
LOCK_PATIENCE = 20.0
START_PATIENCE = 60.0
PREPARE_PATIENCE = 600.0
AFTER_KILL = 5.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run. `url` is what people type; `base` the environment every child starts from."""

    data: Path
    host: str
    port: int
    url: str
    url_host: str
    demo: bool
    base: Mapping[str, str]
    started: float


class Panel:
    """Runs the plan until a signal ends it; `run` raises StartError, with all ended, when it cannot start."""

    def __init__(self, plan: Plan, *, terminal: Terminal) -> None:
        self._plan = plan
        self._terminal = terminal
        self._loop = Loop()
        self._services: list[Service] = []
        self._children: list[Child] = []
        self._env = programs.environment_for_children(plan.base)

    def run(self) -> None:
        with self._loop, contextlib.ExitStack() as cleanup:
            self._loop.on_child_ended(self._collect)
            try:
                self._start(cleanup)
                self._wait(lambda: False, what="The panel")
            except Stopped:
                return
            finally:
                self._stop()

    # --- Starting ------------------------------------------------------------------------------------------

    def _start(self, cleanup: contextlib.ExitStack) -> None:
        lock = FolderLock(self._plan.data)
        cleanup.callback(lock.close)
        self._wait(lock.acquire, what="The end of the previous panel", seconds=LOCK_PATIENCE, every=0.05)
        listener = cleanup.enter_context(listen(self._plan.host, self._plan.port))
        self._start_broker(cleanup, lock=lock)
        if self._plan.demo:
            self._start_simulator(cleanup)
        # The web server loads the panel while database and files are made ready, and waits for them.
        gate = Gate()
        fd = listener.fileno()
        cleanup.callback(gate.close)
        self._serve(programs.web(env=self._env, listener=fd, gate_fd=gate.fd, held=(lock.fd,)))
        said = self._prepare()
        gate.open()
        self._await_answer(self._health(listener), what="The web server")
        # Only now: more programs starting at once would keep whoever waits for the page waiting longer.
        self._serve(programs.worker(env=self._env, name="sender", queue=queues.SENDS))
        self._serve(programs.worker(env=self._env, queue=queues.READINGS))
        self._serve(programs.beat(env=self._env))
        seconds = time.monotonic() - self._plan.started
        self._terminal.say(f"lswpanel is running at {self._plan.url}")
        self._terminal.say(f"Started in {seconds:.1f} s. Ctrl-C stops it.")
        for line in said or self._first_account():
            self._terminal.say(line)

    def _start_broker(self, cleanup: contextlib.ExitStack, *, lock: FolderLock) -> None:
        server = valkey.find_server()
        folder = self._plan.data / "valkey"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            place = valkey.SocketFolder(self._plan.data)
        except OSError as error:
            raise unusable(self._plan.data, error.strerror or str(error)) from error
        cleanup.callback(place.close)
        password = secrets.token_urlsafe(24)
        broker = programs.Broker(server=server, socket=place.socket, folder=folder, password=password)
        self._serve(programs.broker(broker, env=self._env, held=(lock.fd,)))
        self._await_answer(valkey.readiness(socket=place.socket, password=password), what="Valkey")
        self._env = {**self._env, "BROKER_URL": broker.url}

    def _start_simulator(self, cleanup: contextlib.ExitStack) -> None:
        listener = cleanup.enter_context(listen("127.0.0.1", 0))
        self._serve(programs.simulator(env=self._env, listener=listener.fileno()))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/cloud/v2"
        self._env = {**self._env, "LEASEWEB_API_URL": url}

    def _prepare(self) -> list[str]:
        """Bring database and static files up to date; in a demo, fill them. Returns what to tell."""
        if self._plan.demo:
            return self._run("seed_demo", quiet=True)
        self._run("prepare")
        return []

    def _first_account(self) -> list[str]:
        """The way to the first account, while there is none. Asked last: nobody has to wait for it twice."""
        return [f"Create the first account here: {link}" for link in self._run("setup_link", quiet=True)]

    def _health(self, listener: socket.socket) -> Question:
        return http_question(address=reachable(listener), path="/healthz/", host=self._plan.url_host)

    # --- Children ------------------------------------------------------------------------------------------

    def _serve(self, program: Program) -> None:
        service = Service(program, loop=self._loop, show=self._terminal.line)
        self._services.append(service)

    def _run(self, command: str, *, quiet: bool = False) -> list[str]:
        """Run a management command to its end. `quiet`: return its lines, and show them only if it fails."""
        lines: list[str] = []
        show = lines.append if quiet else lambda line: self._terminal.line(command, line)
        child = Child(programs.manage(command, env=self._env), loop=self._loop, show=show)
        self._children.append(child)
        try:
            self._wait(lambda: child.code is not None, what=command, seconds=PREPARE_PATIENCE)
        except StartError as error:
            cut = f"manage.py {command} was stopped, too; the next start repeats it."
            raise StartError(f"{error} {cut}") from error
        self._children.remove(child)
        if child.code == 0:
            return lines
        for line in lines:
            self._terminal.line(command, line)
        raise StartError(f"manage.py {command} failed with code {child.code}; its lines above say why.")

    def _collect(self) -> None:
        for child in self._children:
            child.collect()
        for service in self._services:
            service.collect()

    # --- Waiting -------------------------------------------------------------------------------------------

    def _await_answer(self, question: Question, *, what: str) -> None:
        probe = Probe(self._loop, question)
        try:
            self._wait(lambda: probe.ready, what=what, seconds=START_PATIENCE)
        finally:
            probe.close()

    def _wait(
        self,
        done: Callable[[], bool],
        *,
        what: str,
        seconds: float | None = None,
        every: float | None = None,
    ) -> None:
        """Turn the loop until `done`.

        Raises Stopped on a signal, StartError when the time is over.
        """
        over = self._loop.run_until(
            lambda: self._loop.stop_requests > 0 or done(), seconds=seconds, every=every
        )
        if self._loop.stop_requests:
            raise Stopped
        if not over:
            raise StartError(f"{what} took longer than {seconds:.0f} s; the lines above may say why.")

    # --- Stopping ------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """End everything, in order. A further signal skips the patience; nothing skips the end."""
        if self._all_ended():
            return
        requests = self._loop.stop_requests
        self._terminal.say(
            "Stopping. The worker finishes what it has begun; Ctrl-C again does not wait for it."
        )
        for stage in Stage:
            members = [member for member in self._members() if member.program.stage is stage]
            self._end(members, impatient=lambda: self._loop.stop_requests > requests)
        self._terminal.say("Stopped.")

    def _end(self, members: list[Child | Service], *, impatient: Callable[[], bool]) -> None:
        def over() -> bool:
            return all(member.ended for member in members)

        for member in members:
            member.terminate()
        grace = max((member.program.grace for member in members), default=0.0)
        self._loop.run_until(lambda: over() or impatient(), seconds=grace)
        for member in members:
            member.kill()
        self._loop.run_until(over, seconds=AFTER_KILL)

    def _all_ended(self) -> bool:
        return all(member.ended for member in self._members())

    def _members(self) -> list[Child | Service]:
        return [*self._children, *self._services]
