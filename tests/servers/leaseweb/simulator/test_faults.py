"""Each fault, as a client on the other end of the socket meets it."""

import errno
import json
import socket
import time
from datetime import UTC, datetime
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from servers.leaseweb.simulator import Fault, Simulator
from servers.leaseweb.simulator.faults import FaultBook
from tests.support.waiting import wait_for

from .talk import Clock, connect, exchange, send, server_ids


def power_off(simulator: Simulator, number: int = 0) -> Any:
    return send(simulator, "POST", f"/virtualServers/{server_ids(simulator)[number]}/powerOff")


def is_executed(simulator: Simulator) -> bool:
    return bool(simulator.journal.entries("powerOff", executed=True))


def test_refuse_answers_with_the_status_body_and_headers_of_the_rule(simulator: Simulator) -> None:
    simulator.faults.add(Fault.REFUSE, status=302, body={"a": 1}, headers={"Location": "http://127.0.0.1:9/"})
    reply = power_off(simulator)
    assert (reply.status, reply.json) == (302, {"a": 1})
    assert reply.headers["location"] == "http://127.0.0.1:9/"
    assert not is_executed(simulator)


@pytest.mark.parametrize(
    ("body", "sent", "content_type"),
    [
        ("<p>no</p>", b"<p>no</p>", "text/html; charset=utf-8"),
        (None, b"", None),
        ([], b"[]", "application/json"),
    ],
)
def test_refuse_can_send_any_kind_of_body(
    simulator: Simulator, body: Any, sent: bytes, content_type: str | None
) -> None:
    simulator.faults.add(Fault.REFUSE, status=500, body=body)
    reply = power_off(simulator)
    assert (reply.status, reply.body, reply.headers.get("content-type")) == (500, sent, content_type)


def test_refuse_can_execute_behind_the_clients_back(simulator: Simulator) -> None:
    simulator.faults.add(Fault.REFUSE, status=500, execute=True)
    assert power_off(simulator).status == 500
    assert is_executed(simulator)


def test_rate_limit_says_when_to_come_back(simulator: Simulator) -> None:
    simulator.faults.add(Fault.RATE_LIMIT, seconds=12)
    reply = power_off(simulator)
    assert (reply.status, reply.headers["retry-after"]) == (429, "12")
    assert not is_executed(simulator)


