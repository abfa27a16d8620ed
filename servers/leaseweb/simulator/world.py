"""The simulated provider: accounts, their servers, and what happens to them as time passes."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from .fleet import build_fleet
from .model import Account, Behaviour, Durations, Ending, NotFoundError, Server
from .other_hand import OtherHand
from .tasks import Plan, run_task, start_task


def utc_now() -> datetime:
    return datetime.now(UTC)


class World:
    """Everything there is, behind one lock.

    There is no thread that moves things: each reader first lets everything happen that was due. `clock`
    gives seconds and never goes back; a `time_scale` of 10 makes every task ten times as fast. `wall` gives
    the time that is written into answers. `observer` is told of what somebody else did to a server.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = utc_now,
        durations: Durations | None = None,
        behaviour: Behaviour | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.seed = seed
        self.time_scale = time_scale
        self.durations = durations or Durations()
        self.behaviour = behaviour or Behaviour()
        self.wall = wall
        self.accounts: dict[str, Account] = {}
        self.servers: dict[str, Server] = {}
        self.other_hand: OtherHand | None = None
        self.observer: Callable[[Server, str], None] = lambda server, change: None
        self._clock = clock
        self._origin = clock()

    def now(self) -> float:
        """Seconds of the world's own clock, which begins at 0."""
        return (self._clock() - self._origin) * self.time_scale

    def settle(self) -> None:
        """Lets everything happen that was due by now."""
        now = self.now()
        if self.other_hand:
            self.other_hand.act(self, until=now)
        for server in self.servers.values():
            run_task(server, until=now)

    def account(self, name: str, *, servers: int = 0) -> Account:
        """The account called `name`; a new one gets a fleet of `servers`."""
        with self.lock:
            if name not in self.accounts:
                account = Account(name, number=len(self.accounts))
                self.accounts[name] = account
                self.add_servers(account, count=servers)
            return self.accounts[name]

    def add_servers(self, account: Account, *, count: int) -> list[Server]:
        """Delivers `count` more servers to `account`, at the end of its list."""
        with self.lock:
            first = len(account.server_ids)
            fleet = build_fleet(count, seed=self.seed, account=account.number, first=first, now=self.wall())
            for server in fleet:
                self.servers[server.id] = server
                account.server_ids.append(server.id)
            return fleet

    def fleet(self, account: Account) -> list[Server]:
        """The servers of `account`, as they are now."""
        with self.lock:
            self.settle()
            return [self.servers[each] for each in account.server_ids if each in self.servers]

    def server(self, server_id: str, *, account: Account | None = None) -> Server:
        """That server as it is now. Raises NotFoundError, also when it belongs to another account."""
        with self.lock:
            self.settle()
            if server_id not in self.servers or (account and server_id not in account.server_ids):
                raise NotFoundError(server_id)
            return self.servers[server_id]

    def remove(self, server_id: str) -> None:
        """The server is gone, as after the end of a contract. Its id stays taken."""
        with self.lock:
            self.servers.pop(server_id, None)

    def set_state(self, server_id: str, state: str) -> None:
        """Somebody else did this: whatever the server was busy with is over."""
        with self.lock:
            server = self.server(server_id)
            server.task = None
            server.remember(self.now())
            server.state = state
            server.remember(self.now())
            self.observer(server, "setState")

    def begin(self, server: Server, kind: str, plan: Plan, *, ending: Ending = Ending.NORMAL) -> bool:
        """Starts a task on a server that is free. False when the fault is to accept it and do nothing."""
        if ending is Ending.IGNORED:
            return False
        start_task(server, kind, plan, at=self.now(), stuck=ending is Ending.STUCK)
        return True
