"""Lists that lie, shrink under the reader or are cut off: nothing vanishes by them, and what is missing is said."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from jobs import engine
from jobs.engine import reading
from jobs.models import ExternalEvent
from jobs.states import JobStatus
from servers.leaseweb import Secret
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from teams.models import Team
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.django_db, pytest.mark.req("X13")]
LIST = "listServers"


class Fleet:
    """A key that sees 120 servers on three pages, read once."""

    def __init__(self, sim: Simulator, api_key: ApiKey) -> None:
        self.sim, self.api_key = sim, api_key
        self.account = sim.world.account("main")

    def read(self, *, turns: int = 1, pause: timedelta = timedelta(minutes=1)) -> ApiKey:
        """So many turns of a worker, each after a pause and with a full budget."""
        for _ in range(turns):
            ApiKey.objects.update(budget_tokens=10, paused_until=None, doubted_at=F("doubted_at") - pause)
            assert reading.read_key(self.api_key.pk)
        return ApiKey.objects.get(pk=self.api_key.pk)

    def remove(self, count: int) -> set[str]:
        taken = set(self.account.server_ids[:count])
        for each in taken:
            self.sim.world.remove(each)
        return taken

    def offsets(self) -> list[int]:
        entries = self.sim.journal.entries(LIST)
        return [int(entry.path.rpartition("=")[2]) for entry in entries]


@pytest.fixture
def fleet(settings: Any, team: Team) -> Iterator[Fleet]:
    settings.CALL_BUDGET_PER_MINUTE = 10
    with Simulator(servers=120) as sim:
        settings.LEASEWEB_API_URL = sim.base_url
        api_key = ApiKey(team=team, name="Simulated account")
        api_key.seal(Secret(sim.key))
        api_key.save()
        yield Fleet(sim, api_key)


def gone() -> set[str]:
    return set(Server.objects.exclude(gone_at=None).values_list("upstream_id", flat=True))


def events() -> list[tuple[str, str]]:
    found = ExternalEvent.objects.order_by("pk").values_list("what", "server__upstream_id")
    return sorted(found)


# --- Lists that lie ---------------------------------------------------------------------------------------------


def test_server_deleted_between_two_pages_takes_no_live_one_along(fleet: Fleet) -> None:
    fleet.read()
    deleted = fleet.account.server_ids[0]
    fleet.sim.faults.add(Fault.DROP_SERVER, operation=LIST, server=deleted, skip=1, times=1)
    shrunk = fleet.read()
    assert (gone(), events()) == (set(), [])
    assert "changed while it was read" in shrunk.list_error
    whole = fleet.read()
    assert (gone(), events(), whole.list_error) == ({deleted}, [("vanished", deleted)], "")


@pytest.mark.parametrize(
    "lie", [Fault.EMPTY_LIST, Fault.HALF_LIST, Fault.SHORT_PAGE, Fault.REPEAT_PAGE], ids=str
)
def test_list_that_lies_makes_nothing_vanish_and_nothing_appear(fleet: Fleet, lie: Fault) -> None:
    known = fleet.read()
    fleet.sim.faults.add(lie, operation=LIST)
    lied = fleet.read()
    assert (gone(), events()) == (set(), [])
    assert lied.list_error
    assert (lied.synced_at, lied.server_count) == (known.synced_at, 120)
    fleet.read(turns=3)
    assert (gone(), events()) == (set(), []), "a lie that lasts is refuted by each server itself"
    fleet.sim.faults.clear()
    true = fleet.read(turns=2)
    assert (gone(), events(), true.list_error, true.server_count) == (set(), [], "", 120)


def test_page_of_a_gateway_that_says_404_makes_nothing_gone(fleet: Fleet) -> None:
    """An outage in between: the list is empty, and everything else is not found."""
    fleet.read()
    fleet.sim.faults.add(Fault.EMPTY_LIST, operation=LIST)
    fleet.sim.faults.add(
        Fault.REFUSE, operation="getServer", status=404, body="<html>nginx</html>", content_type="text/html"
    )
    fleet.read(turns=6)
    assert fleet.sim.journal.entries("getServer")
    assert (gone(), events()) == (set(), [])


def test_few_that_left_are_gone_at_once_each_by_its_own_404(fleet: Fleet) -> None:
    fleet.read()
    left = fleet.remove(12)
    fleet.read(turns=2)
    assert gone() < left, "twelve of 120 are no mass, and a turn asks for a few of them"
    assert {entry.server for entry in fleet.sim.journal.entries("getServer")} == gone()
    fleet.read()
    assert gone() == left
    assert events() == sorted(("vanished", each) for each in left)


def test_many_that_left_wait_for_a_second_whole_pass_and_states_do_not(fleet: Fleet) -> None:
    fleet.read()
    left = fleet.remove(30)
    stays = fleet.account.server_ids[-1]
    fleet.sim.world.set_state(stays, "UNKNOWN")
    first = fleet.read()
    assert "lacks 30 of 120" in first.list_error
    assert Server.objects.get(upstream_id=stays).state == "UNKNOWN"
    assert gone() == set()
    assert fleet.read().list_error == ""
    assert gone() < left
    fleet.read(turns=6)
    assert gone() == left
    assert sorted(what for what, _ in events() if what == "vanished") == ["vanished"] * 30


def test_second_look_comes_some_time_after_the_first(fleet: Fleet) -> None:
    """Passes for jobs follow one another within seconds; a lie that lasts as long is not confirmed by them."""
    fleet.read()
    fleet.sim.world.add_servers(fleet.account, count=30)
    assert fleet.read(turns=3, pause=timedelta(seconds=5)).list_error
    assert Server.objects.count() == 120
    assert fleet.read(pause=timedelta(seconds=20)).list_error == ""
    assert Server.objects.count() == 150


def test_many_that_are_new_wait_for_a_second_whole_pass(fleet: Fleet) -> None:
    fleet.read()
    added = {server.id for server in fleet.sim.world.add_servers(fleet.account, count=30)}
    first = fleet.read()
    assert "shows 30 servers" in first.list_error
    assert Server.objects.count() == first.server_count == 120
    second = fleet.read()
    assert (Server.objects.count(), second.server_count, second.list_error) == (150, 150, "")
    assert events() == sorted(("appeared", each) for each in added)


def test_new_that_a_second_pass_does_not_show_never_appear(fleet: Fleet) -> None:
    fleet.read()
    added = fleet.sim.world.add_servers(fleet.account, count=30)
    fleet.read()
    for server in added:
        fleet.sim.world.remove(server.id)
    assert fleet.read().list_error == ""
    assert (Server.objects.count(), gone(), events()) == (120, set(), [])


@pytest.mark.parametrize(
    ("known", "new", "at_once"), [(120, 12, True), (120, 13, False), (10, 4, True), (10, 5, False)]
)
def test_mass_is_more_than_a_tenth_and_at_least_five(
    fleet: Fleet, known: int, new: int, at_once: bool
) -> None:
    fleet.remove(120 - known)
    fleet.read()
    fleet.sim.world.add_servers(fleet.account, count=new)
    assert (fleet.read().list_error == "") is at_once
    assert [what for what, _ in events()] == ["appeared"] * (new if at_once else 0)


# --- Lists that are cut off -------------------------------------------------------------------------------------


def test_list_that_is_cut_off_says_how_far_it_came_and_goes_on_there(fleet: Fleet) -> None:
    fleet.sim.faults.add(Fault.HTML_504, operation=LIST, skip=1, times=2)
    cut = fleet.read()
    assert "50 of 120" in cut.list_error
    assert (cut.health, cut.failures) == (ApiKey.Health.FAILING, 1)
    assert (Server.objects.count(), cut.server_count, cut.synced_at) == (50, 0, None)
    assert fleet.read().failures == 2, "a page that fails first counts as a failure in a row"
    whole = fleet.read()
    assert (Server.objects.count(), whole.server_count, whole.list_error, whole.failures) == (120, 120, "", 0)
    assert fleet.offsets() == [0, 50, 50, 50, 100]
    assert events() == [], "the first pass of a key has no news"


def test_page_that_keeps_failing_does_not_keep_those_before_it_from_being_read(fleet: Fleet) -> None:
    fleet.sim.faults.add(Fault.HTML_504, operation=LIST, skip=1, times=4)
    stuck = fleet.read(turns=4)
    assert "after 50 of 120" in stuck.list_error
    assert fleet.read().list_error == ""
    assert fleet.offsets() == [0, 50, 50, 50, 50, 0, 50, 100]


def test_pass_that_was_left_lying_too_long_begins_anew(fleet: Fleet) -> None:
    fleet.sim.faults.add(Fault.HTML_504, operation=LIST, skip=1, times=1)
    fleet.read()
    ApiKey.objects.update(pass_begun_at=timezone.now() - timedelta(hours=3))
    fleet.read()
    assert fleet.offsets() == [0, 50, 0, 50, 100]


def test_calls_stay_within_the_budget_of_a_large_account(fleet: Fleet) -> None:
    """Ten calls a minute, and ten that were saved up: 2,120 servers take 43 of them."""
    fleet.sim.world.add_servers(fleet.account, count=2000)
    ApiKey.objects.update(budget_tokens=10)
    begun, earlier = timezone.now(), timedelta(seconds=30)
    for _ in range(12):
        engine.run_once()
        ApiKey.objects.update(
            budget_at=F("budget_at") - earlier,
            next_sync_at=F("next_sync_at") - earlier,
        )
    minutes = 6 + (timezone.now() - begun) / timedelta(minutes=1)
    api_key = ApiKey.objects.get()
    assert (api_key.server_count, api_key.list_calls) == (2120, 43)
    assert 43 <= len(fleet.sim.journal.entries()) <= 10 + 10 * minutes


# --- Jobs -------------------------------------------------------------------------------------------------------


@pytest.mark.req("G3")
@pytest.mark.parametrize("lie", [Fault.EMPTY_LIST, Fault.HALF_LIST], ids=str)
def test_list_that_lies_settles_no_job(room: EngineRoom, lie: Fault) -> None:
    job = room.submit(room.request(room.server("RUNNING"), "power_off"))
    room.sim.faults.add(lie, operation=LIST)
    for _ in range(3):
        job = room.poll(room.pass_time(job, timedelta(seconds=3)))
    assert gone() == set()
    assert job.status in (JobStatus.OBSERVING, JobStatus.SUCCEEDED)
    room.sim.faults.clear()
    assert room.follow(job).status == JobStatus.SUCCEEDED


@pytest.mark.req("G3")
def test_page_of_a_gateway_that_says_404_fails_no_job(room: EngineRoom) -> None:
    server = room.server("RUNNING")
    job = room.request(server, "power_off")
    room.sim.faults.add(
        Fault.REFUSE, operation="getServer", status=404, body="<html>nginx</html>", content_type="text/html"
    )
    job = room.submit(job)
    assert (job.status, room.sends(server), gone()) == (JobStatus.QUEUED, [], set())
