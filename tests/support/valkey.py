"""The real broker for tests: one Valkey for the whole run, started when a test first asks for it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lswpanel.supervisor import programs, valkey
from tests.support.processes import Process, Processes
from tests.support.waiting import wait_for


class Valkey:
    """The server at the address of BROKER_URL; until it is started, publishing fails as without any."""

    def __init__(self, folder: Path) -> None:
        self.url = os.environ["BROKER_URL"]
        parts = urlsplit(self.url)
        self.folder = folder
        self._processes = Processes(folder)
        self._broker = programs.Broker(
            server=valkey.find_server(),
            socket=Path(parts.path),
            folder=folder,
            password=unquote(parts.password or ""),
        )
        self._server: Process | None = None

    def start(self) -> None:
        self._server = self._processes.run(programs.broker(self._broker, env=os.environ))
        wait_for(self._answers, what="Valkey answers")

    def stop(self) -> None:
        self._processes.stop()
        self._server = None

    def kill(self) -> None:
        """End it as a crash would: without a word to its clients."""
        if self._server is None:
            raise RuntimeError("Valkey is not running")
        for process in self._server.family():
            process.kill()
        self._server.wait()

    def flush(self) -> None:
        """Forget every message."""
        with self.client() as client:
            client.flushall()

    def client(self) -> "redis.Redis":
        """Tries once: a test wants to see what happens, not what three attempts make of it."""
        once = Retry(NoBackoff(), retries=0)
        path, patience = str(self._broker.socket), 60
        return redis.Redis(
            unix_socket_path=path, password=self._broker.password, retry=once, socket_timeout=patience
        )

    def _answers(self) -> bool:
        if self._server is None or self._server.code is not None:
            raise AssertionError("Valkey ended:\n" + (self._server.log if self._server else ""))
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """Valkey at BROKER_URL, for the rest of the run."""
    with tempfile.TemporaryDirectory(prefix="lsw-vk-") as folder:
        server = Valkey(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def broker(valkey_server: Valkey) -> Valkey:
    """A running, empty Valkey at BROKER_URL."""
    valkey_server.flush()
    return valkey_server
