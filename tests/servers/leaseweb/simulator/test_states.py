"""What happens to a server and its snapshots after each action, second by second."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from servers.leaseweb.simulator import Behaviour, Fault, Simulator
from servers.leaseweb.simulator.model import Server, Snapshot

from .talk import NOON, Clock, connect, exchange, send

Walk = Callable[[str], list[str]]


@pytest.fixture
def server(simulator: Simulator) -> Server:
    """A running server with at least one snapshot that is ready."""
    return next(iter(simulator.world.servers.values()))


@pytest.fixture
def walk(simulator: Simulator, clock: Clock) -> Walk:
    """Asks for a path every quarter of a second and returns the states in the order they were seen."""

    def collect(path: str) -> list[str]:
        seen: list[str] = []
        connection = connect(simulator)
        for _ in range(160):
            reply = exchange(connection, "GET", path)
            state = reply.json["state"] if reply.status == 200 else str(reply.status)
            if [state] != seen[-1:]:
                seen.append(state)
            clock.advance(0.25)
        connection.close()
        return seen

    return collect


def act(simulator: Simulator, server: Server, action: str, body: Any = None) -> int:
    return send(simulator, "POST", f"/virtualServers/{server.id}/{action}", body).status


def ready(server: Server) -> Snapshot:
    return next(each for each in server.snapshots.values() if each.state == "READY")


def test_power_off_goes_over_stopping_to_stopped(simulator: Simulator, server: Server, walk: Walk) -> None:
    assert act(simulator, server, "powerOff") == 202
    assert walk(f"/virtualServers/{server.id}") == ["RUNNING", "STOPPING", "STOPPED"]


def test_power_on_goes_over_starting_to_running(simulator: Simulator, server: Server, walk: Walk) -> None:
    simulator.world.set_state(server.id, "STOPPED")
    assert act(simulator, server, "powerOn") == 202
    assert walk(f"/virtualServers/{server.id}") == ["STOPPED", "STARTING", "RUNNING"]


def test_reboot_stops_and_starts(simulator: Simulator, server: Server, walk: Walk) -> None:
    assert act(simulator, server, "reboot") == 202
    assert walk(f"/virtualServers/{server.id}") == ["RUNNING", "STOPPING", "STARTING", "RUNNING"]


def test_quick_reboot_is_never_seen_to_leave_running(
    simulator: Simulator, server: Server, clock: Clock, walk: Walk
) -> None:
    simulator.world.behaviour.quick_reboot = True
    assert act(simulator, server, "reboot") == 202
    assert act(simulator, server, "powerOff") == 409
    assert walk(f"/virtualServers/{server.id}") == ["RUNNING"]
    assert act(simulator, server, "powerOff") == 202


@pytest.mark.parametrize(("action", "state"), [("powerOn", "RUNNING"), ("powerOff", "STOPPED")])
def test_power_to_the_present_state_is_accepted_and_changes_nothing(
    simulator: Simulator, server: Server, walk: Walk, action: str, state: str
) -> None:
    simulator.world.set_state(server.id, state)
    assert act(simulator, server, action) == 202
    assert walk(f"/virtualServers/{server.id}") == [state]


def test_reinstall_of_a_running_server_ends_running_with_a_new_label(
    simulator: Simulator, server: Server, walk: Walk
) -> None:
    before = server.template
    assert act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"}) == 202
    states = ["RUNNING", "STOPPING", "STOPPED", "STARTING", "RUNNING"]
    assert walk(f"/virtualServers/{server.id}") == states
    assert server.template == "Rocky Linux 9 64 40 20250203T1107" != before


def test_reinstall_of_a_stopped_server_leaves_it_stopped(
    simulator: Simulator, server: Server, walk: Walk
) -> None:
    simulator.world.set_state(server.id, "STOPPED")
    assert act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"}) == 202
    assert walk(f"/virtualServers/{server.id}") == ["STOPPED"]
    assert server.template.startswith("Rocky Linux 9 ")


def test_reinstall_changes_the_label_only_after_the_stop(
    simulator: Simulator, server: Server, clock: Clock
) -> None:
    before = server.template
    act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"})
    clock.advance(19)
    assert send(simulator, "GET", f"/virtualServers/{server.id}").json["template"] == before
    clock.advance(1)
    assert send(simulator, "GET", f"/virtualServers/{server.id}").json["template"] != before


def test_reinstall_gives_a_new_password_and_drops_the_old_accounts(
    simulator: Simulator, server: Server, clock: Clock
) -> None:
    path = f"/virtualServers/{server.id}/credentials/OPERATING_SYSTEM"
    old = send(simulator, "GET", f"{path}/root").json["password"]
    body = {"username": "deploy", "password": "old secret", "type": "OPERATING_SYSTEM"}
    send(simulator, "PUT", f"/virtualServers/{server.id}/credentials", body)
    act(simulator, server, "reinstall", {"operatingSystemId": "CENTOS_7_64_PLESK"})
    clock.advance(60)
    assert send(simulator, "GET", f"{path}/root").json["password"] != old
    assert [each["username"] for each in send(simulator, "GET", path).json["credentials"]] == ["root"]
    panel = send(simulator, "GET", f"/virtualServers/{server.id}/credentials/CONTROL_PANEL")
    assert panel.json["credentials"] == [{"type": "CONTROL_PANEL", "username": "admin"}]


def test_reinstall_refuses_a_system_that_is_not_offered(simulator: Simulator, server: Server) -> None:
    path = f"/virtualServers/{server.id}/reinstall"
    reply = send(simulator, "POST", path, {"operatingSystemId": "WINDOWS_SERVER_2022_STANDARD_64"})
    assert reply.status == 400
    assert list(reply.json["errorDetails"]) == ["operatingSystemId"]
    offered = send(simulator, "GET", f"/virtualServers/{server.id}/templates").json["templates"]
    assert not [each for each in offered if each["id"].startswith("WINDOWS")]


def test_reinstall_can_be_made_to_refuse_snapshots(clock: Clock) -> None:
    behaviour = Behaviour(reinstall_refuses_snapshots=True)
    with Simulator(servers=1, clock=clock, behaviour=behaviour) as simulator:
        server = next(iter(simulator.world.servers.values()))
        assert act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"}) == 409
        server.snapshots.clear()
        assert act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"}) == 202


def test_snapshot_is_allocated_created_and_then_ready(
    simulator: Simulator, server: Server, clock: Clock, walk: Walk
) -> None:
    known = set(server.snapshots)
    assert act(simulator, server, "snapshots", {"name": "Before upgrade 2"}) == 202
    assert len(send(simulator, "GET", f"/virtualServers/{server.id}/snapshots").json["snapshots"]) == len(
        known
    )
    clock.advance(0.5)
    listed = send(simulator, "GET", f"/virtualServers/{server.id}/snapshots").json["snapshots"]
    new = next(each for each in listed if each["id"] not in known)
    assert new["name"] == "Before upgrade 2"
    assert new["created_at"] == NOON.isoformat()
    seen = walk(f"/virtualServers/{server.id}/snapshots/{new['id']}")
    assert seen == ["ALLOCATED", "CREATING", "READY"]


def test_snapshot_restore_reverts_and_brings_the_old_system_back(
    simulator: Simulator, server: Server, clock: Clock, walk: Walk
) -> None:
    snapshot = ready(server)
    act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"})
    clock.advance(60)
    assert act(simulator, server, f"snapshots/{snapshot.id}/restore") == 202
    seen = walk(f"/virtualServers/{server.id}/snapshots/{snapshot.id}")
    assert seen == ["READY", "REVERTING", "READY"]
    assert send(simulator, "GET", f"/virtualServers/{server.id}").json["template"] == snapshot.template


def test_snapshot_delete_expunges_until_it_is_gone(simulator: Simulator, server: Server, walk: Walk) -> None:
    path = f"/virtualServers/{server.id}/snapshots/{ready(server).id}"
    assert send(simulator, "DELETE", path).status == 202
    assert walk(path) == ["READY", "EXPUNGING", "404"]


@pytest.mark.parametrize("name", ["", "1st", "with-dash", "Ünicode", "new\nline", "A" * 256, " lead"])
def test_snapshot_name_that_is_not_allowed_is_refused(
    simulator: Simulator, server: Server, name: str
) -> None:
    reply = send(simulator, "POST", f"/virtualServers/{server.id}/snapshots", {"name": name})
    assert reply.status == 400
    assert list(reply.json["errorDetails"]) == ["name"]


def test_snapshot_name_that_is_taken_is_refused(simulator: Simulator, server: Server, clock: Clock) -> None:
    assert act(simulator, server, "snapshots", {"name": "Twice"}) == 202
    clock.advance(60)
    assert act(simulator, server, "snapshots", {"name": "Twice"}) == 409


def test_snapshots_have_a_limit(simulator: Simulator, server: Server, clock: Clock) -> None:
    simulator.world.behaviour.snapshot_limit = len(server.snapshots) + 1
    assert act(simulator, server, "snapshots", {"name": "Last"}) == 202
    clock.advance(60)
    assert act(simulator, server, "snapshots", {"name": "Too many"}) == 409


def test_snapshot_needs_a_pack_that_includes_it(simulator: Simulator) -> None:
    server = next(each for each in simulator.world.servers.values() if not each.snapshots_included)
    assert act(simulator, server, "snapshots", {"name": "Nope"}) == 400


@pytest.mark.parametrize("state", ["STOPPED", "STARTING", "STOPPING", "UNKNOWN"])
def test_snapshot_create_and_restore_need_a_running_server(
    simulator: Simulator, server: Server, state: str
) -> None:
    simulator.world.set_state(server.id, state)
    assert act(simulator, server, "snapshots", {"name": "Nope"}) == 409
    assert act(simulator, server, f"snapshots/{ready(server).id}/restore") == 409


@pytest.mark.parametrize(
    ("state", "action"),
    [("STOPPED", "reboot"), ("UNKNOWN", "powerOn"), ("UNKNOWN", "powerOff"), ("UNKNOWN", "reinstall")],
)
def test_action_in_the_wrong_state_is_refused(
    simulator: Simulator, server: Server, state: str, action: str
) -> None:
    simulator.world.set_state(server.id, state)
    reply = send(
        simulator, "POST", f"/virtualServers/{server.id}/{action}", {"operatingSystemId": "ROCKY_9_64"}
    )
    assert reply.status == 409
    assert re.fullmatch(
        f"Resource '{server.id}' is {state}; this action needs .*", reply.json["errorMessage"]
    )


def test_restore_of_a_snapshot_that_is_not_ready_is_refused(simulator: Simulator, server: Server) -> None:
    snapshot = ready(server)
    snapshot.state = "ERROR"
    assert act(simulator, server, f"snapshots/{snapshot.id}/restore") == 409
    assert send(simulator, "DELETE", f"/virtualServers/{server.id}/snapshots/{snapshot.id}").status == 202


@pytest.mark.parametrize(
    "action", ["powerOn", "powerOff", "reboot", "reinstall", "snapshots", "restore", "delete"]
)
def test_busy_server_refuses_every_other_action(simulator: Simulator, server: Server, action: str) -> None:
    act(simulator, server, "reboot")
    path = f"/virtualServers/{server.id}/{action}"
    if action in {"restore", "delete"}:
        path = f"/virtualServers/{server.id}/snapshots/{ready(server).id}"
        path = f"{path}/restore" if action == "restore" else path
    body = {"operatingSystemId": "ROCKY_9_64", "name": "New"}
    reply = send(simulator, "DELETE" if action == "delete" else "POST", path, body)
    assert reply.status == 409
    assert "reboot" in reply.json["errorMessage"]


def test_busy_server_can_be_renamed(simulator: Simulator, server: Server) -> None:
    act(simulator, server, "reboot")
    reply = send(simulator, "PUT", f"/virtualServers/{server.id}", {"reference": "new name"})
    assert reply.json["reference"] == "new name"


def test_stored_credential_is_read_back(simulator: Simulator, server: Server) -> None:
    body = {"username": "o'neil/ops", "password": "päss", "type": "CONTROL_PANEL"}
    assert send(simulator, "PUT", f"/virtualServers/{server.id}/credentials", body).status == 204
    path = f"/virtualServers/{server.id}/credentials/CONTROL_PANEL/o%27neil%2Fops"
    assert send(simulator, "GET", path).json == body


@pytest.mark.parametrize(
    ("fault", "action", "seen"),
    [
        (Fault.STUCK, "powerOff", ["RUNNING", "STOPPING"]),
        (Fault.STUCK, "reboot", ["RUNNING", "STOPPING", "STARTING"]),
        (Fault.TASK_FAILS, "powerOff", ["RUNNING", "STOPPING", "RUNNING"]),
        (Fault.TASK_FAILS, "reboot", ["RUNNING", "STOPPING", "STOPPED"]),
        (Fault.ACCEPT_AND_IGNORE, "powerOff", ["RUNNING"]),
    ],
)
def test_power_action_with_a_fault_never_reaches_its_end(
    simulator: Simulator, server: Server, walk: Walk, fault: Fault, action: str, seen: list[str]
) -> None:
    simulator.faults.add(fault, operation=action)
    assert act(simulator, server, action) == 202
    assert walk(f"/virtualServers/{server.id}") == seen


@pytest.mark.parametrize(
    ("fault", "end"),
    [(Fault.STUCK, "CREATING"), (Fault.TASK_FAILS, "ERROR"), (Fault.ACCEPT_AND_IGNORE, None)],
)
def test_snapshot_create_with_a_fault_is_never_ready(
    simulator: Simulator, server: Server, clock: Clock, fault: Fault, end: str | None
) -> None:
    simulator.faults.add(fault)
    assert act(simulator, server, "snapshots", {"name": "Odd"}) == 202
    clock.advance(3600)
    simulator.faults.clear()
    listed = send(simulator, "GET", f"/virtualServers/{server.id}/snapshots").json["snapshots"]
    assert [each["state"] for each in listed if each["name"] == "Odd"] == ([end] if end else [])


@pytest.mark.parametrize(
    ("fault", "suffix", "end"),
    [
        (Fault.STUCK, "", "EXPUNGING"),
        (Fault.TASK_FAILS, "", "ERROR"),
        (Fault.STUCK, "/restore", "REVERTING"),
        (Fault.TASK_FAILS, "/restore", "READY"),
    ],
)
def test_snapshot_task_with_a_fault_ends_elsewhere(
    simulator: Simulator, server: Server, clock: Clock, fault: Fault, suffix: str, end: str
) -> None:
    path = f"/virtualServers/{server.id}/snapshots/{ready(server).id}"
    simulator.faults.add(fault, operation="writes")
    assert send(simulator, "POST" if suffix else "DELETE", path + suffix).status == 202
    clock.advance(3600)
    assert send(simulator, "GET", path).json["state"] == end


def test_failed_reinstall_keeps_the_system_and_the_password(
    simulator: Simulator, server: Server, clock: Clock
) -> None:
    before = (server.template, dict(server.credentials))
    simulator.faults.add(Fault.TASK_FAILS)
    act(simulator, server, "reinstall", {"operatingSystemId": "ROCKY_9_64"})
    clock.advance(60)
    assert send(simulator, "GET", f"/virtualServers/{server.id}").json["state"] == "RUNNING"
    assert (server.template, server.credentials) == before


def test_stuck_server_stays_busy_until_somebody_sets_it_right(
    simulator: Simulator, server: Server, clock: Clock
) -> None:
    simulator.faults.add(Fault.STUCK, times=1)
    act(simulator, server, "powerOff")
    clock.advance(86_400)
    reply = send(simulator, "POST", f"/virtualServers/{server.id}/powerOff")
    assert reply.status == 409
    assert "task (powerOff) is active" in reply.json["errorMessage"]
    simulator.world.set_state(server.id, "RUNNING")
    assert act(simulator, server, "powerOff") == 202


def test_time_scale_makes_tasks_faster(clock: Clock) -> None:
    with Simulator(servers=1, clock=clock, time_scale=10) as simulator:
        server = next(iter(simulator.world.servers.values()))
        act(simulator, server, "powerOff")
        clock.advance(0.44)
        assert simulator.world.server(server.id).state == "STOPPING"
        clock.advance(0.02)
        assert simulator.world.server(server.id).state == "STOPPED"


def test_lively_world_switches_playground_servers_only(clock: Clock) -> None:
    with Simulator(servers=36, clock=clock, lively=True) as simulator:
        before = {server.id: server.state for server in simulator.world.servers.values()}
        clock.advance(45)
        simulator.world.settle()
        changed = [each for each in simulator.world.servers.values() if each.state != before[each.id]]
        assert len(changed) == 1
        assert "playground" in str(changed[0].reference)
        entries = simulator.journal.entries()
        assert [entry.operation for entry in entries] == ["external.powerOff"]
        assert entries[0].server == changed[0].id


def test_lively_world_does_the_same_however_often_it_is_read() -> None:
    def changes(step: float) -> list[tuple[str, str | None]]:
        clock = Clock()
        simulator = Simulator(servers=36, clock=clock, lively=True)
        while clock.seconds < timedelta(hours=1).total_seconds():
            clock.advance(step)
            simulator.world.settle()
        return [(entry.operation, entry.server) for entry in simulator.journal]

    assert changes(3600) == changes(5)
    assert len(changes(3600)) > 50


def test_world_without_another_hand_stays_as_it_is(simulator: Simulator, clock: Clock) -> None:
    before = {server.id: server.state for server in simulator.world.servers.values()}
    clock.advance(86_400)
    simulator.world.settle()
    assert {server.id: server.state for server in simulator.world.servers.values()} == before
    assert len(simulator.journal) == 0
