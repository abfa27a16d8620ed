"""Passwords of servers: audited before they are fetched or stored, and found nowhere afterwards."""

import logging
import secrets
import threading
import traceback
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from audit.heads import ChainBroken
from audit.models import AuditEvent, AuditHead
from audit.verify import verify
from jobs.engine import reading
from servers import credentials, details, live, queries
from servers.credentials import NotRevealed, TooManyReveals
from servers.leaseweb import CredentialType, Secret
from servers.models import ApiKey, Server, ServerReading
from servers.witness import OutOfReach, Result
from teams.access import Access
from teams.models import Membership, Team, User
from tests.servers.test_naming import PROOFS, haste
from tests.support.answers import ANSWERS, BEFORE_SENDING, arrange, silence
from tests.support.database import Cut
from tests.support.engine_room import EngineRoom, access_of
from tests.support.reach import Obstacle, out_of_reach

pytestmark = pytest.mark.django_db
OS = CredentialType.OPERATING_SYSTEM
GOOD = "correct horse"


@pytest.fixture
def access(room: EngineRoom, admin: User, team: Team) -> Access:
    return access_of(admin, team)


@pytest.fixture
def server(room: EngineRoom, access: Access) -> Server:
    """A server as a view finds it."""
    return queries.server(access).get(pk=room.server().pk)


@pytest.fixture
def canary(room: EngineRoom, server: Server) -> str:
    """The password of the user `root`, which is to be found nowhere."""
    password = f"canary-{secrets.token_hex(12)}"
    room.sim.world.server(server.upstream_id).credentials[OS.value, "root"] = password
    return password


def reveal(access: Access, server: Server, username: str = "root", **options: Any) -> Secret:
    return credentials.credential_reveal(access, server, OS, username, **options)


def store(access: Access, server: Server, password: str = GOOD, username: str = "root") -> Result:
    return credentials.credential_store(access, server, OS, username, Secret(password))


def entries(access: Access) -> list[AuditEvent]:
    acts = ("credential.reveal", "credential.store")
    return list(AuditEvent.objects.filter(chain=access.team.pk, action__in=acts).order_by("sequence"))


# --- Revealing --------------------------------------------------------------------------------------------------


@pytest.mark.req("R1")
def test_reveal_is_audited_before_and_after(
    room: EngineRoom, access: Access, server: Server, canary: str
) -> None:
    assert reveal(access, server, reason="ticket 4711").reveal() == canary
    asked, told = entries(access)
    assert (asked.outcome, asked.reason, asked.actor_id) == ("asked", "ticket 4711", access.user.pk)
    assert asked.after == {"type": "OPERATING_SYSTEM", "username": "root"}
    assert (asked.target_type, asked.target_id) == ("server", str(server.pk))
    assert (told.outcome, told.after) == ("done", asked.after)
    assert len(room.sim.journal.entries("getCredential")) == 1
    assert verify(access.team.pk).intact


UNREAD = {
    "400": ("refused", "“Validation Failed.”"),
    "401 empty": ("refused", "does not accept this API key"),
    "403": ("refused", "does not allow this"),
    "404 with a number": ("refused", "does not know this"),
    "409": ("refused", "try again later"),
    "429 with Retry-After": ("failed", "asks us to slow down"),
    "503 documented": ("failed", "trouble answering"),
    "503 undocumented": ("failed", "trouble answering"),
    "200 with a page": ("failed", "cannot be used"),
    "202 without its body": ("failed", "cannot be used"),
    "timeout before sending": ("failed", "cannot reach Leaseweb"),
    "timeout after sending": ("failed", "did not answer"),
    "cut after sending": ("failed", "did not answer"),
}


def test_every_answer_but_one_is_a_failure_to_reveal() -> None:
    assert set(UNREAD) == set(ANSWERS) - {"accepted"}


@pytest.mark.req("R1")
@pytest.mark.parametrize("name", UNREAD)
def test_reveal_that_fails_says_why(
    name: str, room: EngineRoom, access: Access, server: Server, settings: Any
) -> None:
    outcome, words = UNREAD[name]
    settings.TIME_SCALE = haste(name)
    arrange(room.sim, name, "getCredential")
    with silence() if name == BEFORE_SENDING else nullcontext(room.sim.base_url) as address:
        settings.LEASEWEB_API_URL = address
        with pytest.raises(NotRevealed) as refused:
            reveal(access, server)
    assert words in str(refused.value)
    asked, told = entries(access)
    assert (asked.outcome, told.outcome, told.reason) == ("asked", outcome, str(refused.value))


