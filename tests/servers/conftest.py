"""A simulated Leaseweb with keys of our own choosing, for tests that read from it without any job."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from servers import sync
from servers.leaseweb import Secret
from servers.leaseweb.simulator.journal import Entry
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from servers.sync import Changes
from teams.models import Team
from tests.support.engine_room import add_snapshot


@dataclass
class Cloud:
    """The simulator, and our keys to it. Every key sees the main fleet unless the simulator was told otherwise."""

    sim: Simulator
    team: Team
    kept: list[ApiKey] = field(default_factory=list)

    def key(self, text: str = Simulator.key, *, team: Team | None = None) -> ApiKey:
        api_key = ApiKey(team=team or self.team, name=f"Key {len(self.kept) + 1}")
        api_key.seal(Secret(text))
        api_key.save()
        self.kept.append(api_key)
        return api_key

    def sync(self, api_key: ApiKey) -> Changes:
        """One list pass, with the budget filled up so that only tests about budgets run out of it."""
        ApiKey.objects.filter(pk=api_key.pk).update(budget_tokens=10, paused_until=None)
        api_key.refresh_from_db()
        try:
            reading = sync.read_if_due(api_key)
            return sync.apply_listing(api_key, reading) if reading else Changes()
        finally:
            api_key.refresh_from_db()

    def upstream(self, server: Server) -> Any:
        return self.sim.world.server(server.upstream_id)

    def snapshot(self, server: Server, name: str) -> str:
        return add_snapshot(self.sim, server.upstream_id, name)

    def calls(self, operation: str = "listServers") -> list[Entry]:
        return self.sim.journal.entries(operation)


@pytest.fixture
def cloud(settings: Any, team: Team) -> Iterator[Cloud]:
    with Simulator(servers=12) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        yield Cloud(sim, team)
