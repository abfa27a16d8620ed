"""Every answer of every operation, held against the published contract."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import pytest

from servers.leaseweb.simulator import Durations, Fault, Simulator
from servers.leaseweb.simulator.routes import OPERATIONS as OPERATION_NAMES
from servers.leaseweb.simulator.routes import ROUTES

from .contract import OPERATIONS, check, responses, schema_for
from .talk import Clock, Reply, connect, exchange, send

_BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/virtualServers/{virtualServerId}"): {"reference": "My reference"},
    ("POST", "/virtualServers/{virtualServerId}/reinstall"): {"operatingSystemId": "DEBIAN_12_64"},
    ("PUT", "/virtualServers/{virtualServerId}/credentials"): {
        "username": "root",
        "password": "hunter2",
        "type": "OPERATING_SYSTEM",
    },
    ("POST", "/virtualServers/{virtualServerId}/snapshots"): {"name": "Before upgrade"},
}
every_operation = pytest.mark.parametrize(("method", "template"), OPERATIONS)


@dataclass
class Caller:
    """Sends an operation of the contract to a server that has everything the operation needs."""

    simulator: Simulator
    connection: HTTPConnection
    server_id: str
    snapshot_id: str

    def __call__(self, method: str, template: str, *, key: str = Simulator.key, **other: str) -> Reply:
        values = {"virtualServerId": self.server_id, "snapshotId": self.snapshot_id}
        values |= {"credentialType": "OPERATING_SYSTEM", "username": "root", **other}
        body = _BODIES.get((method, template))
        reply = exchange(self.connection, method, template.format(**values), body, key=key)
        check(reply, method, template)
        return reply


@pytest.fixture
def caller(simulator: Simulator) -> Iterator[Caller]:
    server = next(iter(simulator.world.servers.values()))
    ready = next(each for each in server.snapshots.values() if each.state == "READY")
    connection = connect(simulator)
    yield Caller(simulator, connection, server.id, ready.id)
    connection.close()


def test_operations_are_those_of_the_contract() -> None:
    ours = {(route.method, route.template.count("/"), route.template.split("/")[-1]) for route in ROUTES}
    theirs = {(method, path.count("/") - 1, path.split("/")[-1]) for method, path in OPERATIONS}
    rename = {"{virtualServerId}": "{server}", "{snapshotId}": "{snapshot}", "{credentialType}": "{type}"}
    assert ours == {(method, depth, rename.get(last, last)) for method, depth, last in theirs}
    assert len(set(OPERATION_NAMES)) == 17


@every_operation
def test_success_has_the_documented_status_and_fields(caller: Caller, method: str, template: str) -> None:
    documented = next(int(status) for status in responses(method, template) if status < "300")
    assert caller(method, template).status == documented


@every_operation
def test_unknown_key_is_refused_with_401(caller: Caller, method: str, template: str) -> None:
    reply = caller(method, template, key="stolen")
    assert reply.status == 401
    assert reply.json["errorCode"] == "401"


@every_operation
def test_key_without_that_method_is_refused_with_403(caller: Caller, method: str, template: str) -> None:
    caller.simulator.keys.add("narrow", methods=frozenset({"GET", "PUT", "POST", "DELETE"} - {method}))
    reply = caller(method, template, key="narrow")
    assert reply.status == 403
    assert reply.json["errorCode"] == "ACCESS_DENIED"


@every_operation
def test_unknown_server_is_404_with_a_numeric_code(caller: Caller, method: str, template: str) -> None:
    if "{virtualServerId}" not in template:
        template = "/virtualServers/{virtualServerId}"
    reply = caller(method, template, virtualServerId="218030")
    assert reply.status == 404
    assert reply.json["errorCode"] == 404
    assert reply.json["errorMessage"] == "Resource '218030' was not found"
    assert reply.json["userMessage"] == "Resource with id '218030' not found."


@every_operation
def test_server_of_another_account_is_404(caller: Caller, method: str, template: str) -> None:
    stranger = caller.simulator.world.add_servers(caller.simulator.world.account("stranger"), count=1)[0]
    if "{virtualServerId}" not in template:
        template = "/virtualServers/{virtualServerId}"
    assert caller(method, template, virtualServerId=stranger.id).status == 404


@every_operation
def test_server_errors_are_as_documented(caller: Caller, method: str, template: str) -> None:
    for fault, status in ((Fault.REFUSE, 500), (Fault.UNAVAILABLE, 503)):
        caller.simulator.faults.add(fault, status=status, times=1)
        reply = caller(method, template)
        documented = responses(method, template)[str(status)]["content"]["application/json"]
        assert reply.status == status
        assert documented["examples"]["example"]["value"].items() <= reply.json.items()


@every_operation
def test_undocumented_refusals_have_the_general_form(caller: Caller, method: str, template: str) -> None:
    for status in (400, 409, 422, 429):
        assert schema_for(method, template, status) is None
        caller.simulator.faults.add(Fault.REFUSE, status=status, times=1)
        assert caller(method, template).status == status


@pytest.mark.parametrize(
    ("method", "template", "expected"),
    [
        ("POST", "/virtualServers/{virtualServerId}/powerOn", "virtualServers.powerOn"),
        ("POST", "/virtualServers/{virtualServerId}/powerOff", "virtualServers.powerOff"),
        ("POST", "/virtualServers/{virtualServerId}/reboot", "virtualServers.reboot"),
        ("POST", "/virtualServers/{virtualServerId}/reinstall", "virtualServers.reinstall"),
        ("POST", "/virtualServers/{virtualServerId}/snapshots", "virtualServer.createVMSnapshot"),
        (
            "DELETE",
            "/virtualServers/{virtualServerId}/snapshots/{snapshotId}",
            "virtualServer.deleteVMSnapshot",
        ),
        (
            "POST",
            "/virtualServers/{virtualServerId}/snapshots/{snapshotId}/restore",
            "virtualServer.restoreVMSnapshot",
        ),
    ],
)
def test_jobs_are_named_and_numbered_as_documented(
    caller: Caller, method: str, template: str, expected: str
) -> None:
    job = caller(method, template).json
    example = responses(method, template)["202"]["content"]["application/json"]["examples"]["example"][
        "value"
    ]
    assert job["name"] == example["name"] == expected
    assert job["status"] == "PENDING"
    assert _shape(job["id"]) == _shape(example["id"])
    assert _shape(job["createdAt"]) == _shape(example["createdAt"])


def test_dates_are_written_as_in_the_examples(caller: Caller) -> None:
    server = caller("GET", "/virtualServers/{virtualServerId}").json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00\+0[12]00", server["contract"]["startsAt"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00\+0[12]00", server["contract"]["endsAt"])
    snapshot = caller("GET", "/virtualServers/{virtualServerId}/snapshots/{snapshotId}").json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", snapshot["created_at"])


def _shape(text: str) -> str:
    """Every hex digit or number as `x`, so that only lengths and punctuation are left."""
    prefix = "cs01." if text.startswith("cs01.") else ""
    return prefix + re.sub(r"[0-9a-f]", "x", text.removeprefix(prefix))


_MOVES = [
    ("POST", "/virtualServers/{virtualServerId}/powerOff"),
    ("POST", "/virtualServers/{virtualServerId}/reboot"),
    ("POST", "/virtualServers/{virtualServerId}/reinstall"),
    ("POST", "/virtualServers/{virtualServerId}/snapshots"),
    ("DELETE", "/virtualServers/{virtualServerId}/snapshots/{snapshotId}"),
    ("POST", "/virtualServers/{virtualServerId}/snapshots/{snapshotId}/restore"),
]


@pytest.mark.parametrize("fault", [None, Fault.STUCK, Fault.TASK_FAILS])
@pytest.mark.parametrize(("method", "template"), _MOVES)
def test_every_moment_of_every_action_fits_the_contract(
    caller: Caller, clock: Clock, method: str, template: str, fault: Fault | None
) -> None:
    if fault:
        caller.simulator.faults.add(fault, operation="writes")
    assert caller(method, template).status == 202
    for _ in range(30):
        clock.advance(1)
        for path in ("", "/{virtualServerId}", "/{virtualServerId}/snapshots"):
            assert caller("GET", f"/virtualServers{path}").status == 200
        for snapshot_id in list(caller.simulator.world.server(caller.server_id).snapshots):
            path = "/virtualServers/{virtualServerId}/snapshots/{snapshotId}"
            assert caller("GET", path, snapshotId=snapshot_id).status == 200


@pytest.mark.parametrize("granularity", ["NONE", "5MIN", "HOUR", "DAY", "MONTH", "YEAR"])
def test_traffic_fits_the_contract_in_every_granularity(simulator: Simulator, granularity: str) -> None:
    server_id = next(iter(simulator.world.servers))
    query = (
        f"granularity={granularity}&aggregation=SUM&from=2026-05-18T00:00:00%2B00:00&to=2026-05-20T00:00:00Z"
    )
    reply = send(simulator, "GET", f"/virtualServers/{server_id}/metrics/datatraffic?{query}")
    check(reply, "GET", "/virtualServers/{virtualServerId}/metrics/datatraffic")
    assert reply.json["_metadata"] == {
        "from": "2026-05-18T00:00:00+00:00",
        "to": "2026-05-20T00:00:00+00:00",
        "granularity": granularity,
        "aggregation": "SUM",
    }
    assert reply.json["metrics"]["DATATRAFFIC_UP"]["values"]


def test_durations_are_long_enough_for_the_moments_above() -> None:
    """The walk of 30 seconds passes the end of each action."""
    times = Durations()
    assert times.accept + times.stop + times.install + times.start < 30