@pytest.mark.req("R1")
@pytest.mark.req("A2")
def test_reveal_that_cannot_be_audited_is_not_fetched(
    room: EngineRoom, access: Access, server: Server
) -> None:
    """The head of the chain stands where an entry is already."""
    reveal(access, server)
    AuditHead.objects.filter(pk=access.team.pk).update(sequence=0)
    with pytest.raises(ChainBroken):
        reveal(access, server)
    with pytest.raises(ChainBroken):
        store(access, server)
    assert len(room.sim.journal.entries("getCredential")) == 1
    assert not room.sim.journal.entries("storeCredential")


@pytest.mark.req("R1")
def test_sixth_reveal_within_ten_minutes_is_refused(
    room: EngineRoom, access: Access, server: Server, operator: User
) -> None:
    for _ in range(5):
        reveal(access, server)
    with pytest.raises(TooManyReveals) as refused:
        reveal(access, server)
    oldest, *_, newest = entries(access)
    assert refused.value.again_at == oldest.at + timedelta(minutes=10)
    assert (newest.outcome, newest.reason) == ("refused", str(refused.value))
    assert len(room.sim.journal.entries("getCredential")) == 5
    Membership.objects.filter(user=operator).update(role="admin")
    assert reveal(access_of(operator, access.team), server), "somebody else has a count of their own"


@pytest.mark.req("R1")
def test_reveals_of_all_teams_count_and_old_ones_do_not(
    access: Access, server: Server, other_team: Team, make_entries: Any, settings: Any
) -> None:
    Membership.objects.create(user=access.user, team=other_team, role="admin")
    make_entries(other_team, access.user, 5, action="credential.reveal", outcome="asked")
    with pytest.raises(TooManyReveals):
        reveal(access, server)
    settings.TIME_SCALE = 10**9
    with pytest.raises(NotRevealed, match=r"did not answer|cannot reach"):
        reveal(access, server)


@pytest.mark.req("R1")
@pytest.mark.django_db(transaction=True)
def test_seven_reveals_at_once_are_five_at_the_most(access: Access, server: Server) -> None:
    """Those that find both places for live calls taken have been counted, too."""
    outcomes: list[str] = []

    def look() -> None:
        try:
            reveal(access, server)
            outcomes.append("asked")
        except (NotRevealed, TooManyReveals) as error:
            outcomes.append("too many" if isinstance(error, TooManyReveals) else "asked")
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["asked"] * 5 + ["too many"] * 2


def test_password_that_is_gone_makes_the_list_old(room: EngineRoom, access: Access, server: Server) -> None:
    with pytest.raises(NotRevealed, match="does not know this"):
        reveal(access, server, "nobody")
    assert server.readings.get(subject="credentials").asked_at is not None


@pytest.mark.parametrize("username", ["a/b", "../../x", "ünï cödé", "50%", "a?b#c", "{}"])
def test_user_name_arrives_whole(room: EngineRoom, access: Access, server: Server, username: str) -> None:
    room.sim.world.server(server.upstream_id).credentials[OS.value, username] = "theirs"
    assert reveal(access, server, username).reveal() == "theirs"


def test_panel_that_waits_twice_asks_nobody_a_third_time(
    room: EngineRoom, access: Access, server: Server
) -> None:
    with live._place(), live._place(), pytest.raises(NotRevealed, match="waiting for Leaseweb in other"):
        reveal(access, server)
    assert not room.sim.journal.entries("getCredential")
    assert ApiKey.objects.get().failures == 0


def test_passwords_that_a_key_may_not_read_say_nothing_of_its_list(
    room: EngineRoom, access: Access, server: Server
) -> None:
    room.sim.faults.add("refuse", operation="getCredential", status=403)
    another = queries.server(access).exclude(pk=server.pk).earliest("pk")
    for each in (server, another):
        with pytest.raises(NotRevealed):
            reveal(access, each)
    assert ApiKey.objects.get().health == ApiKey.Health.WORKING


