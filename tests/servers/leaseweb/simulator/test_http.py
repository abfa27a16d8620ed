"""The HTTP side: connections, headers, paging, and requests that are not as they should be."""

import re
import socket
from email.utils import parsedate_to_datetime

import pytest

from servers.leaseweb.simulator import Simulator
from servers.leaseweb.simulator.answers import Answer
from servers.leaseweb.simulator.http_server import HttpServer

from .talk import Clock, at_once, connect, exchange, send, server_ids


def test_correlation_id_is_echoed(simulator: Simulator) -> None:
    reply = send(simulator, "GET", "/virtualServers/1", headers={"APIGW-CORRELATION-ID": "abc-1"})
    assert reply.headers["apigw-correlation-id"] == "abc-1"
    assert reply.json["correlationId"] == "abc-1"


def test_correlation_id_is_made_up_when_none_is_given(simulator: Simulator) -> None:
    ids = {send(simulator, "GET", "/virtualServers").headers["apigw-correlation-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ids)


def test_correlation_id_that_could_split_the_head_is_not_echoed(simulator: Simulator) -> None:
    request = b"GET /cloud/v2/virtualServers HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=120) as wire:
        wire.sendall(request + b"APIGW-CORRELATION-ID: a\r\n X-Evil: 1\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: wire.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"Evil" not in answer


def test_connection_serves_many_requests(simulator: Simulator) -> None:
    connection = connect(simulator)
    statuses = [exchange(connection, "GET", "/virtualServers").status for _ in range(20)]
    port = connection.sock.getsockname()[1]
    assert exchange(connection, "GET", "/virtualServers").status == 200
    assert connection.sock.getsockname()[1] == port
    connection.close()
    assert statuses == [200] * 20


def test_answer_has_a_date(simulator: Simulator) -> None:
    assert parsedate_to_datetime(send(simulator, "GET", "/virtualServers").headers["date"])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_other_host_names_are_refused(simulator: Simulator, host: str) -> None:
    for path in ("/virtualServers", "/_simulator/health"):
        reply = send(simulator, "GET", path, headers={"Host": host})
        assert reply.status == 421
        assert reply.headers["apigw-correlation-id"] == reply.json["correlationId"]


def test_localhost_is_a_name_of_ours(simulator: Simulator) -> None:
    assert send(simulator, "GET", "/virtualServers", headers={"Host": "localhost"}).status == 200


def no_control(method: str, path: str, query: str, body: bytes) -> Answer:
    return Answer(404)


def test_simulator_listens_on_loopback_only(simulator: Simulator) -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104 (this is what must be refused)
        with pytest.raises(ValueError, match="loopback"):
            HttpServer(simulator.api, no_control, listener=listener)


def test_bound_listener_is_taken_over(clock: Clock) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with Simulator(servers=1, clock=clock, listener=listener) as simulator:
        assert simulator.port == port
        assert send(simulator, "GET", "/virtualServers").status == 200


def test_stop_ends_idle_connections(simulator: Simulator) -> None:
    connection = connect(simulator)
    exchange(connection, "GET", "/virtualServers")
    simulator.stop()
    assert connection.sock.recv(1) == b""
    connection.close()


def test_wrong_method_is_405_and_names_the_right_ones(simulator: Simulator) -> None:
    reply = send(simulator, "PATCH", f"/virtualServers/{server_ids(simulator)[0]}")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, PUT")


@pytest.mark.parametrize(
    "path", ["/virtualServers/", "/virtualServers/1/fly", "/virtualServers//powerOn", "/"]
)
def test_unknown_path_is_404(simulator: Simulator, path: str) -> None:
    assert send(simulator, "GET", path).status == 404


@pytest.mark.parametrize("body", [None, b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_object_is_400(simulator: Simulator, body: bytes | None) -> None:
    reply = send(simulator, "PUT", f"/virtualServers/{server_ids(simulator)[0]}", body)
    assert (reply.status, reply.json["errorCode"]) == (400, "400")


@pytest.mark.parametrize("value", [None, 7, ["a"], {}])
def test_field_of_the_wrong_type_is_named(simulator: Simulator, value: object) -> None:
    body = {"reference": value}
    reply = send(simulator, "PUT", f"/virtualServers/{server_ids(simulator)[0]}", body)
    assert reply.status == 400
    assert reply.json["errorDetails"] == {"reference": ["This value should be a string."]}


def test_unknown_credential_type_is_refused(simulator: Simulator) -> None:
    path = f"/virtualServers/{server_ids(simulator)[0]}/credentials"
    body = {"username": "root", "password": "x", "type": "SSH"}
    assert send(simulator, "PUT", path, body).status == 400
    assert send(simulator, "GET", f"{path}/SSH").status == 404
    assert send(simulator, "GET", f"{path}/OPERATING_SYSTEM/nobody").status == 404


def test_too_large_a_request_is_413(simulator: Simulator) -> None:
    connection = connect(simulator)
    connection.putrequest("PUT", "/cloud/v2/virtualServers/1")
    connection.putheader("Content-Length", str(2 * 1024 * 1024))
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, response.getheader("Connection")) == (413, "close")
    assert response.read()
    connection.close()


def test_request_without_a_length_is_411(simulator: Simulator) -> None:
    reply = send(simulator, "PUT", "/virtualServers/1", headers={"Transfer-Encoding": "chunked"})
    assert reply.status == 411


def test_request_that_breaks_off_is_not_received(simulator: Simulator) -> None:
    path = f"/cloud/v2/virtualServers/{server_ids(simulator)[0]}/powerOff"
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=120) as wire:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-LSW-Auth: demo-main\r\nContent-Length: 10\r\n\r\n"
        )
        wire.sendall(head.encode() + b"{}")
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(1) == b""
    (entry,) = simulator.journal
    assert (entry.received, entry.executed, entry.status) == (False, False, None)


def test_list_has_ten_servers_unless_asked_otherwise(simulator: Simulator) -> None:
    page = send(simulator, "GET", "/virtualServers").json
    assert page["_metadata"] == {"totalCount": 12, "offset": 0, "limit": 10}
    assert len(page["virtualServers"]) == 10


def test_pages_cover_the_list_once(simulator: Simulator) -> None:
    pages = [
        send(simulator, "GET", f"/virtualServers?limit=5&offset={offset}").json for offset in (0, 5, 10, 15)
    ]
    assert [len(page["virtualServers"]) for page in pages] == [5, 5, 2, 0]
    assert [each["id"] for page in pages for each in page["virtualServers"]] == server_ids(simulator)


def test_limit_is_clamped_and_says_so(simulator: Simulator) -> None:
    simulator.world.behaviour.max_limit = 4
    page = send(simulator, "GET", "/virtualServers?limit=50").json
    assert (page["_metadata"]["limit"], len(page["virtualServers"])) == (4, 4)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=1e3", "limit=%C2%B2"]
)
def test_page_that_makes_no_sense_is_refused(simulator: Simulator, query: str) -> None:
    assert send(simulator, "GET", f"/virtualServers?{query}").status == 400


def test_templates_come_all_at_once(simulator: Simulator) -> None:
    reply = send(simulator, "GET", f"/virtualServers/{server_ids(simulator)[0]}/templates?limit=2&offset=1")
    assert len(reply.json["templates"]) == reply.json["_metadata"]["totalCount"] == 12


def test_one_of_many_parallel_actions_is_executed(simulator: Simulator) -> None:
    path = f"/virtualServers/{server_ids(simulator)[0]}/reboot"
    statuses = at_once(30, lambda number: send(simulator, "POST", path).status)
    assert sorted(statuses) == [202] + [409] * 29
    assert len(simulator.journal.entries("reboot", executed=True)) == 1


def test_slow_answer_does_not_hold_up_others(simulator: Simulator) -> None:
    simulator.faults.add("slow_drip", operation="listServers", seconds=60)
    connection = connect(simulator)
    connection.request("GET", "/cloud/v2/virtualServers", headers={"X-LSW-Auth": "demo-main"})
    assert connection.getresponse().status == 200
    assert send(simulator, "GET", f"/virtualServers/{server_ids(simulator)[0]}").status == 200
    connection.close()
