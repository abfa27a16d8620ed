"""Who is let in, and whose servers they see."""

from typing import Any

import pytest

from servers.leaseweb.simulator import Simulator

from .talk import send


def listed(simulator: Simulator, key: str) -> list[str]:
    reply = send(simulator, "GET", "/virtualServers?limit=100", key=key)
    assert reply.status == 200
    return [server["id"] for server in reply.json["virtualServers"]]


@pytest.mark.parametrize("key", [None, "", "stolen", "Demo-main"])
def test_missing_or_unknown_key_is_401(simulator: Simulator, key: str | None) -> None:
    headers = {"X-LSW-Auth": ""} if key == "" else None
    assert send(simulator, "GET", "/virtualServers", key=key, headers=headers).status == 401


def test_any_demo_key_sees_the_main_fleet(simulator: Simulator) -> None:
    assert listed(simulator, "demo-a") == listed(simulator, "demo-b") == list(simulator.world.servers)


def test_key_with_an_account_sees_its_own_fleet() -> None:
    with Simulator(servers=3, accounts={"demo-second": 5, "real-third": 2}) as simulator:
        fleets = [listed(simulator, key) for key in ("demo-main", "demo-second", "real-third")]
        assert [len(fleet) for fleet in fleets] == [3, 5, 2]
        assert len({server_id for fleet in fleets for server_id in fleet}) == 10
        assert len({server.customer_id for server in simulator.world.servers.values()}) == 3


def test_alias_sees_the_same_servers() -> None:
    with Simulator(servers=1, accounts={"first": 4}, aliases={"second": "first"}) as simulator:
        assert listed(simulator, "second") == listed(simulator, "first")
        assert len(listed(simulator, "second")) == 4


def test_named_keys_end_the_welcome_of_demo_keys() -> None:
    with Simulator(servers=2, keys=("real",)) as simulator:
        assert len(listed(simulator, "real")) == 2
        assert send(simulator, "GET", "/virtualServers", key="demo-main").status == 401


def test_read_only_key_may_read_only() -> None:
    with Simulator(servers=2, read_only_keys=("demo-reader",)) as simulator:
        server_id = listed(simulator, "demo-reader")[0]
        path = f"/virtualServers/{server_id}"
        assert send(simulator, "POST", f"{path}/reboot", key="demo-reader").status == 403
        assert send(simulator, "PUT", path, {"reference": "x"}, key="demo-reader").status == 403
        assert not simulator.journal.entries(executed=True)


def test_revoked_key_is_401_until_it_is_added_again(simulator: Simulator) -> None:
    simulator.keys.revoke("demo-a")
    assert send(simulator, "GET", "/virtualServers", key="demo-a").status == 401
    assert send(simulator, "GET", "/virtualServers", key="demo-b").status == 200
    simulator.keys.add("demo-a")
    assert send(simulator, "GET", "/virtualServers", key="demo-a").status == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"key": "new"}, 200),
        ({"key": "new", "methods": ["POST"]}, 403),
        ({"key": "demo-main", "revoke": True}, 401),
    ],
)
def test_control_changes_keys(simulator: Simulator, change: dict[str, Any], status: int) -> None:
    assert send(simulator, "POST", "/_simulator/keys", change).status == 204
    assert send(simulator, "GET", "/virtualServers", key=change["key"]).status == status


def test_control_gives_a_key_servers_and_another_one_the_same(simulator: Simulator) -> None:
    send(simulator, "POST", "/_simulator/keys", {"key": "new", "servers": 3})
    send(simulator, "POST", "/_simulator/keys", {"key": "newer", "alias": "new"})
    assert len(listed(simulator, "new")) == 3
    assert listed(simulator, "newer") == listed(simulator, "new")