def test_unavailable_is_the_documented_503(simulator: Simulator) -> None:
    simulator.faults.add(Fault.UNAVAILABLE)
    reply = power_off(simulator)
    assert (reply.status, reply.json["errorCode"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert not is_executed(simulator)


@pytest.mark.parametrize(("fault", "status"), [(Fault.UNAVAILABLE_UNDOCUMENTED, 503), (Fault.HTML_504, 504)])
def test_proxy_errors_are_html(simulator: Simulator, fault: Fault, status: int) -> None:
    simulator.faults.add(fault)
    reply = power_off(simulator)
    assert reply.status == status
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.body.startswith(b"<html>")


def test_empty_401_has_no_body(simulator: Simulator) -> None:
    simulator.faults.add(Fault.EMPTY_401)
    reply = power_off(simulator)
    assert (reply.status, reply.body) == (401, b"")
    assert not is_executed(simulator)


def test_delay_executes_first_and_answers_late(simulator: Simulator) -> None:
    simulator.faults.add(Fault.DELAY, seconds=0.3)
    assert power_off(simulator).status == 202
    assert seconds_since(simulator.journal.entries("powerOff", executed=True)[0].time) >= 0.3


def test_delay_execution_executes_even_if_the_client_has_left(simulator: Simulator) -> None:
    simulator.faults.add(Fault.DELAY_EXECUTION, seconds=0.2)
    started = time.monotonic()
    raw_request(simulator).close()
    wait_for(lambda: is_executed(simulator), what="the action of a client that has left")
    assert time.monotonic() - started >= 0.2


def test_reset_before_read_resets_and_does_nothing(simulator: Simulator) -> None:
    simulator.faults.add(Fault.RESET_BEFORE_READ)
    with pytest.raises(ConnectionResetError):
        power_off(simulator)
    (entry,) = simulator.journal.entries()
    assert (entry.operation, entry.received, entry.executed, entry.status) == ("powerOff", False, False, None)


def test_reset_after_execute_resets_without_a_byte(simulator: Simulator, clock: Clock) -> None:
    simulator.faults.add(Fault.RESET_AFTER_EXECUTE, times=1)
    with raw_request(simulator) as wire, pytest.raises(ConnectionResetError) as caught:
        wire.recv(1)
    assert caught.value.errno == errno.ECONNRESET
    (entry,) = simulator.journal.entries()
    assert (entry.received, entry.executed, entry.status) == (True, True, None)
    clock.advance(10)
    assert send(simulator, "GET", f"/virtualServers/{entry.server}").json["state"] == "STOPPED"


def test_reset_after_execute_of_a_refused_action_executes_nothing(simulator: Simulator) -> None:
    simulator.faults.add(Fault.RESET_AFTER_EXECUTE)
    simulator.world.set_state(server_ids(simulator)[0], "UNKNOWN")
    with pytest.raises(ConnectionResetError):
        power_off(simulator)
    assert not is_executed(simulator)


def test_close_after_execute_closes_without_a_byte(simulator: Simulator) -> None:
    simulator.faults.add(Fault.CLOSE_AFTER_EXECUTE)
    with pytest.raises(RemoteDisconnected):
        power_off(simulator)
    assert is_executed(simulator)


def test_half_body_ends_in_the_middle(simulator: Simulator) -> None:
    simulator.faults.add(Fault.HALF_BODY)
    with pytest.raises(IncompleteRead) as caught:
        power_off(simulator)
    assert caught.value.partial.startswith(b'{"id": "cs01.')
    assert len(caught.value.partial) in {caught.value.expected or 0, (caught.value.expected or 0) - 1}
    assert is_executed(simulator)


def test_huge_body_is_64_megabytes_of_json(simulator: Simulator) -> None:
    simulator.faults.add(Fault.HUGE_BODY)
    reply = send(simulator, "GET", "/virtualServers")
    assert len(reply.body) == 64 * 1024 * 1024
    assert reply.body.startswith(b'{"padding": "x')
    assert reply.body.endswith(b'x"}')


def test_huge_body_survives_a_client_that_leaves(simulator: Simulator) -> None:
    simulator.faults.add(Fault.HUGE_BODY, times=1)
    with raw_request(simulator) as wire:
        wire.recv(1000)
    assert send(simulator, "GET", "/virtualServers").status == 200


def test_slow_drip_sends_byte_by_byte(simulator: Simulator) -> None:
    simulator.faults.add(Fault.SLOW_DRIP, seconds=0.001)
    started = time.monotonic()
    reply = power_off(simulator)
    assert reply.json["name"] == "virtualServers.powerOff"
    assert time.monotonic() - started >= 0.001 * len(reply.body)


def test_slow_drip_does_not_hold_up_the_end(clock: Clock) -> None:
    with Simulator(servers=1, clock=clock) as simulator:
        simulator.faults.add(Fault.SLOW_DRIP, seconds=60)
        with raw_request(simulator) as wire:
            assert wire.recv(12) == b"HTTP/1.1 202"
            simulator.stop()


def test_not_json_is_no_json(simulator: Simulator) -> None:
    simulator.faults.add(Fault.NOT_JSON)
    reply = send(simulator, "GET", "/virtualServers")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        _ = reply.json


def test_missing_fields_drops_half_of_each_server(simulator: Simulator) -> None:
    whole = send(simulator, "GET", "/virtualServers").json
    simulator.faults.add(Fault.MISSING_FIELDS)
    half = send(simulator, "GET", "/virtualServers").json
    assert half["_metadata"] == whole["_metadata"]
    for part, all_of_it in zip(half["virtualServers"], whole["virtualServers"], strict=True):
        assert "id" in part
        assert len(part) in {len(all_of_it) // 2, len(all_of_it) // 2 + 1}


def test_accept_and_ignore_is_not_executed(simulator: Simulator, clock: Clock) -> None:
    simulator.faults.add(Fault.ACCEPT_AND_IGNORE)
    server_id = server_ids(simulator)[0]
    body = {"username": "root", "password": "other", "type": "OPERATING_SYSTEM"}
    assert send(simulator, "PUT", f"/virtualServers/{server_id}", {"reference": "x"}).status == 200
    assert send(simulator, "PUT", f"/virtualServers/{server_id}/credentials", body).status == 204
    assert send(simulator, "POST", f"/virtualServers/{server_id}/powerOff").status == 202
    clock.advance(60)
    server = simulator.world.server(server_id)
    assert (server.state, server.reference != "x") == ("RUNNING", True)
    assert "other" not in server.credentials.values()
    assert not simulator.journal.entries(executed=True)


def test_drop_server_takes_the_server_asked_for(simulator: Simulator) -> None:
    first = server_ids(simulator)[0]
    simulator.faults.add(Fault.DROP_SERVER, operation="getServer", times=1)
    assert send(simulator, "GET", f"/virtualServers/{first}").status == 404
    assert send(simulator, "GET", "/virtualServers").json["_metadata"]["totalCount"] == 11


def test_drop_server_takes_one_out_of_the_list(simulator: Simulator) -> None:
    first = server_ids(simulator)[0]
    simulator.faults.add(Fault.DROP_SERVER, operation="listServers", server=first)
    listed = send(simulator, "GET", "/virtualServers?limit=50").json["virtualServers"]
    assert first not in [each["id"] for each in listed]
    assert len(listed) == 11


def test_rule_strikes_only_its_operation_and_server(simulator: Simulator) -> None:
    first, second = server_ids(simulator)[:2]
    simulator.faults.add(Fault.HTML_504, operation="powerOff", server=first)
    assert send(simulator, "POST", f"/virtualServers/{second}/powerOff").status == 202
    assert send(simulator, "POST", f"/virtualServers/{first}/reboot").status == 202
    assert send(simulator, "POST", f"/virtualServers/{first}/powerOff").status == 504


def test_rule_skips_then_strikes_a_number_of_times(simulator: Simulator) -> None:
    simulator.faults.add(Fault.HTML_504, operation="reads", skip=1, times=2)
    assert [send(simulator, "GET", "/virtualServers").status for _ in range(4)] == [200, 504, 504, 200]


def test_rule_with_a_probability_strikes_about_as_often_and_the_same_again() -> None:
    def draws(seed: int) -> list[bool]:
        book = FaultBook(seed=seed)
        book.add(Fault.HALF_BODY, operation="powerOn", probability=0.3)
        return [book.take("powerOn", "1") is not None for _ in range(1000)]

    assert 250 < sum(draws(7)) < 350
    assert draws(7) == draws(7) != draws(8)


def test_oldest_rule_that_strikes_wins() -> None:
    book = FaultBook()
    book.add(Fault.HALF_BODY, times=1)
    book.add(Fault.HTML_504)
    taken = [book.take("reboot", "1") for _ in range(2)]
    assert [rule.fault for rule in taken if rule] == [Fault.HALF_BODY, Fault.HTML_504]


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("no such fault", {}),
        ("stuck", {"operation": "powerUp"}),
        ("stuck", {"probability": 30}),
        ("delay", {"seconds": -1}),
        ("refuse", {"status": 20}),
        ("stuck", {"time": 1}),
        ("stuck", {"struck": 5}),
    ],
)
def test_rule_that_makes_no_sense_is_refused(fault: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        FaultBook().add(fault, **options)


@pytest.mark.parametrize(
    ("fault", "numbers", "total"),
    [
        (None, [4, 5, 6, 7], 12),
        (Fault.EMPTY_LIST, [], 0),
        (Fault.HALF_LIST, [4, 5], 6),
        (Fault.SHORT_PAGE, [4, 6], 12),
        (Fault.REPEAT_PAGE, [0, 1, 2, 3], 12),
    ],
)
def test_list_that_lies_tells_so_many(
    simulator: Simulator, fault: Fault | None, numbers: list[int], total: int
) -> None:
    ids = list(simulator.world.servers)
    if fault:
        simulator.faults.add(fault, operation="listServers")
    found = send(simulator, "GET", "/virtualServers?limit=4&offset=4").json
    assert [each["id"] for each in found["virtualServers"]] == [ids[number] for number in numbers]
    assert found["_metadata"] == {"totalCount": total, "offset": 4, "limit": 4}


def test_stopped_simulator_refuses_connections_and_comes_back_on_its_port(simulator: Simulator) -> None:
    port = simulator.port
    power_off(simulator)
    simulator.stop()
    with pytest.raises(ConnectionRefusedError):
        send(simulator, "GET", "/virtualServers")
    simulator.start()
    assert simulator.port == port
    assert simulator.journal.entries("powerOff")
    assert send(simulator, "GET", "/virtualServers").status == 200


def test_connection_is_kept_after_a_fault_that_answers(simulator: Simulator) -> None:
    simulator.faults.add(Fault.HTML_504, times=1)
    connection = connect(simulator)
    statuses = [exchange(connection, "GET", "/virtualServers").status for _ in range(2)]
    connection.close()
    assert statuses == [504, 200]


def raw_request(simulator: Simulator) -> socket.socket:
    """A socket over which a power off was sent and no byte was read."""
    wire = socket.create_connection(("127.0.0.1", simulator.port), timeout=120)
    path = f"/cloud/v2/virtualServers/{server_ids(simulator)[0]}/powerOff"
    wire.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-LSW-Auth: demo-main\r\n\r\n".encode())
    return wire


def seconds_since(time_of_entry: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time_of_entry)).total_seconds()
