"""Talks to a simulator over its socket, with nothing but the standard library."""

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from servers.leaseweb.simulator import Simulator

NOON = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    simulator: Simulator,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = Simulator.key,
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request on a connection of its own. `path` begins after `/cloud/v2`, or with `/_simulator/`."""
    connection = connect(simulator)
    try:
        return exchange(connection, method, path, body, key=key, headers=headers)
    finally:
        connection.close()


def connect(simulator: Simulator) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", urlsplit(simulator.base_url).port, timeout=120)


def exchange(
    connection: HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = Simulator.key,
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request on an open connection, which is left open."""
    target = path if path.startswith("/_simulator/") else f"/cloud/v2{path}"
    sent = {"X-LSW-Auth": key} if key else {}
    payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, target, body=payload, headers={**sent, **(headers or {})})
    response = connection.getresponse()
    return Reply(
        response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    )


def server_ids(simulator: Simulator) -> list[str]:
    return list(simulator.world.servers)


def at_once(count: int, work: Any) -> list[Any]:
    """Calls `work(number)` in `count` threads that start together; returns what they returned."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
