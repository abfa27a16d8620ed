"""Mutating calls over a real socket: what is sent, when, and over which connection."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from servers.leaseweb import (
    Client,
    CredentialType,
    Secret,
    SendOutcome,
    Sent,
    ServerState,
)
from tests.servers.leaseweb import samples
from tests.servers.leaseweb.conftest import KEY
from tests.servers.leaseweb.wire import (
    CORRELATION,
    Connection,
    RawServer,
    answer,
    replying,
    serving,
)

Wire = Callable[..., RawServer]
Connect = Callable[..., Client]


def body_of(request: bytes) -> Any:
    raw = request.split(b"\r\n\r\n", 1)[1]
    return json.loads(raw) if raw else None


OPERATIONS: dict[str, tuple[Callable[[Client], Sent], str, Any]] = {
    "power_on": (lambda c: c.power_on("1"), "POST /cloud/v2/virtualServers/1/powerOn", None),
    "power_off": (lambda c: c.power_off("1"), "POST /cloud/v2/virtualServers/1/powerOff", None),
    "reboot": (lambda c: c.reboot("1"), "POST /cloud/v2/virtualServers/1/reboot", None),
    "reinstall": (
        lambda c: c.reinstall("1", os_template_id="DEBIAN_12"),
        "POST /cloud/v2/virtualServers/1/reinstall",
        {"operatingSystemId": "DEBIAN_12"},
    ),
    "create_snapshot": (
        lambda c: c.create_snapshot("1", name="Before R7F3K9QD"),
        "POST /cloud/v2/virtualServers/1/snapshots",
        {"name": "Before R7F3K9QD"},
    ),
    "delete_snapshot": (
        lambda c: c.delete_snapshot("1", "s-1"),
        "DELETE /cloud/v2/virtualServers/1/snapshots/s-1",
        None,
    ),
    "restore_snapshot": (
        lambda c: c.restore_snapshot("1", "s-1"),
        "POST /cloud/v2/virtualServers/1/snapshots/s-1/restore",
        None,
    ),
    "update_reference": (
        lambda c: c.update_reference("1", reference="Büro \U0001f600"),
        "PUT /cloud/v2/virtualServers/1",
        {"reference": "Büro \U0001f600"},
    ),
    "store_credential": (
        lambda c: c.store_credential(
            "1", kind=CredentialType.OPERATING_SYSTEM, username="root", password=Secret('p"ä\\')
        ),
        "PUT /cloud/v2/virtualServers/1/credentials",
        {"username": "root", "password": 'p"ä\\', "type": "OPERATING_SYSTEM"},
    ),
}


PROMISED = {
    "update_reference": replying(200, samples.server(id="1")),
    "store_credential": replying(204),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_sends_what_the_api_wants(wire: Wire, connect: Connect, name: str) -> None:
    call, line, body = OPERATIONS[name]
    server = wire(PROMISED.get(name) or replying(202, samples.job()))
    assert call(connect(server)).outcome is SendOutcome.ACCEPTED
    (request,) = server.requests
    assert request.startswith(f"{line} HTTP/1.1\r\n".encode())
    assert f"X-LSW-Auth: {KEY}\r\n".encode() in request
    assert (b"\r\nContent-Type: application/json\r\n" in request) is (body is not None)
    assert b"\r\nConnection: close\r\n" in request
    assert body_of(request) == body


def test_accepted_action_has_its_job(wire: Wire, connect: Connect) -> None:
    client = connect(wire(replying(202, samples.job(), headers=CORRELATION)))
    sent = client.reboot("222903")
    assert (sent.outcome, sent.status, sent.reason) == (SendOutcome.ACCEPTED, 202, "accepted")
    assert sent.job is not None
    assert sent.job.id.startswith("cs01.")
    assert sent.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]
    assert (sent.error, sent.server, sent.retry_after) == (None, None, None)


def test_accepted_rename_has_the_server(wire: Wire, connect: Connect) -> None:
    client = connect(wire(replying(200, samples.server(reference="New"))))
    sent = client.update_reference("222903", reference="New")
    assert sent.server is not None
    assert (sent.server.reference, sent.server.state) == ("New", ServerState.STOPPED)
    assert connect(wire(replying(200, samples.server()))).update_reference("1", reference="x").server is None


def test_accepted_credential_needs_no_body(wire: Wire, connect: Connect) -> None:
    client = connect(wire(replying(204)))
    sent = client.store_credential("1", kind=CredentialType.CONTROL_PANEL, username="a", password=Secret("b"))
    assert (sent.outcome, sent.status, sent.reason, sent.job) == (SendOutcome.ACCEPTED, 204, "accepted", None)


@pytest.mark.req("G2")
def test_a_start_that_comes_too_late_sends_nothing(wire: Wire, connect: Connect) -> None:
    server = wire(replying(202, samples.job()))
    sent = connect(server).reboot("1", start_by=time.monotonic() - 0.001)
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "too_late")
    assert server.requests_when_ended(1) == []
    assert connect(server).reboot("1", start_by=time.monotonic() + 60).outcome is SendOutcome.ACCEPTED


@pytest.mark.req("G2")
def test_a_pause_just_before_the_first_byte_is_noticed(wire: Wire, connect: Connect) -> None:
    """The check comes after the last moment at which a process can be stopped on purpose."""
    server = wire(replying(202, samples.job()))
    start_by = time.monotonic() + 0.05

    def stall(label: str) -> None:
        while label == "before_first_byte" and time.monotonic() <= start_by:
            pass

    sent = connect(server, observer=stall).reboot("1", start_by=start_by)
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "too_late")
    assert server.requests_when_ended(1) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_takes_a_start_deadline(wire: Wire, connect: Connect, name: str) -> None:
    server = wire(replying(202, samples.job()))
    client = connect(server)
    ids = ["1", "s-1"] if name in {"delete_snapshot", "restore_snapshot"} else ["1"]
    extra: dict[str, dict[str, Any]] = {
        "reinstall": {"os_template_id": "D"},
        "create_snapshot": {"name": "n"},
        "update_reference": {"reference": "r"},
        "store_credential": {
            "kind": CredentialType.OPERATING_SYSTEM,
            "username": "u",
            "password": Secret("p"),
        },
    }
    sent = getattr(client, name)(*ids, **extra.get(name, {}), start_by=0.0)
    assert (sent.reason, server.requests_when_ended(1)) == ("too_late", [])


@pytest.mark.req("G2")
def test_each_send_uses_a_connection_of_its_own(wire: Wire, connect: Connect) -> None:
    server = wire(serving(lambda _: answer(202, samples.server())))
    client = connect(server)
    client.get_server("222903")
    for _ in range(3):
        assert client.reboot("1").outcome is SendOutcome.ACCEPTED
    client.get_server("222903")
    assert (server.accepted, len(server.requests)) == (4, 5)


@pytest.mark.req("G2")
def test_a_failed_send_is_never_repeated(wire: Wire, connect: Connect) -> None:
    server = wire(Connection.reset)
    assert connect(server).reboot("1").outcome is SendOutcome.AMBIGUOUS
    assert (server.accepted, len(server.requests)) == (1, 1)


def test_observer_hears_nothing_of_reads(wire: Wire, connect: Connect) -> None:
    told: list[str] = []
    connect(wire(replying(200, samples.server())), observer=told.append).get_server("222903")
    assert told == []


def test_observer_is_told_the_stages_in_order(wire: Wire, connect: Connect) -> None:
    told: list[str] = []
    server = wire(replying(202, samples.job()))
    client = connect(server, observer=told.append)
    client.create_snapshot("1", name="n")
    assert told == ["before_first_byte", "after_last_byte", "status_line"]


@pytest.mark.parametrize(
    ("label", "arrived"), [("before_first_byte", 0), ("after_last_byte", 1), ("status_line", 1)]
)
@pytest.mark.parametrize("error", [RuntimeError, OSError, httpx.ReadError, KeyboardInterrupt])
def test_observer_may_end_the_call_at_each_stage(
    wire: Wire, connect: Connect, label: str, arrived: int, error: type[BaseException]
) -> None:
    server = wire(replying(202, samples.job()))

    def end(stage: str) -> None:
        if stage == label:
            raise error("killed here")

    with pytest.raises(error, match="killed here"):
        connect(server, observer=end).reboot("1")
    assert len(server.requests_when_ended(1)) == arrived


def test_a_sent_request_without_answer_keeps_the_id_that_was_sent(wire: Wire, connect: Connect) -> None:
    server = wire(Connection.reset)
    sent = connect(server).reboot("1")
    (found,) = re.findall(rb"APIGW-CORRELATION-ID: (\S+)\r\n", server.requests[0])
    assert found.decode() == sent.correlation_id == str(uuid.UUID(sent.correlation_id))
