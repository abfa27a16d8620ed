"""Renaming at Leaseweb: asked for in the trail first, sent once, and never claimed without an answer."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.heads import ChainBroken
from audit.models import AuditEvent, AuditHead
from audit.verify import verify
from jobs.engine import reading
from jobs.models import ExternalEvent
from servers import naming, queries
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server
from servers.services import api_key_rename
from servers.witness import OutOfReach, Result
from teams.access import Access
from teams.edits import mark
from tests.support.answers import ANSWERS, BEFORE_SENDING, arrange, silence
from tests.support.database import Cut
from tests.support.engine_room import EngineRoom
from tests.support.reach import Obstacle, out_of_reach
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db


def haste(answer: str) -> int:
    """How much faster everything goes: only what has to time out may be in a hurry."""
    return 5 if answer.startswith("timeout") else 1


# What each answer proves: the outcome, how often it was sent, whether Leaseweb has the name now, and words of the
# sentence for the person.
PROOFS: dict[str, tuple[str, int, bool, str]] = {
    "accepted": ("done", 1, True, ""),
    "400": ("refused", 1, False, "“Validation Failed.” (reference: This value is not valid.)"),
    "401 empty": ("refused", 1, False, "Leaseweb does not accept this API key."),
    "403": ("refused", 1, False, "Leaseweb does not allow this"),
    "404 with a number": ("refused", 1, False, "“Resource with id '218030' not found.”"),
    "409": ("refused", 1, False, "“The server has another task; try again later.”"),
    "429 with Retry-After": ("failed", 1, False, "Leaseweb asks us to slow down."),
    "503 documented": ("failed", 1, False, "Leaseweb has trouble answering"),
    "503 undocumented": ("unsure", 1, False, "Leaseweb did not confirm it"),
    "200 with a page": ("unsure", 1, False, "Leaseweb did not confirm it"),
    "202 without its body": ("unsure", 1, True, "Leaseweb did not confirm it"),
    "timeout before sending": ("failed", 0, False, "The panel cannot reach Leaseweb."),
    "timeout after sending": ("unsure", 1, True, "Leaseweb did not confirm it"),
    "cut after sending": ("unsure", 1, True, "Leaseweb did not confirm it"),
}


def seen(room: EngineRoom, server: Server) -> Server:
    """The server as a view finds it."""
    return queries.server(room.access).get(pk=server.pk)


def rename(room: EngineRoom, server: Server, name: str = "shop front") -> Result:
    return naming.server_rename(room.access, seen(room, server), name)


def read_again(room: EngineRoom) -> None:
    """The regular pass of the key, with its turn and its budget restored."""
    due = timezone.now() - timedelta(seconds=1)
    ApiKey.objects.update(next_sync_at=due, budget_tokens=10, paused_until=None)
    assert reading.read_key(room.api_key.pk)


def entries(access: Access, action: str = "server.rename") -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=access.team.pk, action=action).order_by("sequence"))


@pytest.mark.req("A2")
@pytest.mark.parametrize("name", ANSWERS)
def test_rename_says_what_the_answer_proves(name: str, room: EngineRoom, settings: Any) -> None:
    outcome, sends, has_it, words = PROOFS[name]
    server = room.server()
    settings.TIME_SCALE = haste(name)
    arrange(room.sim, name, "updateServer")
    with silence() if name == BEFORE_SENDING else nullcontext(room.sim.base_url) as address:
        settings.LEASEWEB_API_URL = address
        result = rename(room, server)
    assert (result.outcome, words in result.words) == (outcome, True)
    sent = room.sim.journal.entries("updateServer")
    assert len(sent) == sends
    assert (room.sim.world.server(server.upstream_id).reference == "shop front") is has_it
    asked, told = entries(room.access)
    assert (asked.outcome, asked.before, asked.after) == (
        "asked",
        {"reference": server.reference},
        {"reference": "shop front"},
    )
    assert (told.outcome, told.after, told.reason) == (outcome, asked.after, result.words)
    assert told.upstream_status == (None if name.startswith("timeout") or not sent else sent[0].status)
    assert told.correlation_id == (sent[0].correlation_id if sent else "")
    assert verify(room.access.team.pk).intact


def test_name_is_ours_at_once_and_nobody_elses_doing(room: EngineRoom) -> None:
    server = room.server()
    assert rename(room, server).done
    server.refresh_from_db()
    assert (server.reference, server.shown_name, server.reference_asked) == ("shop front", "shop front", None)
    assert "shop front" in server.search_text
    read_again(room)
    assert not ExternalEvent.objects.exists()


@pytest.mark.parametrize("name", ["shop front", ""])
def test_unconfirmed_name_that_a_reading_shows_is_ours(room: EngineRoom, name: str) -> None:
    server = room.server()
    arrange(room.sim, "cut after sending", "updateServer")
    assert not rename(room, server, name).done
    server.refresh_from_db()
    assert server.refresh_asked_at is not None
    read_again(room)
    server.refresh_from_db()
    assert (server.reference, server.reference_asked) == (name, None)
    assert server.shown_name == (name or f"Server {server.upstream_id}")
    assert not ExternalEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_rename_that_ends_late_leaves_the_name_that_was_asked_for_after_it(room: EngineRoom) -> None:
    server = room.server()
    room.sim.faults.add(Fault.DELAY, operation="updateServer", times=1, seconds=2)
    with ThreadPoolExecutor(1) as other_person:
        late = other_person.submit(rename_and_leave, room, server, "first")
        wait_for(lambda: room.upstream(server).reference == "first", what="the first one is carried out")
        arrange(room.sim, "cut after sending", "updateServer")
        assert not rename(room, server, "second").done
        assert late.result(timeout=60).done
    server.refresh_from_db()
    assert (server.reference, server.reference_asked) == ("first", "second")
    read_again(room)
    server.refresh_from_db()
    assert (server.reference, server.reference_asked) == ("second", None)
    assert not ExternalEvent.objects.exists()


def rename_and_leave(room: EngineRoom, server: Server, name: str) -> Result:
    """What a thread of its own does, which has a connection to the database of its own."""
    try:
        return rename(room, server, name)
    finally:
        connection.close()


def test_name_taken_off_elsewhere_is_somebody_elses_doing(room: EngineRoom) -> None:
    """No name asked for is not the same as the empty one asked for."""
    server = room.server()
    assert server.reference
    room.sim.world.server(server.upstream_id).reference = ""
    read_again(room)
    assert ExternalEvent.objects.get().what == ExternalEvent.What.REFERENCE


def test_state_that_changed_meanwhile_is_left_to_a_reading(room: EngineRoom) -> None:
    """The answer shows the whole server; what somebody else did to it has to enter the timeline."""
    server = room.server()
    room.set_state(server, "STOPPED")
    assert rename(room, server).done
    server.refresh_from_db()
    assert (server.state, server.reference_asked) == ("RUNNING", "shop front")
    read_again(room)
    server.refresh_from_db()
    assert (server.state, server.reference, server.reference_asked) == ("STOPPED", "shop front", None)
    assert [event.what for event in ExternalEvent.objects.all()] == [ExternalEvent.What.STATE]


def test_refused_name_leaves_no_trace_in_the_row(room: EngineRoom) -> None:
    server = room.server()
    arrange(room.sim, "409", "updateServer")
    rename(room, server)
    fresh = Server.objects.get(pk=server.pk)
    assert (fresh.reference, fresh.reference_asked, fresh.refresh_asked_at) == (server.reference, None, None)


def test_same_name_costs_no_call(room: EngineRoom) -> None:
    server = room.server()
    assert rename(room, server, server.reference).done
    assert not room.sim.journal.entries("updateServer")
    assert entries(room.access) == []


@pytest.mark.req("A2")
def test_rename_that_cannot_be_audited_is_not_sent(room: EngineRoom) -> None:
    """The head of the chain stands where an entry is already."""
    server = room.server()
    naming.server_note(room.access, server, "so that there is an entry", seen="")
    AuditHead.objects.filter(pk=room.access.team.pk).update(sequence=0)
    with pytest.raises(ChainBroken):
        rename(room, server)
    assert not room.sim.journal.entries("updateServer")


@out_of_reach
def test_server_out_of_reach_is_not_asked_about(room: EngineRoom, obstacle: Obstacle) -> None:
    server = room.server()
    obstacle.put(server)
    with pytest.raises(OutOfReach, match=obstacle.reason):
        rename(room, server)
    assert not room.sim.journal.entries("updateServer")


def test_key_that_was_told_to_wait_is_left_alone(room: EngineRoom) -> None:
    server = room.server()
    ApiKey.objects.update(paused_until=timezone.now() + timedelta(minutes=5))
    result = rename(room, server)
    assert (result.outcome, "left alone for a while" in result.words) == ("failed", True)
    assert not room.sim.journal.entries("updateServer")


def test_call_is_counted(room: EngineRoom) -> None:
    ApiKey.objects.update(budget_tokens=3)
    rename(room, room.server())
    assert ApiKey.objects.get().budget_tokens == 2


def test_401_on_two_servers_refuses_the_key(room: EngineRoom) -> None:
    arrange(room.sim, "401 empty", "updateServer")
    one, two = Server.objects.order_by("pk")[:2]
    for server, health in ((one, ApiKey.Health.WORKING), (two, ApiKey.Health.REFUSED)):
        rename(room, server)
        assert ApiKey.objects.get().health == health


def test_note_is_audited_before_and_after(room: EngineRoom) -> None:
    server = room.server()
    naming.server_note(room.access, server, "rack 12\nask Vera", seen="")
    server.refresh_from_db()
    assert server.note == "rack 12\nask Vera"
    naming.server_note(room.access, server, "x" * 2000, seen=mark(server.note))
    naming.server_note(room.access, server, "x" * 2000, seen="")  # the same again
    first, second = entries(room.access, "server.note")
    assert (first.before, first.after) == ({"note": ""}, {"note": "rack 12\\u000aask Vera"})
    assert second.before == first.after
    assert len(second.after["note"]) == 500


@pytest.mark.django_db
def test_renames_keep_nobody_from_pointing_at_the_row(room: EngineRoom) -> None:
    """A commit whose foreign key leads to it would wait for the row, and the rename for the trail that it holds."""
    with CaptureQueriesContext(connection) as queries:
        rename(room, room.server())
        api_key_rename(room.access, room.api_key, "Another account")
    locks = [
        each["sql"] for each in queries if "FOR UPDATE" in each["sql"] or "FOR NO KEY UPDATE" in each["sql"]
    ]
    of_rows = [sql for sql in locks if "servers_" in sql.partition("FROM")[2]]
    assert len(of_rows) == (2 if connection.vendor == "postgresql" else 0)
    assert all("FOR NO KEY UPDATE" in sql for sql in of_rows)


@pytest.mark.django_db(transaction=True)
def test_answer_that_cannot_be_written_at_once_is_written_a_moment_later(room: EngineRoom) -> None:
    server = room.server()
    with Cut().for_a_moment_once(lambda: bool(room.sim.journal.entries("updateServer"))):
        assert rename(room, server).done
    server.refresh_from_db()
    assert (server.reference, server.reference_asked) == ("shop front", None)
    outcomes = AuditEvent.objects.filter(action="server.rename").order_by("sequence")
    assert list(outcomes.values_list("outcome", flat=True)) == ["asked", "done"]
