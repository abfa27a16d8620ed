"""Details of servers by their turn and at somebody's wish, within the key's budget."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from jobs import engine
from jobs.engine import reading
from jobs.models import Job
from jobs.services import About
from servers import budget, details
from servers.clock import after, before
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerReading
from teams.models import User
from tests.cast import ClientOf
from tests.support.engine_room import EngineRoom

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def slow_refill(settings: Any) -> None:
    """A budget so small that the moments a test takes earn nothing worth a call."""
    settings.CALL_BUDGET_PER_MINUTE = 0.01


@pytest.fixture
def due(room: EngineRoom) -> list[ServerReading]:
    """The snapshots of all servers are due, a minute apart, the newest server first; nothing else is."""
    ServerReading.objects.update(due_at=after(60 * MINUTE))
    rows = list(ServerReading.objects.filter(subject="snapshots").order_by("-server"))
    for number, row in enumerate(rows):
        ServerReading.objects.filter(pk=row.pk).update(due_at=before((30 - number) * MINUTE))
    leave(10)
    return rows


def leave(tokens: float) -> None:
    ApiKey.objects.update(budget_tokens=tokens, budget_at=before(timedelta(0)))


def asked(room: EngineRoom, since: int) -> list[tuple[str, str | None]]:
    return [(entry.operation, entry.server) for entry in room.sim.journal.entries(since=since)]


def test_oldest_turns_come_first_and_leave_what_clicks_and_list_passes_need(
    room: EngineRoom, due: list[ServerReading]
) -> None:
    """Of ten calls three are kept for clicks and three for the list; four details are read, in their order."""
    before_it = room.sim.journal.last
    assert engine.tick().turns == (room.api_key.pk,)
    reading.read_details(room.api_key.pk)
    expected = [("listSnapshots", row.server.upstream_id) for row in due[:4]]
    assert asked(room, before_it) == expected
    assert budget.take(room.api_key.pk, background=True), "the next list pass"
    assert budget.take(room.api_key.pk, background=False, calls=3), "and a click"
    reading.read_details(room.api_key.pk)
    assert len(asked(room, before_it)) == 4
    assert not ServerReading.objects.filter(lease_until__isnull=False).exists(), "given back unread"


def test_turns_come_again_after_their_pause_only(room: EngineRoom, due: list[ServerReading]) -> None:
    ServerReading.objects.exclude(pk=due[0].pk).update(due_at=after(60 * MINUTE))
    before_it = room.sim.journal.last
    for _ in range(3):
        reading.read_details(room.api_key.pk)
    assert len(asked(room, before_it)) == 1
    assert engine.tick().turns == ()


@pytest.mark.parametrize("why", ["paused", "gone", "leased", "removed"])
def test_nobody_is_asked_for_what_cannot_be_read_now(
    room: EngineRoom, due: list[ServerReading], why: str
) -> None:
    if why == "paused":
        ApiKey.objects.update(paused_until=after(MINUTE))
    elif why == "gone":
        Server.objects.update(gone_at=before(MINUTE))
    elif why == "leased":
        ServerReading.objects.update(lease_until=after(MINUTE))
    else:
        Server.objects.update(api_key=None)
    before_it = room.sim.journal.last
    assert engine.tick().turns == ()
    reading.read_details(room.api_key.pk)
    assert asked(room, before_it) == []


def test_failed_turn_ends_the_round_and_comes_again_later(room: EngineRoom, due: list[ServerReading]) -> None:
    room.sim.faults.add(Fault.HTML_504, operation="listSnapshots")
    before_it = room.sim.journal.last
    reading.read_details(room.api_key.pk)
    assert len(asked(room, before_it)) == 1, "whatever it is, the next one would fail, too"
    first = ServerReading.objects.get(pk=due[0].pk)
    assert first.error
    assert ServerReading.objects.filter(pk=first.pk, due_at__gt=after(4 * MINUTE)).exists()


def test_subject_that_one_server_does_not_have_does_not_end_the_round(
    room: EngineRoom, due: list[ServerReading]
) -> None:
    room.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=404, times=1)
    before_it = room.sim.journal.last
    reading.read_details(room.api_key.pk)
    assert len(asked(room, before_it)) == 4
    assert Server.objects.filter(gone_at=None).count() == len(due), (
        "only its own reading tells that it is gone"
    )


def test_wish_is_met_before_its_turn_but_leaves_what_a_job_needs(room: EngineRoom) -> None:
    ServerReading.objects.update(due_at=after(60 * MINUTE))
    row = ServerReading.objects.filter(subject="templates").latest("pk")
    assert engine.tick().details == ()
    ServerReading.objects.filter(pk=row.pk).update(asked_at=before(MINUTE))
    leave(4.5)
    assert engine.tick().details == (row.pk,)
    reading.read_detail(row.pk)
    row.refresh_from_db()
    assert (row.asked_at, bool(row.content), engine.tick().details) == (None, True, ())
    before_it = room.sim.journal.last
    reading.read_detail(row.pk)
    assert asked(room, before_it) == [], "a bell that rings twice"


@pytest.mark.req("G7")
def test_pages_that_somebody_opens_keep_no_job_from_being_sent(
    room: EngineRoom, client_of: ClientOf, viewer: User
) -> None:
    """A viewer, who may do nothing, looks at the snapshots of every server as fast as they can."""
    ServerReading.objects.update(due_at=after(60 * MINUTE))
    job = room.request(room.server(), "snapshot_create", About({"name": "Nightly R7F3K9QD"}))
    servers = list(Server.objects.values_list("pk", flat=True))
    leave(len(servers))
    for pk in servers:
        client_of(viewer).get(f"/t/north-ops/servers/{pk}/snapshots/")
    wishes = engine.tick().details
    assert len(wishes) == len(servers)
    for wish in wishes:
        reading.read_detail(wish)
    assert room.submit(job).status == "observing"


def test_wish_without_budget_stays_one_until_it_is_given_up(room: EngineRoom) -> None:
    row = ServerReading.objects.earliest("pk")
    ServerReading.objects.filter(pk=row.pk).update(asked_at=before(MINUTE))
    leave(0.5)
    before_it = room.sim.journal.last
    reading.read_detail(row.pk)
    assert (asked(room, before_it), engine.tick().details) == ([], (row.pk,))
    ServerReading.objects.filter(pk=row.pk).update(asked_at=before(3 * MINUTE))
    assert engine.tick().details == ()
    row.refresh_from_db()
    assert row.asked_at is None


@pytest.mark.req("G8")
def test_turns_of_two_workers_read_nothing_twice(room: EngineRoom, due: list[ServerReading]) -> None:
    """The second worker comes while the first one waits for Leaseweb."""
    ServerReading.objects.exclude(pk__in=[row.pk for row in due[:2]]).update(due_at=after(60 * MINUTE))
    first = details.claim(due[0].pk)
    assert first is not None
    before_it = room.sim.journal.last
    reading.read_details(room.api_key.pk)
    assert asked(room, before_it) == [("listSnapshots", due[1].server.upstream_id)]


def test_one_round_of_the_engine_reads_what_is_wanted_and_what_is_due(
    room: EngineRoom, due: list[ServerReading], settings: Any
) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 1_000_000
    ServerReading.objects.filter(pk=due[-1].pk).update(asked_at=before(MINUTE))
    ApiKey.objects.update(next_sync_at=after(60 * MINUTE))
    before_it = room.sim.journal.last
    engine.run_once()
    counted = Counter(operation for operation, _ in asked(room, before_it))
    assert counted == {"listSnapshots": len(due)}
    assert not Job.objects.exists()
