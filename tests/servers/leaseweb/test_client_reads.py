"""Reads over a real socket: what is asked for and what is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from servers.leaseweb import (
    BadAnswer,
    Client,
    CredentialName,
    CredentialType,
    Granularity,
    OsTemplate,
    Secret,
    Unavailable,
)
from tests.servers.leaseweb import samples
from tests.servers.leaseweb.conftest import KEY
from tests.servers.leaseweb.wire import (
    CORRELATION,
    RawServer,
    answer,
    dead_port,
    replying,
    serving,
)

Wire = Callable[..., RawServer]
Connect = Callable[..., Client]


def target_of(request: bytes) -> str:
    return request.split(b" ")[1].decode()


def headers_of(request: bytes) -> httpx.Headers:
    lines = request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    pairs = [line.split(b": ", 1) for line in lines]
    return httpx.Headers([(name.decode(), value.decode()) for name, value in pairs])


def test_get_server_asks_with_the_key_and_reads_the_answer(wire: Wire, connect: Connect) -> None:
    server = wire(replying(200, samples.server()))
    assert connect(server).get_server("222903").reference == "Web server"
    headers = headers_of(server.requests[0])
    assert server.requests[0].startswith(b"GET /cloud/v2/virtualServers/222903 HTTP/1.1\r\n")
    assert headers["X-LSW-Auth"] == KEY
    assert headers["Accept"] == "application/json"
    assert headers["Accept-Encoding"] == "identity"
    assert "python" not in headers["User-Agent"]


def test_reads_share_one_connection_and_keep_no_cookies(wire: Wire, connect: Connect) -> None:
    cookie = {"Set-Cookie": "session=1; Path=/"}
    server = wire(serving(lambda _: answer(200, samples.server(), headers=cookie)))
    client = connect(server)
    for _ in range(3):
        client.get_server("222903")
    assert (server.accepted, len(server.requests)) == (1, 3)
    assert not [request for request in server.requests if b"cookie" in request.lower()]


def test_reads_open_a_new_connection_after_the_server_closed_the_old_one(
    wire: Wire, connect: Connect
) -> None:
    server = wire(replying(200, samples.server(), headers={"Connection": "close"}))
    client = connect(server)
    for _ in range(3):
        client.get_server("222903")
    assert server.accepted == 3


def test_list_servers_walks_by_what_it_received(wire: Wire, connect: Connect) -> None:
    def respond(request: bytes) -> bytes:
        offset = int(httpx.URL(target_of(request)).params["offset"])
        entries = [samples.server(id=str(number)) for number in range(offset, min(offset + 10, 23))]
        return answer(200, samples.page("virtualServers", entries, 23, offset=offset), headers=CORRELATION)

    server = wire(serving(respond))
    listing = connect(server).list_servers()
    assert [item.id for item in listing.items] == [str(number) for number in range(23)]
    assert (listing.complete, listing.pages, listing.total) == (True, 3, 23)
    assert listing.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]
    assert [target_of(request) for request in server.requests] == [
        f"/cloud/v2/virtualServers?limit=50&offset={offset}" for offset in (0, 10, 20)
    ]


def test_list_servers_with_an_entry_without_id_is_not_complete(wire: Wire, connect: Connect) -> None:
    body = samples.page("virtualServers", [samples.server(), samples.server(id=None)], 2)
    listing = connect(wire(replying(200, body))).list_servers()
    assert (len(listing.items), listing.complete) == (1, False)


@pytest.mark.parametrize("body", [{}, [], {"virtualServers": None}, {"virtualServers": {}}, "text", 5])
def test_list_servers_without_a_list_is_an_error_and_never_empty(
    wire: Wire, connect: Connect, body: Any
) -> None:
    client = connect(wire(replying(200, body, headers=CORRELATION)))
    with pytest.raises(BadAnswer) as caught:
        client.list_servers()
    assert (caught.value.code, caught.value.status) == ("wrong_shape", 200)
    assert caught.value.correlation_id == CORRELATION["APIGW-CORRELATION-ID"]


@pytest.mark.parametrize("key", ["virtualServers", "snapshots"])
def test_later_page_that_fails_leaves_servers_so_far_and_no_short_list(
    wire: Wire, connect: Connect, key: str
) -> None:
    def respond(request: bytes) -> bytes:
        if "offset=0" in target_of(request):
            return answer(200, samples.page(key, [samples.server()], 2))
        return answer(503, {"errorCode": "TEMPORARILY_UNAVAILABLE"})

    client = connect(wire(serving(respond)))
    if key == "virtualServers":
        found = client.list_servers()
        assert (len(found.items), found.reached, found.complete) == (1, 1, False)
        assert isinstance(found.failure, Unavailable)
        return
    with pytest.raises(Unavailable):
        client.list_snapshots("1")


def test_list_templates_asks_for_paging_and_takes_all_at_once(wire: Wire, connect: Connect) -> None:
    entries = [{"id": f"T{number}", "name": "n"} for number in range(60)]
    server = wire(serving(lambda _: answer(200, {"templates": entries, "_metadata": {"limit": 10}})))
    listing = connect(server).list_templates("1")
    assert listing.items[0] == OsTemplate("T0", "n")
    assert (len(listing.items), listing.complete) == (60, True)
    assert target_of(server.requests[0]) == "/cloud/v2/virtualServers/1/templates?limit=50&offset=0"


@pytest.mark.parametrize("key", ["snapshots", "virtualServers"])
def test_list_snapshots_reads_both_keys(wire: Wire, connect: Connect, key: str) -> None:
    server = wire(replying(200, samples.page(key, [samples.snapshot()], 1)))
    assert [item.name for item in connect(server).list_snapshots("1").items] == ["Before upgrade"]
    assert target_of(server.requests[0]) == "/cloud/v2/virtualServers/1/snapshots?limit=50&offset=0"


def test_get_snapshot_asks_for_it(wire: Wire, connect: Connect) -> None:
    server = wire(replying(200, samples.snapshot(id="s-1")))
    assert connect(server).get_snapshot("1", "s-1").id == "s-1"
    assert target_of(server.requests[0]) == "/cloud/v2/virtualServers/1/snapshots/s-1"


def test_answers_about_something_else_are_no_evidence(wire: Wire, connect: Connect) -> None:
    with pytest.raises(BadAnswer, match="wrong_shape"):
        connect(wire(replying(200, samples.server(id="999")))).get_server("222903")
    with pytest.raises(BadAnswer, match="wrong_shape"):
        connect(wire(replying(200, samples.snapshot(id="s-2")))).get_snapshot("1", "s-1")


def test_list_credentials_asks_for_one_kind(wire: Wire, connect: Connect) -> None:
    kind = CredentialType.CONTROL_PANEL
    entry = {"type": kind.value, "username": "admin", "domain": None, "password": None}
    server = wire(replying(200, samples.page("credentials", [entry], 1)))
    assert connect(server).list_credentials("1", kind).items == (CredentialName(kind, "admin"),)
    wanted = "/cloud/v2/virtualServers/1/credentials/CONTROL_PANEL?limit=50&offset=0"
    assert target_of(server.requests[0]) == wanted


def test_get_credential_encodes_the_user_and_hides_the_password(wire: Wire, connect: Connect) -> None:
    server = wire(replying(200, {"type": "OPERATING_SYSTEM", "username": "a/b c", "password": "password123"}))
    found = connect(server).get_credential("1", CredentialType.OPERATING_SYSTEM, "a/b c")
    assert found.password == Secret("password123")
    wanted = "/cloud/v2/virtualServers/1/credentials/OPERATING_SYSTEM/a%2Fb%20c"
    assert target_of(server.requests[0]) == wanted


def test_get_credential_without_password_is_a_bad_answer(wire: Wire, connect: Connect) -> None:
    client = connect(wire(replying(200, {"type": "OPERATING_SYSTEM", "username": "root", "password": None})))
    with pytest.raises(BadAnswer, match="wrong_shape"):
        client.get_credential("1", CredentialType.OPERATING_SYSTEM, "root")


@pytest.mark.parametrize(
    ("told", "believed"),
    [
        ({}, True),
        ({"type": "operating_system", "username": "ROOT"}, True),
        ({"username": "admin"}, False),
        ({"type": "CONTROL_PANEL"}, False),
    ],
)
def test_password_of_another_user_is_not_shown_as_the_one_asked_for(
    told: dict[str, str], believed: bool, wire: Wire, connect: Connect
) -> None:
    client = connect(wire(replying(200, {"password": "password123", **told})))
    expected = nullcontext() if believed else pytest.raises(BadAnswer, match="wrong_shape")
    with expected:
        client.get_credential("1", CredentialType.OPERATING_SYSTEM, "root")


def test_data_traffic_sends_all_four_parameters_in_utc(wire: Wire, connect: Connect) -> None:
    server = wire(replying(200, samples.traffic(samples.series([]), samples.series([]))))
    found = connect(server).data_traffic(
        "1",
        granularity=Granularity.FIVE_MINUTES,
        start=datetime(2016, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        end=datetime(2016, 2, 1, microsecond=7, tzinfo=UTC),
    )
    assert found.up.points == ()
    assert target_of(server.requests[0]) == (
        "/cloud/v2/virtualServers/1/metrics/datatraffic?granularity=5MIN&aggregation=SUM"
        "&from=2016-01-01T00%3A00%3A00%2B00%3A00&to=2016-02-01T00%3A00%3A00%2B00%3A00"
    )


def test_data_traffic_refuses_times_without_a_zone(wire: Wire, connect: Connect) -> None:
    server = wire(replying(200))
    naive = datetime(2016, 1, 1)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="time zone"):
        connect(server).data_traffic("1", granularity=Granularity.DAY, start=naive, end=datetime.now(UTC))
    assert not server.accepted


@pytest.mark.req("X10")
@pytest.mark.parametrize("bad", ["", ".", "..", "../1", "a/b", "1?x=1", "1#", "é", "9" * 65, "1%2f2"])
def test_ids_that_cannot_stand_in_a_path_are_refused_before_any_connection(
    wire: Wire, connect: Connect, bad: str
) -> None:
    server = wire(replying(200))
    client = connect(server)
    for call in (
        lambda: client.get_server(bad),
        lambda: client.list_snapshots(bad),
        lambda: client.get_snapshot("1", bad),
        lambda: client.list_templates(bad),
        lambda: client.power_on(bad),
        lambda: client.delete_snapshot("1", bad),
        lambda: client.restore_snapshot(bad, "1"),
    ):
        with pytest.raises(ValueError, match="An id"):
            call()
    assert not server.accepted


def test_proxies_of_the_environment_are_ignored(
    wire: Wire, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{dead_port()}")
    assert connect(wire(replying(200, samples.server()))).get_server("222903").id == "222903"


def test_reads_go_through_a_given_transport_and_leave_it_open(connect: Connect) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"id": "', environ["PATH_INFO"].rsplit("/", 1)[1].encode(), b'"}']

    class Counting(httpx.WSGITransport):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    transport = Counting(app=app)
    with Client(Secret(KEY), "https://api.example/cloud/v2", transport=transport) as client:
        assert client.get_server("7").id == "7"
    assert transport.closed == 0


def test_client_shows_its_address_and_not_its_key(connect: Connect) -> None:
    assert repr(connect("http://127.0.0.1:1/cloud/v2")) == "<Client of http://127.0.0.1:1/cloud/v2>"
