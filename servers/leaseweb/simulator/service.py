"""All parts of the simulator put together."""

import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from .api import Api
from .control import Control
from .faults import FaultBook
from .http_server import HttpServer
from .journal import Journal
from .keys import MAIN_ACCOUNT, KeyRing, fingerprint
from .model import Behaviour, Durations, Server
from .other_hand import OtherHand
from .routes import BASE_PATH
from .world import World, utc_now
from .wsgi import Wsgi


class Simulator:
    """A Leaseweb of one's own, to be used in a `with` block or with `start()` and `stop()`.

    `servers`: size of the main fleet, which every accepted key sees that has no account of its own.
    `accounts`: keys that have one, with the size of its fleet. `aliases`: keys that see what another key
    sees. `keys`: if given, the only accepted ones besides those; otherwise anything that begins with
    `demo-` is accepted, such as `Simulator.key`. `read_only_keys` may GET and nothing else. `time_scale`
    and `clock`: see World. `lively`: somebody else switches the playground servers now and then.
    `listener`: a bound loopback socket to take over. After `stop()` the same world can be started again, on
    the same port.
    """

    key = "demo-main"
    _server: HttpServer | None = None

    def __init__(
        self,
        *,
        servers: int = 12,
        seed: int = 7,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = utc_now,
        durations: Durations | None = None,
        behaviour: Behaviour | None = None,
        lively: bool = False,
        journal_path: Path | None = None,
        port: int = 0,
        listener: socket.socket | None = None,
        keys: tuple[str, ...] = (),
        read_only_keys: tuple[str, ...] = (),
        accounts: Mapping[str, int] | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.world = World(
            seed=seed, time_scale=time_scale, clock=clock, wall=wall, durations=durations, behaviour=behaviour
        )
        self.world.observer = self._note
        self.world.other_hand = OtherHand() if lively else None
        self._deliver(servers, keys, read_only_keys, accounts or {}, aliases or {})
        self.journal = Journal(journal_path)
        self.faults = FaultBook(seed=seed)
        self.api = Api(self.world, keys=self.keys, journal=self.journal, faults=self.faults)
        self.wsgi = Wsgi(self.api)
        self._port, self._listener = port, listener

    def _note(self, server: Server, change: str) -> None:
        self.journal.external(server.id, change, state=server.state)

    def _deliver(
        self,
        servers: int,
        keys: tuple[str, ...],
        read_only_keys: tuple[str, ...],
        accounts: Mapping[str, int],
        aliases: Mapping[str, str],
    ) -> None:
        """Fills the accounts and hands out the keys."""
        self.keys = KeyRing(open_prefix=None if keys else "demo-")
        self.world.account(MAIN_ACCOUNT, servers=servers)
        for key in keys:
            self.keys.add(key)
        for key in read_only_keys:
            self.keys.add(key, methods=frozenset({"GET"}))
        for key, count in accounts.items():
            self.world.account(fingerprint(key), servers=count)
            self.keys.add(key, account=fingerprint(key))
        for key, other in aliases.items():
            self.keys.alias(key, of=other)

    @property
    def port(self) -> int:
        """The port it serves, or served before it was stopped."""
        return self._port

    @property
    def base_url(self) -> str:
        """What takes the place of `https://api.leaseweb.com/cloud/v2`."""
        return f"http://127.0.0.1:{self._port}{BASE_PATH}"

    def start(self) -> None:
        """Raises OSError when the port is taken, ValueError when the listener is not a loopback one."""
        control = Control(self.world, keys=self.keys, journal=self.journal, faults=self.faults)
        self._server = HttpServer(self.api, control, port=self._port, listener=self._listener)
        self._listener = None
        self._port = self._server.port
        self._server.start()

    def stop(self) -> None:
        """From here on connections are refused. Does nothing when it is not running."""
        if self._server:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.journal.close()
