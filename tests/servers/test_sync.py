"""What a list pass writes, and what it leaves alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.models import Job
from servers import passes, sync
from servers.leaseweb import LeasewebError, ServerState, VirtualServer
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerKey
from servers.sync import Reading
from teams.collation import sort_key
from teams.models import Team
from tests.cast import MakeJob
from tests.servers.conftest import Cloud, whole_pass

pytestmark = pytest.mark.django_db


def rows(team: Team) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in Server.objects.filter(team=team).values()}


def without_age(found: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {pk: {**row, "seen_at": None} for pk, row in found.items()}


def first(team: Team) -> Server:
    return Server.objects.filter(team=team).earliest("pk")


# --- A pass that went well --------------------------------------------------------------------------------------


def test_pass_reads_every_page(cloud: Cloud) -> None:
    cloud.sim.world.add_servers(cloud.sim.world.account("main"), count=108)
    api_key = cloud.key()
    changes = cloud.sync(api_key)
    assert len(cloud.calls()) == 3
    assert Server.objects.count() == len(changes.new) == api_key.server_count == 120
    assert {server.upstream_id for server in Server.objects.all()} == set(cloud.sim.world.servers)
    assert ServerKey.objects.filter(api_key=api_key).count() == 120
    assert (api_key.error, api_key.failures, api_key.health) == ("", 0, ApiKey.Health.WORKING)
    assert api_key.synced_at is not None


def test_pass_that_finds_nothing_new_moves_no_row_but_its_age(cloud: Cloud) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    before = rows(cloud.team)
    assert not cloud.sync(api_key)
    after = rows(cloud.team)
    assert all(after[pk]["seen_at"] > row["seen_at"] for pk, row in before.items())
    assert without_age(after) == without_age(before)


def test_pass_takes_the_same_queries_for_any_number_of_servers(cloud: Cloud) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    few = statements(api_key)
    cloud.sim.world.add_servers(cloud.sim.world.account("main"), count=50)
    cloud.sync(api_key)
    cloud.sync(api_key)
    assert statements(api_key) == few


def statements(api_key: ApiKey) -> int:
    stretch = passes.read(api_key, lambda: True)
    with CaptureQueriesContext(connection) as queries:
        assert not passes.apply(api_key, stretch)
    return len(queries)


def test_changed_server_alone_takes_the_next_number(cloud: Cloud) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    before, server = rows(cloud.team), first(cloud.team)
    cloud.upstream(server).reference = "renamed elsewhere"
    cloud.sim.world.set_state(server.upstream_id, "STOPPED")
    changes = cloud.sync(api_key)
    cloud.team.refresh_from_db()
    server.refresh_from_db()
    assert (server.reference, server.shown_name, server.state) == ("renamed elsewhere",) * 2 + ("STOPPED",)
    assert server.name_key == sort_key("renamed elsewhere"), "it sorts where it is looked for"
    assert "renamed elsewhere" in server.search_text
    assert before[server.pk]["changed_seq"] < server.changed_seq == cloud.team.cursor
    others = Server.objects.exclude(pk=server.pk)
    assert {each.changed_seq for each in others} == {before[each.pk]["changed_seq"] for each in others}
    assert list(changes.fields) == [server.pk]
    assert changes.fields[server.pk]["state"] == ("RUNNING", "STOPPED")
    assert (changes.new, changes.gone) == ((), ())


def test_delivered_server_is_new(cloud: Cloud) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    (delivered,) = cloud.sim.world.add_servers(cloud.sim.world.account("main"), count=1)
    changes = cloud.sync(api_key)
    assert [Server.objects.get(pk=pk).upstream_id for pk in changes.new] == [delivered.id]


def test_vanished_server_is_kept_with_its_history(cloud: Cloud, make_job: MakeJob) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    server = first(cloud.team)
    job = make_job(server, "reboot", "succeeded")
    cloud.sim.world.remove(server.upstream_id)
    assert cloud.sync(api_key).gone == (server.pk,)
    seq = Server.objects.get(pk=server.pk).changed_seq
    assert cloud.sync(api_key).gone == ()
    gone = Server.objects.get(pk=server.pk)
    assert gone.gone_at is not None
    assert (gone.changed_seq, gone.reference, gone.api_key) == (seq, server.reference, api_key)
    assert Job.objects.get(server=server) == job
    assert api_key.server_count == 11


def test_server_that_comes_back_is_no_longer_gone(cloud: Cloud) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    server = first(cloud.team)
    upstream = cloud.upstream(server)
    cloud.sim.world.remove(server.upstream_id)
    cloud.sync(api_key)
    cloud.sim.world.servers[upstream.id] = upstream
    changes = cloud.sync(api_key)
    back = Server.objects.get(pk=server.pk)
    assert (back.gone_at, changes.new) == (None, ())
    assert "gone_at" in changes.fields[server.pk]
    assert ServerKey.objects.filter(server=back, api_key=api_key).exists()


def test_same_server_in_two_teams_is_two_rows(cloud: Cloud, other_team: Team) -> None:
    mine, theirs = cloud.key(), cloud.key(team=other_team)
    cloud.sync(mine)
    seq = rows(cloud.team)
    cloud.sync(theirs)
    assert Server.objects.filter(team=other_team).count() == 12
    assert rows(cloud.team) == seq
    assert {link.api_key_id for link in ServerKey.objects.filter(server__team=cloud.team)} == {mine.pk}


# --- A pass that went wrong -------------------------------------------------------------------------------------

BROKEN: list[tuple[Fault, dict[str, Any]]] = [
    (Fault.HTML_504, {}),
    (Fault.UNAVAILABLE, {}),
    (Fault.EMPTY_401, {}),
    (Fault.REFUSE, {"status": 403}),
    (Fault.RATE_LIMIT, {"seconds": 20}),
    (Fault.NOT_JSON, {}),
    (Fault.HALF_BODY, {}),
    (Fault.HUGE_BODY, {"size": 6 * 1024 * 1024}),
    (Fault.CLOSE_AFTER_EXECUTE, {}),
    (Fault.RESET_BEFORE_READ, {}),
    (Fault.REFUSE, {"status": 200, "body": {"virtualServers": None}}),
    (Fault.REFUSE, {"status": 200, "body": []}),
    (Fault.REFUSE, {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}),
]


@pytest.mark.once
@pytest.mark.parametrize(("fault", "options"), BROKEN)
def test_failed_pass_changes_nothing_but_the_error(
    cloud: Cloud, fault: Fault, options: dict[str, Any]
) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    before, synced_at = rows(cloud.team), api_key.synced_at
    cloud.sim.world.set_state(first(cloud.team).upstream_id, "STOPPED")
    cloud.sim.faults.add(fault, operation="listServers", **options)
    with pytest.raises(LeasewebError):
        cloud.sync(api_key)
    assert rows(cloud.team) == before
    assert (api_key.synced_at, api_key.server_count, api_key.failures) == (synced_at, 12, 1)
    assert api_key.error
    assert api_key.error_at is not None
    cloud.sim.faults.clear()
    cloud.sync(api_key)
    assert (api_key.error, api_key.failures) == ("", 0)
    assert first(cloud.team).state == "STOPPED"


CUT = [
    {"virtualServers": [], "_metadata": {"totalCount": 12}},
    {"virtualServers": [{"id": "../x"}, {"reference": "no id"}], "_metadata": {"totalCount": 2}},
    {"virtualServers": [None, 7, "text"]},
]


@pytest.mark.parametrize("body", CUT)
def test_incomplete_pass_marks_nothing_gone(cloud: Cloud, body: dict[str, Any]) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    cloud.sim.faults.add(Fault.REFUSE, operation="listServers", status=200, body=body)
    assert not cloud.sync(api_key)
    assert Server.objects.filter(gone_at=None).count() == 12


# --- What Leaseweb may send -------------------------------------------------------------------------------------


@pytest.mark.req("X13")
@pytest.mark.parametrize(
    "reference",
    [
        "x" * 10_000,
        "😀" * 3000,
        "\u202eevil\u202c \u200f",
        "<script>alert(1)</script>",
        "a\x00b\ud800c",
        "\n\r\t ",
        "",
        None,
        ["list"],
        10**30,
    ],
)
def test_any_reference_is_stored_and_the_server_keeps_a_name(cloud: Cloud, reference: Any) -> None:
    api_key = cloud.key()
    cloud.sync(api_key)
    server = first(cloud.team)
    cloud.upstream(server).reference = reference
    cloud.sync(api_key)
    cloud.sync(api_key)
    server.refresh_from_db()
    assert 0 < len(server.shown_name) <= 200
    assert server.shown_name.strip()
    assert server.upstream_id in server.search_text
    if isinstance(reference, str) and "\x00" not in reference:
        assert server.reference == reference


@pytest.mark.req("X13")
@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, 2**63, 10**30, 1e308, "12", "many", None, True, [], {}])
def test_absurd_number_breaks_nothing(cloud: Cloud, number: Any) -> None:
    entry = {
        "id": "500",
        "contract": {"billingCycle": number, "pricePerFrequency": number},
        "hardware": {"cpu": {"cores": number}, "memory": {"amount": number}, "storage": {"amount": number}},
        "networkTraffic": {"dataTrafficLimit": number},
        "ips": [{"ip": "192.0.2.1", "version": number}],
    }
    body = {"virtualServers": [entry], "_metadata": {"totalCount": 1}}
    cloud.sim.faults.add(Fault.REFUSE, operation="listServers", status=200, body=body)
    cloud.sync(cloud.key())
    assert Server.objects.get().upstream_id == "500"


def test_answer_with_half_of_the_fields_missing_is_read(cloud: Cloud) -> None:
    cloud.sim.faults.add(Fault.MISSING_FIELDS, operation="listServers")
    cloud.sync(cloud.key())
    assert Server.objects.exclude(shown_name="").count() == 12


# --- Readings that overtake one another -------------------------------------------------------------------------


@pytest.mark.req("G8")
def test_older_reading_never_overwrites_a_newer_one(cloud: Cloud) -> None:
    api_key = cloud.key()
    early, late = timezone.now() - timedelta(seconds=9), timezone.now()
    new = VirtualServer("1", reference="new", state=ServerState.STOPPED)
    old = VirtualServer("1", reference="old", state=ServerState.RUNNING)
    sync.apply_server(api_key, Reading(late, (new,)))
    assert not sync.apply_server(api_key, Reading(early, (old,)))
    assert not passes.apply(api_key, whole_pass(early))
    api_key.refresh_from_db()
    assert not passes.missing(api_key), "it was not there yet, not gone"
    server = Server.objects.get()
    assert (server.reference, server.state, server.gone_at, server.seen_at) == ("new", "STOPPED", None, late)
    passes.apply(api_key, whole_pass(late, new))
    assert not passes.apply(api_key, whole_pass(early, old))
    assert ApiKey.objects.get(pk=api_key.pk).synced_at == late


def test_wish_for_a_reading_is_met_by_one_that_began_after_it(cloud: Cloud) -> None:
    api_key = cloud.key()
    asked = timezone.now()
    server = VirtualServer("1")
    sync.apply_server(api_key, Reading(asked - timedelta(seconds=9), (server,)))
    Server.objects.update(refresh_asked_at=asked)
    ApiKey.objects.update(refresh_asked_at=asked)
    passes.apply(api_key, whole_pass(asked - timedelta(seconds=1), server))
    assert Server.objects.get().refresh_asked_at == ApiKey.objects.get().refresh_asked_at == asked
    passes.apply(api_key, whole_pass(asked + timedelta(seconds=1), server))
    assert Server.objects.get().refresh_asked_at is None
    assert ApiKey.objects.get().refresh_asked_at is None
