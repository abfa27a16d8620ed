"""Somebody else at work in the portal: now and then a playground server goes off or comes back."""

from typing import TYPE_CHECKING

from . import tasks
from .model import Server
from .seeded import pick

if TYPE_CHECKING:
    from .world import World


class OtherHand:
    """Acts once every `every` seconds of the world's clock, always on the same servers in the same order."""

    def __init__(self, *, every: float = 40.0) -> None:
        self.every = every
        self._turn = 0

    def act(self, world: "World", *, until: float) -> None:
        """Does everything that was due by `until`, each thing at its own time."""
        while (self._turn + 1) * self.every <= until:
            self._turn += 1
            self._take_turn(world, at=self._turn * self.every)

    def _take_turn(self, world: "World", *, at: float) -> None:
        candidates = [server for server in world.servers.values() if server.playground]
        if candidates:
            self._flip(world, pick(candidates, world.seed, "turn", self._turn), at=at)

    def _flip(self, world: "World", server: Server, *, at: float) -> None:
        tasks.run_task(server, until=at)
        if server.task is not None or server.state not in {"RUNNING", "STOPPED"}:
            return
        on = server.state == "STOPPED"
        plan = (tasks.power_on if on else tasks.power_off)(server, world.durations, fails=False)
        kind = "powerOn" if on else "powerOff"
        tasks.start_task(server, kind, plan, at=at)
        world.observer(server, kind)
