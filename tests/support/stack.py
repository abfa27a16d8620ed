"""The panel's own processes against the database of the running test.

Other processes see committed rows only, so `stack` brings `transactional_db` with it.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pytest
from django.db import connection

from lswpanel.supervisor import programs
from lswpanel.supervisor.listener import listen
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey


class Stack:
    """Web server, worker and beat, started one by one as a test needs them, all on one environment."""

    def __init__(self, processes: Processes, cleanup: contextlib.ExitStack, **settings: str) -> None:
        self._processes = processes
        self._cleanup = cleanup
        self.env: dict[str, str] = {**os.environ, "DATABASE_URL": database_url(), **settings}

    def web(self, **settings: str) -> str:
        """Start gunicorn on a port of its own; returns its address. It answers as soon as it has started."""
        listener = self._cleanup.enter_context(listen("127.0.0.1", 0))
        port = listener.getsockname()[1]
        url = f"http://localhost:{port}"
        env = {**self.env, "PORT": str(port), "PUBLIC_URL": url, **settings}
        self.web_server = self._processes.run(programs.web(env=env, listener=listener.fileno()))
        return url

    def worker(self, *, name: str = "worker", queue: str = "", **settings: str) -> Process:
        """One for all queues, or for that one."""
        return self._processes.run(programs.worker(env=self._with(settings), name=name, queue=queue))

    def beat(self, **settings: str) -> Process:
        return self._processes.run(programs.beat(env=self._with(settings)))

    def _with(self, settings: Mapping[str, str]) -> dict[str, str]:
        return {**self.env, **settings}


@pytest.fixture
def stack(transactional_db: None, processes: Processes, broker: Valkey) -> Iterator[Stack]:
    """Starts real processes of the panel on the test database, with a real broker."""
    with contextlib.ExitStack() as cleanup:
        yield Stack(processes, cleanup)
        # Before the database is emptied: a worker would still write into it.
        processes.stop()


def database_url() -> str:
    """The DATABASE_URL of the database this test uses."""
    settings = connection.settings_dict
    name = str(settings["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    user = quote(str(settings["USER"]), safe="")
    password = quote(str(settings["PASSWORD"]), safe="")
    host = quote(str(settings["HOST"]), safe="")
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    account = f"{user}:{password}" if password else user
    return f"postgresql://{account}@{host}{port}/{quote(name, safe='')}"
