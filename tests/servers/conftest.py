"""A simulated Leaseweb with keys of our own choosing, for tests that read from it without any job."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from servers import passes, sync
from servers.leaseweb import Listing, NotFound, Secret, VirtualServer
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
        """One list pass to its end, with a look at each server that it did not show.

        The budget is filled up before each turn, so that only tests about budgets run out of it.
        """
        changes = self.turn(api_key)
        while api_key.pass_begun_at:
            more = self.turn(api_key)
            changes = Changes(changes.fields | more.fields, changes.new + more.new)
        return replace(changes, gone=self._gone(api_key))

    def turn(self, api_key: ApiKey) -> Changes:
        """As many pages of a pass as one full budget pays for, a minute after the turn before.

        What kept further ones from being read is raised.
        """
        earlier = F("doubted_at") - timedelta(minutes=1)
        ApiKey.objects.filter(pk=api_key.pk).update(budget_tokens=10, paused_until=None, doubted_at=earlier)
        api_key.refresh_from_db()
        try:
            stretch = passes.read_if_due(api_key)
            changes = passes.apply(api_key, stretch) if stretch else Changes()
            if stretch and stretch.listing.failure:
                raise stretch.listing.failure
        finally:
            api_key.refresh_from_db()
        return changes

    def _gone(self, api_key: ApiKey) -> tuple[int, ...]:
        gone: tuple[int, ...] = ()
        for server in passes.missing(api_key):
            try:
                sync.apply_server(api_key, sync.read_server(api_key, server.upstream_id))
            except NotFound:
                gone += sync.mark_gone(server, api_key.pk).gone
        return gone

    def upstream(self, server: Server) -> Any:
        return self.sim.world.server(server.upstream_id)

    def snapshot(self, server: Server, name: str) -> str:
        return add_snapshot(self.sim, server.upstream_id, name)

    def calls(self, operation: str = "listServers") -> list[Entry]:
        return self.sim.journal.entries(operation)


def whole_pass(begun: datetime, *servers: VirtualServer) -> passes.Stretch:
    """What a pass in one go shows when these are all there are."""
    listing = Listing(servers, True, 1, len(servers), "", reached=len(servers))
    return passes.Stretch(begun, 0, begun, listing)


@pytest.fixture
def cloud(settings: Any, team: Team) -> Iterator[Cloud]:
    with Simulator(servers=12) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        yield Cloud(sim, team)
