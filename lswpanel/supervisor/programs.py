"""The command lines of everything the supervisor starts."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lswpanel import environment
from lswpanel.supervisor import gate, valkey
from lswpanel.supervisor.children import Program, Stage

ROOT = Path(__file__).resolve().parent.parent.parent
# A request to Leaseweb in flight is finished before the worker goes; its deadlines add up to less than this.
WORKER_GRACE = 50.0
WEB_GRACE = 10.0
VALKEY_GRACE = 10.0
SIMULATED_SERVERS = 60
# Nothing to act on: the host's memory settings do not matter at this size, and the rest tells of every start.
VALKEY_CHATTER = ("overcommit", "Reading config", "scheduling shutdown", "ready to exit")


def environment_for_children(base: Mapping[str, str]) -> dict[str, str]:
    """`base`, with the project importable from every folder and the output of Python programs unbuffered."""
    paths = [str(ROOT), *filter(None, [base.get("PYTHONPATH")])]
    return {**base, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, kw_only=True)
class Broker:
    """How to start Valkey, and how to reach it. A new password is made at every start of the panel."""

    server: Path
    socket: Path
    folder: Path
    password: str

    @property
    def url(self) -> str:
        return valkey.broker_url(socket=self.socket, password=self.password)


def broker(broker: Broker, *, env: Mapping[str, str], held: tuple[int, ...] = ()) -> Program:
    """Valkey; `held` are descriptors it keeps open as long as it lives."""
    return Program(
        name="valkey",
        argv=(str(broker.server), "-"),
        environment=env,
        fds=held,
        stdin=valkey.configuration(socket=broker.socket, folder=broker.folder, password=broker.password),
        stage=Stage.BASE,
        grace=VALKEY_GRACE,
        hide=VALKEY_CHATTER,
    )


def web(
    *, env: Mapping[str, str], listener: int, gate_fd: int | None = None, held: tuple[int, ...] = ()
) -> Program:
    """gunicorn on a socket that is already bound; how it serves is said in `lswpanel.gunicorn_config`.

    It loads the panel before it forks: a process that waits at the gate is none that gunicorn thinks has hung.
    `held` are descriptors it keeps open as long as it lives.
    """
    if gate_fd is not None:
        env, held = {**env, gate.VARIABLE: str(gate_fd)}, (gate_fd, *held)
    argv = _module("gunicorn", "lswpanel.wsgi", "--config", "python:lswpanel.gunicorn_config")
    argv += ("--bind", f"fd://{listener}", "--workers", "1")
    argv += ("--graceful-timeout", f"{WEB_GRACE - 2:.0f}", "--log-level", "warning")
    return Program(name="web", argv=argv, environment=env, fds=(listener, *held), grace=WEB_GRACE)


def worker(*, env: Mapping[str, str], name: str = "worker", queue: str = "") -> Program:
    """Threads, because its work is waiting for Leaseweb; it talks to no other worker, and nobody listens for its heart.

    `queue`: the only one that it takes from; empty for all. Celery's warning about root is left out: `manage.py up`
    says it once, for all processes.
    """
    threads = environment.integer("WORKER_CONCURRENCY", 8, at_least=1)
    chosen = ("--queues", queue) if queue else ()
    argv = _celery("worker", "--hostname", f"{name}@%h", *chosen, "--pool", "threads")
    argv += ("--concurrency", str(threads), "--without-mingle", "--without-gossip", "--without-heartbeat")
    return Program(name=name, argv=argv, environment=env, stage=Stage.WORK, grace=WORKER_GRACE)


def beat(*, env: Mapping[str, str]) -> Program:
    """With the scheduler that keeps its times in memory: the one entry is due every two seconds anyway."""
    return Program(name="beat", argv=_celery("beat", "--scheduler", "celery.beat:Scheduler"), environment=env)


def simulator(*, env: Mapping[str, str], listener: int) -> Program:
    """Leaseweb as the demo has it: it takes every key that begins with `demo-`.

    It outlives the worker, which may be waiting for its answer.
    """
    argv = _module("servers.leaseweb.simulator", "--fd", str(listener), "--servers", str(SIMULATED_SERVERS))
    argv += ("--seed", "7", "--time-scale", "1", "--lively")
    return Program(name="simulator", argv=argv, environment=env, fds=(listener,), stage=Stage.BASE)


def manage(command: str, *, env: Mapping[str, str]) -> Program:
    """A management command that ends by itself."""
    return Program(name=command, argv=(sys.executable, str(ROOT / "manage.py"), command), environment=env)


def _celery(*words: str) -> tuple[str, ...]:
    quiet = ("-W", "ignore:You're running the worker")
    python, *rest = _module("celery", "--quiet", "--app", "lswpanel", *words)
    return (python, *quiet, *rest)


def _module(name: str, *words: str) -> tuple[str, ...]:
    """`-P`: the folder somebody happens to stand in is not where modules come from."""
    return (sys.executable, "-P", "-m", name, *words)
