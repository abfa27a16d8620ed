"""The journal: complete, in order, and without a secret."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from servers.leaseweb.simulator import Fault, Simulator
from servers.leaseweb.simulator.keys import fingerprint

from .talk import at_once, send, server_ids


def test_entry_says_who_asked_for_what_and_what_came_of_it(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    path = f"/virtualServers/{server_id}/reinstall"
    body = {"operatingSystemId": "DEBIAN_12_64"}
    reply = send(simulator, "POST", path, body, headers={"APIGW-CORRELATION-ID": "click-17"})
    (entry,) = simulator.journal.entries()
    assert (entry.sequence, entry.method, entry.path) == (1, "POST", f"/cloud/v2{path}")
    assert (entry.operation, entry.server, entry.correlation_id) == ("reinstall", server_id, "click-17")
    assert (entry.received, entry.executed, entry.fault, entry.status) == (True, True, None, 202)
    assert (entry.job, entry.detail) == (reply.json["id"], body)
    assert entry.key == fingerprint(Simulator.key)


def test_entry_is_there_before_the_answer_is(simulator: Simulator) -> None:
    for number in range(1, 30):
        send(simulator, "GET", "/virtualServers")
        assert simulator.journal.last == number


@pytest.mark.parametrize(
    ("method", "suffix", "body", "detail"),
    [
        ("PUT", "", {"reference": "new"}, {"reference": "new"}),
        ("POST", "/snapshots", {"name": "Nightly 4"}, {"name": "Nightly 4"}),
        ("DELETE", "/snapshots/none", None, {"snapshotId": "none"}),
        (
            "PUT",
            "/credentials",
            {"username": "root", "password": "hunter2", "type": "CONTROL_PANEL"},
            {"username": "root", "type": "CONTROL_PANEL"},
        ),
    ],
)
def test_detail_holds_what_was_asked_for(
    simulator: Simulator, method: str, suffix: str, body: Any, detail: dict[str, Any]
) -> None:
    send(simulator, method, f"/virtualServers/{server_ids(simulator)[0]}{suffix}", body)
    assert simulator.journal.entries()[0].detail == detail


def test_reads_and_refusals_are_not_executed(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    simulator.world.set_state(server_id, "UNKNOWN")
    send(simulator, "GET", f"/virtualServers/{server_id}")
    send(simulator, "POST", f"/virtualServers/{server_id}/reboot")
    send(simulator, "POST", f"/virtualServers/{server_id}/reboot", key="stolen")
    entries = simulator.journal.entries(since=1)
    assert [(entry.status, entry.executed) for entry in entries] == [(200, False), (409, False), (401, False)]


def test_repeated_power_on_counts_as_executed_twice(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    for _ in range(2):
        send(simulator, "POST", f"/virtualServers/{server_id}/powerOn")
    assert len(simulator.journal.entries("powerOn", server=server_id, executed=True)) == 2


def test_fault_is_named(simulator: Simulator) -> None:
    simulator.faults.add(Fault.NOT_JSON)
    send(simulator, "GET", "/virtualServers")
    assert simulator.journal.entries()[0].fault == "not_json"


def test_unknown_path_is_written_down_too(simulator: Simulator) -> None:
    assert send(simulator, "GET", "/somethingElse").status == 404
    assert simulator.journal.entries("unknown")[0].path == "/cloud/v2/somethingElse"


def test_change_from_outside_is_written_down(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    simulator.world.set_state(server_id, "STOPPED")
    (entry,) = simulator.journal
    assert (entry.operation, entry.server, entry.executed) == ("external.setState", server_id, True)
    assert entry.detail == {"state": "STOPPED"}


def test_file_holds_every_entry_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Simulator(servers=2, journal_path=path) as simulator:
        for number in range(1, 4):
            send(simulator, "GET", "/virtualServers")
            lines = path.read_text().splitlines()
            assert [json.loads(line)["sequence"] for line in lines] == list(range(1, number + 1))
        assert json.loads(lines[0])["operation"] == "listServers"


def test_file_is_only_ever_added_to(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for _ in range(2):
        with Simulator(servers=1, journal_path=path) as simulator:
            send(simulator, "GET", "/virtualServers")
    assert len(path.read_text().splitlines()) == 2


def test_no_key_and_no_password_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Simulator(servers=2, journal_path=path) as simulator:
        server = next(iter(simulator.world.servers.values()))
        base = f"/virtualServers/{server.id}/credentials"
        body = {"username": "root", "password": "canary-password", "type": "OPERATING_SYSTEM"}
        for key in ("demo-canary-key", "stolen-canary-key"):
            send(simulator, "PUT", base, body, key=key)
            send(simulator, "GET", f"{base}/OPERATING_SYSTEM/root", key=key)
    assert "canary" not in path.read_text()


def test_parallel_requests_leave_a_gapless_sequence(simulator: Simulator) -> None:
    at_once(20, lambda number: [send(simulator, "GET", "/virtualServers") for _ in range(5)])
    assert [entry.sequence for entry in simulator.journal] == list(range(1, 101))


@pytest.mark.parametrize(
    ("choose", "found"),
    [
        (lambda journal: journal.entries("listServers"), [1, 3]),
        (lambda journal: journal.entries(since=2), [3]),
        (lambda journal: journal.entries(server="218030"), [2]),
    ],
)
def test_entries_can_be_chosen(
    simulator: Simulator, choose: Callable[[Any], list[Any]], found: list[int]
) -> None:
    for path in ("/virtualServers", "/virtualServers/218030", "/virtualServers"):
        send(simulator, "GET", path)
    assert [entry.sequence for entry in choose(simulator.journal)] == found
