"""The panel's own environment for measurements from inside: a database, a broker, a simulated Leaseweb.

`Ground` has to be opened before anything of the panel is imported that reads the settings; what it opens is closed
with it. It changes the environment of this process, which is why the benchmark is a program and no test.
"""

import contextlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import django
from django.core.management import call_command

from lswpanel.supervisor import programs, valkey
from lswpanel.supervisor.children import Program
from lswpanel.supervisor.listener import listen
from servers.leaseweb.simulator.service import Simulator
from tests.bench.tap import Tap
from tests.support.panel import environment
from tests.support.postgres import Postgres
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

SERVERS = 60
# The call budget is a promise to Leaseweb, not a speed of ours; it must not slow down what is measured.
NO_BUDGET = "1000000"


class Ground:
    """`folder` takes everything. `database`: sqlite as in `make run`, or postgres from the wheel."""

    def __init__(self, folder: Path, *, database: str) -> None:
        self.folder = folder
        self._database = database
        self._cleanup = contextlib.ExitStack()
        self._postgres: Postgres | None = None

    def __enter__(self) -> Self:
        with self._cleanup:
            self.folder.mkdir()
            if self._database == "postgres":
                self._postgres = Postgres()
                self._cleanup.callback(self._postgres.stop)
                self._postgres.start()
            simulator = self._cleanup.enter_context(Simulator(servers=SERVERS))
            self.key = simulator.key
            self.tap = self._cleanup.enter_context(Tap(simulator.port))
            self._configure(simulator.base_url.replace(f":{simulator.port}", f":{self.tap.port}"))
            self.processes = Processes(self.folder)
            self._cleanup.callback(self.processes.stop)
            self._cleanup = self._cleanup.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def start_broker(self) -> None:
        """Valkey, where BROKER_URL says; once for all that need it."""
        folder = self.folder / "valkey"
        if folder.exists():
            return
        folder.mkdir()
        broker = Valkey(folder)
        self._cleanup.callback(broker.stop)
        broker.start()

    def serve(self, *, application: str = "lswpanel.wsgi", **settings: str) -> int:
        """gunicorn exactly as `manage.py up` starts it, but for the application; returns its port."""
        listener = self._cleanup.enter_context(listen("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        env = {**os.environ, "PORT": str(port), "PUBLIC_URL": f"http://localhost:{port}", **settings}
        web = programs.web(env=env, listener=listener.fileno())
        self.run(
            replace(web, argv=tuple(application if word == "lswpanel.wsgi" else word for word in web.argv))
        )
        return port

    def run(self, program: Program) -> Process:
        return self.processes.run(program)

    def new_database(self, name: str) -> Mapping[str, str]:
        """The environment in which another, empty database of the same kind is the one to use."""
        if self._postgres:
            return {**os.environ, "DATABASE_URL": self._postgres.create(name)}
        file = self.folder / f"{name}.sqlite3"
        # The panel opens what is there; only its own preparation makes a new one.
        file.touch()
        return {**os.environ, "DATABASE_URL": f"sqlite:///{file}"}

    def _configure(self, upstream: str) -> None:
        """Set aside what the developer's shell says about the panel, then load the settings and fill the database."""
        clean = environment(self.folder / "data", port=8000)
        for name in set(os.environ) - set(clean):
            del os.environ[name]
        os.environ.update(clean)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="lswpanel.settings",
            SECRET_KEY=secrets.token_urlsafe(48),
            AUDIT_KEYS=secrets.token_urlsafe(32),
            CHECKPOINT_KEY=secrets.token_urlsafe(32),
            ENCRYPTION_KEYS=secrets.token_urlsafe(32),
            BROKER_URL=valkey.broker_url(
                socket=self.folder / "valkey.sock", password=secrets.token_urlsafe(12)
            ),
            LEASEWEB_API_URL=upstream,
            CALL_BUDGET_PER_MINUTE=NO_BUDGET,
            UNSAFE_POSTGRES="on",
        )
        (self.folder / "data").mkdir()
        os.environ.update(self.new_database("panel"))
        django.setup()
        call_command("prepare", stdout=(self.folder / "prepare.log").open("w"))
