"""The API key and passwords do not leave the one function that needs them (K4)."""

from __future__ import annotations

import ast
import logging
import secrets
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import servers.leaseweb
from servers.leaseweb import (
    AuthError,
    Client,
    CredentialType,
    LeasewebError,
    Secret,
    SendOutcome,
    Timeouts,
)
from tests.servers.leaseweb import samples
from tests.servers.leaseweb.wire import Connection, RawServer, Script, answer, dead_port, saying

Wire = Callable[..., RawServer]
Connect = Callable[..., Client]
PACKAGE = Path(servers.leaseweb.__file__).parent
BAD_ENDINGS = {
    "line break": "\r\nX: y",
    "not ascii": "é",
    "nul": "\x00",
    "space": " x",
    "surrogate": "\ud800",
    "line feed": "\n",
}


def half_a_head(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 202 Acc")
    connection.reset()


STAGES: dict[str, Script] = {
    "reset": Connection.reset,
    "half a head": half_a_head,
    "silence": Connection.hold,
    "not http": saying(b"nonsense\r\n\r\n\r\n"),
    "cut body": saying(answer(200, samples.server())[:-9]),
    "not json": saying(answer(200, b"<html>")),
    "too deep": saying(answer(200, b"[" * 99_999)),
    "too large": saying(answer(200, b"x" * (5 * 1024 * 1024 + 1))),
    "wrong shape": saying(answer(200, {"id": "another"})),
    "redirect": saying(answer(302, headers={"Location": "http://127.0.0.1/"})),
    "refused": saying(answer(401)),
    "trouble": saying(answer(503, {"errorCode": "X"})),
}


@pytest.fixture
def canary() -> str:
    """A value that occurs nowhere else; tests look for it without its frame being among those shown."""
    return f"canary{secrets.token_hex(16)}"


def shown_by(call: Callable[[], object]) -> tuple[str, BaseException | None]:
    """Everything an error report with local variables would show of this call, and the error itself.

    The frame of the test holds the value on purpose, so only frames below this one are looked at.
    """
    try:
        call()
    except (LeasewebError, RuntimeError) as error:
        return everything_about(error), error
    return "", None


def everything_about(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=True)
    parts = [*report.format(), repr(error), str(error), repr(vars(error)), repr(error.args)]
    inner = error.__cause__ or error.__context__
    return "".join(parts) + (everything_about(inner) if inner else "")


def reads_of(client: Client) -> list[Callable[[], object]]:
    kind = CredentialType.OPERATING_SYSTEM
    return [
        lambda: client.get_server("222903"),
        client.list_servers,
        lambda: client.get_credential("1", kind, "root"),
    ]


@pytest.mark.req("K4")
@pytest.mark.parametrize("stage", STAGES)
def test_no_failed_read_shows_the_key(wire: Wire, connect: Connect, canary: str, stage: str) -> None:
    client = connect(wire(STAGES[stage]), key=canary, timeout=Timeouts(read=0.2))
    for call in reads_of(client):
        shown, error = shown_by(call)
        assert isinstance(error, LeasewebError)
        assert (error.__cause__, error.__context__) == (None, None)
        assert "client.py" in shown
        assert canary not in shown


@pytest.mark.req("K4")
@pytest.mark.parametrize("stage", STAGES)
def test_no_failed_send_shows_the_key_or_the_password(
    wire: Wire, connect: Connect, canary: str, stage: str
) -> None:
    client = connect(wire(STAGES[stage]), key=canary, timeout=Timeouts(read=0.2))
    kind = CredentialType.OPERATING_SYSTEM
    sent = client.store_credential("1", kind=kind, username="root", password=Secret(canary))
    assert canary not in repr(sent)
    if sent.error is not None:
        assert canary not in everything_about(sent.error)


@pytest.mark.req("K4")
def test_no_failed_connection_shows_the_key(connect: Connect, canary: str) -> None:
    client = connect(f"http://127.0.0.1:{dead_port()}/cloud/v2", key=canary)
    for call in reads_of(client):
        shown, error = shown_by(call)
        assert isinstance(error, LeasewebError)
        assert canary not in shown
    assert canary not in repr(client.reboot("1"))


@pytest.mark.req("K4")
@pytest.mark.parametrize("ending", BAD_ENDINGS.values(), ids=list(BAD_ENDINGS))
def test_a_key_that_no_header_can_carry_is_not_sent_and_not_shown(
    wire: Wire, connect: Connect, canary: str, ending: str
) -> None:
    server = wire(saying(answer(200, samples.server())))
    client = connect(server, key=canary + ending)
    for call in reads_of(client):
        shown, error = shown_by(call)
        assert isinstance(error, AuthError)
        assert error.code == "bad_key"
        assert canary not in shown
    sent = client.reboot("1")
    assert (sent.outcome, sent.reason) == (SendOutcome.NOT_SENT, "bad_key")
    assert isinstance(sent.error, AuthError)
    assert canary not in repr(sent) + everything_about(sent.error)
    assert not server.accepted


@pytest.mark.req("K4")
def test_an_empty_key_is_not_sent(wire: Wire, connect: Connect) -> None:
    server = wire(saying(answer(200, samples.server())))
    with pytest.raises(AuthError):
        connect(server, key="").get_server("222903")
    assert not server.accepted


@pytest.mark.req("K4")
@pytest.mark.parametrize("label", ["before_first_byte", "after_last_byte", "status_line"])
def test_an_error_of_the_observer_shows_no_secret_of_the_frames_it_passes(
    wire: Wire, connect: Connect, canary: str, label: str
) -> None:
    def end(stage: str) -> None:
        if stage == label:
            raise RuntimeError("killed here")

    client = connect(wire(saying(answer(204))), key=canary, observer=end)
    password = Secret(canary)
    shown, error = shown_by(
        lambda: client.store_credential(
            "1", kind=CredentialType.CONTROL_PANEL, username="admin", password=password
        )
    )
    assert isinstance(error, RuntimeError)
    assert canary not in shown


@pytest.mark.req("K4")
@pytest.mark.parametrize(
    "template",
    [
        '{"username": "root", "password": "%s"',
        '{"username": "root", "password": "%s", "deep": ' + "[" * 40 + "]" * 40 + "}",
        '["%s"]',
        '{"password": ["%s"]}',
        '{"id": "%s"}',
        '{"passwords": "%s", "x": NaN}',
    ],
)
def test_a_bad_answer_does_not_show_the_password_in_it(
    wire: Wire, connect: Connect, canary: str, template: str
) -> None:
    client = connect(wire(saying(answer(200, (template % canary).encode()))))
    shown, error = shown_by(reads_of(client)[2])
    assert isinstance(error, LeasewebError)
    assert canary not in shown


@pytest.mark.req("K4")
@pytest.mark.req("K5")
def test_no_log_shows_the_key_or_the_password(
    wire: Wire, connect: Connect, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    for script in STAGES.values():
        client = connect(wire(script), key=canary, timeout=Timeouts(read=0.2))
        shown_by(reads_of(client)[0])
        client.store_credential(
            "1", kind=CredentialType.CONTROL_PANEL, username="admin", password=Secret(canary)
        )
    shown_by(reads_of(connect(wire(STAGES["reset"]), key=canary + "\r\n"))[0])
    assert caplog.records
    assert canary not in caplog.text


def calls_in(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call of a method in a file, with the name of the function around it."""
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            found += [(function.name, call) for call in calls if isinstance(call.func, ast.Attribute)]
    return found


def functions_that_call(method: str) -> set[tuple[str, str]]:
    return {
        (path.name, name)
        for path in PACKAGE.glob("*.py")
        for name, call in calls_in(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr == method
    }


def function_of_transport(name: str) -> ast.FunctionDef:
    body = ast.parse((PACKAGE / "transport.py").read_text()).body
    return next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)


@pytest.mark.req("K4")
def test_secrets_are_revealed_in_one_function() -> None:
    assert functions_that_call("reveal") == {("transport.py", "build_request")}


@pytest.mark.req("G2")
def test_the_network_is_used_in_one_function_behind_read_and_send() -> None:
    assert functions_that_call("handle_request") == {("transport.py", "_exchange")}
    users = {
        node.name
        for node in ast.walk(ast.parse((PACKAGE / "transport.py").read_text()))
        if isinstance(node, ast.FunctionDef)
        and node.name != "_exchange"
        and "_exchange(" in ast.unparse(node)
    }
    assert users == {"read", "_exchange_alone"}
    assert "_exchange_alone(channel, request, call)" in ast.unparse(function_of_transport("send"))


@pytest.mark.req("G2")
def test_read_can_only_get() -> None:
    assert "build_request(channel, call, 'GET', path)" in ast.unparse(function_of_transport("read"))
