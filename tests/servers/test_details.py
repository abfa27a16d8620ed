"""What is read of a server beside its own row: kept whole or not at all, never going back, tried again later."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from servers import details, passes
from servers.clock import after, before
from servers.leaseweb import LeasewebError
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server, ServerReading, Snapshot
from teams.collation import search_key, sort_key
from tests.servers.conftest import Cloud

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SUBJECTS = ("snapshots", "templates", "credentials")


@pytest.fixture
def api_key(cloud: Cloud) -> ApiKey:
    found = cloud.key()
    cloud.sync(found)
    return found


@pytest.fixture
def server(cloud: Cloud, api_key: ApiKey) -> Server:
    """The first server, with two snapshots at Leaseweb."""
    found = Server.objects.earliest("pk")
    snapshots = cloud.upstream(found).snapshots
    snapshots.clear()
    for number in (1, 2):
        cloud.snapshot(found, f"Number {number}")
    return found


def read(api_key: ApiKey, server: Server, subject: str) -> ServerReading:
    reading = details.of(server, subject)
    details.keep(api_key, reading, details.ask(api_key, reading))
    return details.of(server, subject)


def shown(server: Server) -> list[tuple[str, str]]:
    return list(
        Snapshot.objects.filter(server=server, gone_at=None).order_by("name").values_list("name", "state")
    )


def kept(server: Server) -> dict[str, Any]:
    """All that is known of the subjects of a server, but for what a failed reading may write."""
    rows = ServerReading.objects.filter(server=server).order_by("pk").values("subject", "content", "read_at")
    return {"readings": list(rows), "snapshots": list(Snapshot.objects.order_by("pk").values())}


# --- What is read -----------------------------------------------------------------------------------------------


def test_snapshots_are_listed_with_their_state_and_time(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    reading = read(api_key, server, "snapshots")
    assert shown(server) == [("Number 1", "READY"), ("Number 2", "READY")]
    assert reading.due_at - reading.read_at >= 30 * MINUTE
    found = Snapshot.objects.earliest("pk")
    upstream = cloud.upstream(server).snapshots[found.upstream_id]
    assert (found.taken_at, found.state_since) == (
        upstream.created_at.replace(microsecond=0),
        reading.read_at,
    )


def test_templates_and_names_of_credentials_are_kept_and_no_password(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    templates = read(api_key, server, "templates").content
    assert {"id": "DEBIAN_12_64", "name": "Debian 12 (64-bit)"} in templates
    cloud.upstream(server).credentials[("CONTROL_PANEL", "admin")] = "panel-password"
    names = read(api_key, server, "credentials").content
    assert {"type": "CONTROL_PANEL", "username": "admin"} in names
    assert all(set(each) == {"type", "username"} for each in names)


def test_server_without_a_control_panel_may_answer_404_for_it(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    cloud.sim.faults.add(Fault.REFUSE, operation="listCredentials", status=404, skip=1, times=1)
    assert [each["type"] for each in read(api_key, server, "credentials").content] == ["OPERATING_SYSTEM"]
    cloud.sim.faults.add(Fault.REFUSE, operation="listCredentials", status=404, times=1)
    with pytest.raises(LeasewebError):
        read(api_key, server, "credentials")


def test_change_of_a_snapshot_takes_the_next_number_and_sameness_none(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    read(api_key, server, "snapshots")
    one, two = Snapshot.objects.order_by("pk")
    cloud.upstream(server).snapshots[one.upstream_id].state = "EXPUNGING"
    later = read(api_key, server, "snapshots").read_at
    changed, same = Snapshot.objects.order_by("pk")
    assert (changed.state, changed.state_since) == ("EXPUNGING", later)
    assert changed.changed_seq > one.changed_seq
    assert (same.changed_seq, same.state_since, same.seen_at) == (two.changed_seq, two.state_since, later)


def test_new_name_of_a_snapshot_sorts_and_is_found_as_that(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    read(api_key, server, "snapshots")
    one = Snapshot.objects.earliest("pk")
    cloud.upstream(server).snapshots[one.upstream_id].name = "Zürich 10"
    read(api_key, server, "snapshots")
    one.refresh_from_db()
    assert one.name == "Zürich 10"
    assert (one.name_key, one.search_text) == (sort_key("Zürich 10"), search_key("Zürich 10"))


def test_snapshot_that_is_gone_is_kept_and_may_come_back(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    read(api_key, server, "snapshots")
    upstream = cloud.upstream(server).snapshots
    taken = upstream.pop(Snapshot.objects.earliest("pk").upstream_id)
    gone_since = read(api_key, server, "snapshots").read_at
    assert Snapshot.objects.earliest("pk").gone_at == gone_since
    read(api_key, server, "snapshots")
    assert Snapshot.objects.earliest("pk").gone_at == gone_since
    upstream[taken.id] = taken
    read(api_key, server, "snapshots")
    assert (Snapshot.objects.count(), Snapshot.objects.filter(gone_at=None).count()) == (2, 2)


# --- What goes wrong --------------------------------------------------------------------------------------------

OPERATION = {"snapshots": "listSnapshots", "templates": "listTemplates", "credentials": "listCredentials"}
BROKEN: list[tuple[Fault, dict[str, Any]]] = [
    (Fault.HTML_504, {}),
    (Fault.EMPTY_401, {}),
    (Fault.REFUSE, {"status": 404}),
    (Fault.RATE_LIMIT, {"seconds": 20}),
    (Fault.HALF_BODY, {}),
    (Fault.REFUSE, {"status": 200, "body": {"snapshots": None, "templates": 7, "credentials": "x"}}),
]


@pytest.mark.req("X13")
@pytest.mark.parametrize(("fault", "options"), BROKEN)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_failed_reading_changes_nothing_but_its_error(
    cloud: Cloud, api_key: ApiKey, server: Server, subject: str, fault: Fault, options: dict[str, Any]
) -> None:
    read(api_key, server, subject)
    was = kept(server)
    ServerReading.objects.update(asked_at=before(MINUTE))
    cloud.sim.faults.add(fault, operation=OPERATION[subject], **options)
    with pytest.raises(LeasewebError):
        read(api_key, server, subject)
    assert kept(server) == was
    reading = details.of(server, subject)
    assert reading.error
    assert (reading.asked_at, reading.lease_until) == (None, None)
    assert reading.due_at > timezone.now() + 4 * MINUTE
    cloud.sim.faults.clear()
    api_key.refresh_from_db()
    assert read(api_key, server, subject).error == ""


@pytest.mark.parametrize(
    ("subject", "minutes"), [("snapshots", (5, 7.5)), ("templates", (5, 360)), ("credentials", (5, 360))]
)
def test_what_fails_again_is_asked_less_often(
    cloud: Cloud, api_key: ApiKey, server: Server, subject: str, minutes: tuple[float, float]
) -> None:
    cloud.sim.faults.add(Fault.REFUSE, operation=OPERATION[subject], status=404)
    for pause in minutes:
        with pytest.raises(LeasewebError):
            read(api_key, server, subject)
        waits = details.of(server, subject).due_at - timezone.now()
        assert abs(waits - pause * MINUTE) < MINUTE


def test_forbidden_subject_does_not_make_a_key_refused(cloud: Cloud, api_key: ApiKey, server: Server) -> None:
    """Else every list pass would take it back, and each of the two is an entry in the trail."""
    cloud.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=403)
    with pytest.raises(LeasewebError):
        read(api_key, server, "snapshots")
    assert ApiKey.objects.get().health == ApiKey.Health.WORKING
    assert details.of(server, "snapshots").error


CUT: list[dict[str, Any]] = [
    {"snapshots": [], "_metadata": {"totalCount": 2}},
    {"snapshots": [{"id": "../x", "name": "n", "state": "READY"}]},
    {"snapshots": [None, 7, "text"]},
]


@pytest.mark.req("X13")
@pytest.mark.parametrize("body", CUT)
def test_list_that_was_cut_short_marks_no_snapshot_gone_and_says_so(
    cloud: Cloud, api_key: ApiKey, server: Server, body: dict[str, Any]
) -> None:
    read(api_key, server, "snapshots")
    cloud.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=200, body=body)
    reading = read(api_key, server, "snapshots")
    assert shown(server) == [("Number 1", "READY"), ("Number 2", "READY")]
    assert "did not come whole" in reading.error
    assert reading.error_at is not None


@pytest.mark.parametrize("lie", [Fault.EMPTY_LIST, Fault.HALF_LIST, Fault.SHORT_PAGE], ids=str)
def test_list_that_lies_makes_no_snapshot_gone(
    cloud: Cloud, api_key: ApiKey, server: Server, lie: Fault
) -> None:
    read(api_key, server, "snapshots")
    cloud.sim.faults.add(lie, operation="listSnapshots")
    for _ in range(3):
        read(api_key, server, "snapshots")
    assert shown(server) == [("Number 1", "READY"), ("Number 2", "READY")]


def test_snapshots_are_gone_by_a_404_each_as_the_budget_allows(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    read(api_key, server, "snapshots")
    ids = set(cloud.upstream(server).snapshots)
    cloud.upstream(server).snapshots.clear()
    ApiKey.objects.update(budget_tokens=0, budget_at=timezone.now() + MINUTE)
    assert read(api_key, server, "snapshots").error == ""
    assert len(shown(server)) == 2
    ApiKey.objects.update(budget_tokens=10)
    read(api_key, server, "snapshots")
    assert shown(server) == []
    assert {entry.path.rpartition("/")[2] for entry in cloud.calls("getSnapshot")} == ids


def test_name_of_a_credential_stays_until_a_second_whole_list_lacks_it(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    whole = read(api_key, server, "credentials").content
    cloud.sim.faults.add(Fault.EMPTY_LIST, operation="listCredentials", times=2)
    lied = read(api_key, server, "credentials")
    assert [each["username"] for each in lied.content] == [each["username"] for each in whole]
    assert lied.due_at - timezone.now() <= 5 * MINUTE, "and the second list is soon"
    again = read(api_key, server, "credentials")
    assert again.content == whole
    assert again.due_at - timezone.now() > 60 * MINUTE
    cloud.upstream(server).credentials.clear()
    read(api_key, server, "credentials")
    assert read(api_key, server, "credentials").content == []
    assert not cloud.calls("getCredential"), "no password is fetched for that"


def test_cut_list_of_templates_does_not_replace_a_whole_one(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    cloud.sim.faults.add(
        Fault.REFUSE,
        operation="listTemplates",
        status=200,
        body={"templates": [{"id": "A", "name": "A"}], "_metadata": {"totalCount": 5}},
    )
    assert [each["id"] for each in read(api_key, server, "templates").content] == ["A"], "better than nothing"
    cloud.sim.faults.clear()
    whole = read(api_key, server, "templates").content
    body = {"templates": [], "_metadata": {"totalCount": 5}}
    cloud.sim.faults.add(Fault.REFUSE, operation="listTemplates", status=200, body=body)
    assert read(api_key, server, "templates").content == whole


@pytest.mark.req("X13")
@pytest.mark.parametrize(
    "name", ["", None, "x" * 10_000, "\u202eevil", "<script>alert(1)</script>", "a\x00b\ud800c", "=1+1", 7]
)
def test_any_name_of_a_snapshot_is_kept(cloud: Cloud, api_key: ApiKey, server: Server, name: Any) -> None:
    item = {"id": "s1", "name": name, "state": "WHATEVER", "created_at": "not a time"}
    body = {"snapshots": [item], "_metadata": {"totalCount": 1}}
    cloud.sim.faults.add(Fault.REFUSE, operation="listSnapshots", status=200, body=body)
    reading = read(api_key, server, "snapshots")
    found = Snapshot.objects.get(upstream_id="s1")
    assert (found.state, found.taken_at) == ("UNKNOWN", reading.read_at)
    assert len(found.name) <= 255


# --- Readings that overtake one another -------------------------------------------------------------------------


@pytest.mark.req("G8")
@pytest.mark.parametrize("subject", ["snapshots", "templates"])
def test_older_answer_never_overwrites_a_newer_one(
    cloud: Cloud, api_key: ApiKey, server: Server, subject: str
) -> None:
    """The older one comes with a snapshot, and a list of systems, that the newer one no longer has."""
    reading = details.of(server, subject)
    asked = details.ask(api_key, reading)
    older = replace(asked, begun=asked.begun - MINUTE)  # SQLite may tell the same millisecond of both
    cloud.upstream(server).snapshots.clear()
    body = {"templates": [{"id": "NEW", "name": "New"}]}
    cloud.sim.faults.add(Fault.REFUSE, operation="listTemplates", status=200, body=body)
    read(api_key, server, subject)
    was = kept(server)
    ServerReading.objects.update(lease_until=after(MINUTE))
    assert details.keep(api_key, reading, older) == ()
    assert kept(server) == was
    assert shown(server) == []
    assert details.of(server, subject).lease_until is None


@pytest.mark.req("G8")
def test_older_failure_says_nothing_about_a_newer_answer(
    cloud: Cloud, api_key: ApiKey, server: Server
) -> None:
    reading = details.of(server, "snapshots")
    read(api_key, server, "snapshots")
    ServerReading.objects.update(read_at=after(MINUTE))
    cloud.sim.faults.add(Fault.HTML_504, operation="listSnapshots")
    with pytest.raises(LeasewebError):
        details.ask(api_key, reading)
    assert details.of(server, "snapshots").error == ""


def test_wish_is_met_by_a_reading_that_began_after_it(api_key: ApiKey, server: Server) -> None:
    reading = details.of(server, "snapshots")
    answer = details.ask(api_key, reading)
    ServerReading.objects.filter(pk=reading.pk).update(asked_at=after(MINUTE))
    details.keep(api_key, reading, answer)
    assert details.of(server, "snapshots").asked_at is not None
    ServerReading.objects.filter(pk=reading.pk).update(asked_at=before(MINUTE))
    was = Server.objects.get(pk=server.pk).changed_seq
    assert read(api_key, server, "snapshots").asked_at is None
    assert Server.objects.get(pk=server.pk).changed_seq > was, "the page that waits has to learn of it"


# --- Who reads, and what there is to read -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_of_two_workers_has_a_reading(api_key: ApiKey, server: Server) -> None:
    reading = details.of(server, "snapshots")
    claimed: list[ServerReading | None] = []
    start = threading.Barrier(2)

    def claim() -> None:
        try:
            start.wait(timeout=120)
            claimed.append(details.claim(reading.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each is None for each in claimed) == [False, True]
    ServerReading.objects.update(lease_until=before(MINUTE))
    assert details.claim(reading.pk) is not None, "whoever died with it does not keep it"


def test_reading_that_is_neither_due_nor_wanted_cannot_be_claimed(api_key: ApiKey, server: Server) -> None:
    reading = read(api_key, server, "snapshots")
    assert details.claim(reading.pk) is None
    ServerReading.objects.update(asked_at=before(MINUTE))
    assert details.claim(reading.pk) is not None


def test_servers_get_their_readings_spread_out(api_key: ApiKey) -> None:
    rows = ServerReading.objects.select_related("server")
    assert rows.count() == 12 * len(details.SOURCES)
    waits = {row.subject: round((row.due_at - row.server.first_seen_at) / MINUTE) for row in rows}
    assert waits == {"snapshots": 0, "templates": 20, "credentials": 40, "traffic": 1}


def test_server_of_an_older_panel_gets_them_with_the_next_pass(cloud: Cloud, api_key: ApiKey) -> None:
    """And one that has some of them gets what a newer version reads beside; none is read anew for that."""
    ServerReading.objects.filter(server=Server.objects.earliest("pk")).delete()
    ServerReading.objects.filter(subject="traffic").delete()
    due = dict(ServerReading.objects.values_list("pk", "due_at"))
    cloud.sync(api_key)
    assert ServerReading.objects.count() == 12 * len(details.SOURCES)
    assert due.items() <= dict(ServerReading.objects.values_list("pk", "due_at")).items()


def test_pass_that_finds_all_readings_asks_for_them_once(
    cloud: Cloud, api_key: ApiKey, django_assert_max_num_queries: Any
) -> None:
    api_key.refresh_from_db()
    found = passes.read(api_key, lambda: True)
    with django_assert_max_num_queries(25) as queries:
        passes.apply(api_key, found)
    assert sum("servers_serverreading" in each["sql"] for each in queries) == 1
