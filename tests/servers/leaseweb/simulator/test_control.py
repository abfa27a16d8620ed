"""The control API, by which another process turns the simulator's knobs."""

from typing import Any

import pytest

from servers.leaseweb.simulator import Simulator

from .talk import Clock, Reply, send, server_ids


def control(simulator: Simulator, method: str, path: str, body: Any = None) -> Reply:
    return send(simulator, method, f"/_simulator/{path}", body, key=None)


def test_health_tells_how_much_there_is(simulator: Simulator, clock: Clock) -> None:
    clock.advance(5)
    expected = {"status": "ok", "servers": 12, "journal": 0, "clock": 5.0}
    assert control(simulator, "GET", "health").json == expected


def test_journal_can_be_read_from_a_number_on(simulator: Simulator) -> None:
    for _ in range(3):
        send(simulator, "GET", "/virtualServers")
    read = control(simulator, "GET", "journal?since=1").json
    assert [entry["sequence"] for entry in read["entries"]] == [2, 3]
    assert read["last"] == 3
    assert control(simulator, "GET", "journal?operation=reboot").json["entries"] == []


def test_control_requests_are_not_in_the_journal(simulator: Simulator) -> None:
    control(simulator, "GET", "health")
    assert len(simulator.journal) == 0


def test_fault_is_set_listed_and_cleared(simulator: Simulator) -> None:
    rule = {"operation": "listServers", "fault": "refuse", "status": 418, "probability": 1, "body": {"a": []}}
    assert control(simulator, "POST", "faults", rule).json == {"id": 1}
    assert send(simulator, "GET", "/virtualServers").status == 418
    (listed,) = control(simulator, "GET", "faults").json["faults"]
    assert rule.items() <= listed.items()
    assert listed["struck"] == 1
    assert control(simulator, "DELETE", "faults").status == 204
    assert send(simulator, "GET", "/virtualServers").status == 200


def test_one_fault_of_several_can_be_removed(simulator: Simulator) -> None:
    for fault in ("html_504", "empty_401"):
        control(simulator, "POST", "faults", {"fault": fault})
    assert control(simulator, "DELETE", "faults/1").status == 204
    assert send(simulator, "GET", "/virtualServers").status == 401
    assert control(simulator, "DELETE", "faults/1").status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"fault": "nonsense"}),
        ("faults", {"operation": "reboot"}),
        ("faults", {"fault": "stuck", "operatoin": "reboot"}),
        ("faults", {"fault": "delay", "seconds": "long"}),
        ("keys", {"key": "new", "alias": "nobody"}),
        ("faults", []),
        ("faults", b"{"),
        ("keys", {}),
        ("behaviour", {"max_limits": 3}),
        ("server", {"add": "many"}),
    ],
)
def test_request_that_makes_no_sense_is_refused_with_a_reason(
    simulator: Simulator, path: str, body: Any
) -> None:
    reply = control(simulator, "POST", path, body)
    assert reply.status == 400
    assert reply.json["error"]


def test_unknown_lever_is_404(simulator: Simulator) -> None:
    assert control(simulator, "GET", "levers").status == 404
    assert control(simulator, "PUT", "faults").status == 404


def test_server_can_be_changed_from_outside(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    change = {"id": server_id, "state": "STOPPED", "reference": None, "template": "X", "snapshot": "Foreign"}
    assert control(simulator, "POST", "server", change).status == 200
    seen = send(simulator, "GET", f"/virtualServers/{server_id}").json
    assert (seen["state"], seen["reference"], seen["template"]) == ("STOPPED", None, "X")
    snapshots = send(simulator, "GET", f"/virtualServers/{server_id}/snapshots").json["snapshots"]
    assert snapshots[-1]["name"] == "Foreign"


def test_change_of_state_ends_what_the_server_was_busy_with(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    send(simulator, "POST", f"/virtualServers/{server_id}/powerOff")
    assert _view(simulator, server_id)["busy"] == "powerOff"
    control(simulator, "POST", "server", {"id": server_id, "state": "RUNNING"})
    assert _view(simulator, server_id)["busy"] is None


def _view(simulator: Simulator, server_id: str) -> dict[str, Any]:
    servers = control(simulator, "GET", "servers").json["servers"]
    return next(server for server in servers if server["id"] == server_id)


def test_server_can_be_removed(simulator: Simulator) -> None:
    server_id = server_ids(simulator)[0]
    assert control(simulator, "POST", "server", {"id": server_id, "remove": True}).status == 200
    assert send(simulator, "GET", f"/virtualServers/{server_id}").status == 404
    assert send(simulator, "GET", "/virtualServers").json["_metadata"]["totalCount"] == 11
    assert control(simulator, "POST", "server", {"id": server_id, "remove": True}).status == 404
    assert simulator.journal.entries("external.remove")[0].server == server_id


@pytest.mark.parametrize("change", [{"id": "none", "state": "RUNNING"}, {"state": "RUNNING"}])
def test_change_of_an_unknown_server_is_404(simulator: Simulator, change: dict[str, Any]) -> None:
    assert control(simulator, "POST", "server", change).status == 404


def test_unknown_state_is_refused(simulator: Simulator) -> None:
    change = {"id": server_ids(simulator)[0], "state": "SLEEPING"}
    assert control(simulator, "POST", "server", change).status == 400


def test_behaviour_can_be_changed(simulator: Simulator) -> None:
    assert control(simulator, "POST", "behaviour", {"max_limit": 5, "quick_reboot": True}).status == 204
    assert len(send(simulator, "GET", "/virtualServers?limit=50").json["virtualServers"]) == 5
    assert simulator.world.behaviour.quick_reboot