@out_of_reach
def test_credentials_out_of_reach_are_not_asked_for(
    room: EngineRoom, access: Access, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    again = queries.server(access).get(pk=server.pk)
    for act in (reveal, store):
        with pytest.raises(OutOfReach, match=obstacle.reason):
            act(access, again)
    assert entries(access) == []


# --- Storing ----------------------------------------------------------------------------------------------------


@pytest.mark.req("A2")
@pytest.mark.parametrize("name", ANSWERS)
def test_store_says_what_the_answer_proves(
    name: str, room: EngineRoom, access: Access, server: Server, settings: Any
) -> None:
    outcome, sends, has_it, words = PROOFS[name]
    settings.TIME_SCALE = haste(name)
    arrange(room.sim, name, "storeCredential")
    with silence() if name == BEFORE_SENDING else nullcontext(room.sim.base_url) as address:
        settings.LEASEWEB_API_URL = address
        result = store(access, server, username="web master")
    assert (result.outcome, words in result.words) == (outcome, True)
    assert len(room.sim.journal.entries("storeCredential")) == sends
    kept = room.sim.world.server(server.upstream_id).credentials
    assert (kept.get((OS.value, "web master")) == GOOD) is has_it
    asked, told = entries(access)
    assert (asked.outcome, told.outcome, told.reason) == ("asked", outcome, result.words)
    assert told.after == asked.after == {"type": "OPERATING_SYSTEM", "username": "web master"}
    wished = server.readings.filter(subject="credentials", asked_at__isnull=False).exists()
    assert wished is (outcome in ("done", "unsure"))


def test_stored_user_is_listed_after_the_next_reading(
    room: EngineRoom, access: Access, server: Server
) -> None:
    store(access, server, username="web master")
    row = server.readings.get(subject="credentials")
    reading.read_detail(row.pk)
    row.refresh_from_db()
    assert {"type": "OPERATING_SYSTEM", "username": "web master"} in row.content


# --- Nowhere ----------------------------------------------------------------------------------------------------


def everything_kept() -> str:
    """Every value of every table, sessions and cache included."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        rows = []
        for name in names:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")  # noqa: S608 - our own tables
            rows += [str(row) for row in cursor.fetchall()]
    return "\n".join(rows)


@pytest.mark.req("A9")
@pytest.mark.req("K4")
def test_password_is_kept_nowhere_and_quoted_by_nobody(
    room: EngineRoom, access: Access, server: Server, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Shown, stored, and then quoted by a Leaseweb that refuses it, in every field that it can fill."""
    caplog.set_level(logging.DEBUG)
    cache.set("here", "canary-marker")
    assert reveal(access, server).reveal() == canary
    assert store(access, server, canary).done
    said = [str(row) for row in (store(access, server, canary), reveal(access, server))]
    quoting = {
        "errorCode": canary,
        "errorMessage": f"Not {canary}",
        "userMessage": f"“{canary}” is too weak",
        "errorDetails": {canary: [f"{canary}: no"]},
    }
    for status in (400, 401, 500):
        room.sim.faults.clear()
        room.sim.faults.add("refuse", operation="storeCredential", status=status, body=quoting)
        ApiKey.objects.update(health="working")
        said.append(str(store(access, queries.server(access).get(pk=server.pk), canary)))
    reading.read_detail(server.readings.get(subject="credentials").pk)
    assert "<secret>” is too weak" in said[2]
    kept = everything_kept()
    assert "canary-marker" in kept or "here" in kept, "the cache was searched"
    assert canary not in kept + caplog.text + "".join(said)


@pytest.mark.req("K4")
def test_password_is_in_no_traceback(access: Access, server: Server, canary: str) -> None:
    """The client refuses the id of the server while every frame above it holds the password."""
    server.upstream_id = "../elsewhere"
    with pytest.raises(ValueError, match="An id for the Leaseweb API") as broken:
        credentials.credential_store(access, server, OS, "root", Secret(canary))
    frames = traceback.walk_tb(broken.tb.tb_next)
    shown = "".join(traceback.StackSummary.extract(frames, capture_locals=True).format())
    assert "password = <secret>" in shown
    assert canary not in shown


# --- Reading the names ------------------------------------------------------------------------------------------


def test_freshen_asks_once_and_only_for_what_is_old(access: Access, server: Server) -> None:
    day, row = timedelta(days=1), ServerReading.objects.filter(server=server, subject="credentials")
    assert details.freshen(server, "credentials", day), "it was never read"
    (asked,) = row.values_list("asked_at", flat=True)
    assert details.freshen(server, "credentials", day), "it is awaited"
    assert list(row.values_list("asked_at", flat=True)) == [asked], "somebody asked already"
    row.update(asked_at=None, read_at=timezone.now() - timedelta(hours=23))
    assert not details.freshen(server, "credentials", day)
    assert details.freshen(server, "credentials", timedelta(hours=22))
    row.delete()
    assert details.freshen(server, "credentials", day), "a server may have no row for it yet"


def test_freshen_asks_nothing_of_a_server_that_nobody_can_read(access: Access, server: Server) -> None:
    for change in ({"gone_at": timezone.now()}, {"gone_at": None, "api_key": None}):
        Server.objects.filter(pk=server.pk).update(**change)
        again = queries.server(access).get(pk=server.pk)
        assert not details.freshen(again, "credentials", timedelta(0))


@pytest.mark.django_db(transaction=True)
def test_answer_that_cannot_be_written_at_once_is_written_a_moment_later(
    room: EngineRoom, access: Access, server: Server
) -> None:
    with Cut().for_a_moment_once(lambda: bool(room.sim.journal.entries("storeCredential"))):
        assert store(access, server).done
    assert [entry.outcome for entry in entries(access)] == ["asked", "done"]
