"""The fleet is believable, has the odd cases, and is the same for the same seed."""

from datetime import UTC, date, datetime
from ipaddress import ip_address
from typing import Any

from servers.leaseweb.simulator import Simulator
from servers.leaseweb.simulator.answers import server_json

from .talk import NOON, send


def fleet(*, servers: int = 60, seed: int = 7) -> list[dict[str, Any]]:
    simulator = Simulator(servers=servers, seed=seed, wall=lambda: NOON)
    return [server_json(server) for server in simulator.world.servers.values()]


def test_same_seed_gives_the_same_fleet_and_another_seed_another() -> None:
    assert fleet() == fleet()
    assert fleet() != fleet(seed=8)
    assert fleet(servers=20) == fleet()[:20]


def test_odd_cases_are_all_there() -> None:
    servers = fleet()
    references = [server["reference"] for server in servers]
    assert None in references
    assert "" in references
    assert {server["state"] for server in servers} == {"RUNNING", "STOPPED", "UNKNOWN"}
    assert {server["firewallState"] for server in servers} == {"ENABLED", "DISABLED", "UNKNOWN"}
    assert {server["serviceOffering"] for server in servers} == {"S", "M", "L", "XL"}
    assert {server["contract"]["currency"] for server in servers} == {"EUR", "USD", "GBP"}
    assert {
        server["networkTraffic"]["dataTrafficUnit"] for server in servers if "networkTraffic" in server
    } == {
        "GB",
        "TB",
    }
    assert 0 < sum(server["iso"] is not None for server in servers) < 10
    assert any("networkTraffic" not in server for server in servers)
    assert len({server["dataCenter"] for server in servers}) >= 5


def test_first_server_is_a_plain_one() -> None:
    for seed in range(20):
        first = fleet(servers=1, seed=seed)[0]
        assert first["state"] == "RUNNING"
        assert first["reference"]
        assert first["serviceOffering"] == "S"


def test_ids_and_addresses_are_unique_and_nobodys() -> None:
    simulator = Simulator(servers=1500, accounts={"a": 300, "b": 300})
    servers = list(simulator.world.servers.values())
    assert len({server.id for server in servers}) == 2100
    addresses = [address["ip"] for server in servers for address in server.ips]
    assert len(set(addresses)) == len(addresses)
    assert not [address for address in addresses if ip_address(address).is_global]


def test_versions_of_addresses_are_told_right() -> None:
    addresses = [address for server in fleet() for address in server["ips"]]
    assert all(ip_address(address["ip"]).version == address["version"] for address in addresses)
    assert {(address["version"], address["type"]) for address in addresses} == {
        (4, "PUBLIC"),
        (4, "PRIVATE"),
        (6, "PUBLIC"),
    }


def test_contracts_are_running_and_end_on_a_whole_cycle() -> None:
    for server in fleet():
        contract = server["contract"]
        start, end = (date.fromisoformat(contract[name][:10]) for name in ("startsAt", "endsAt"))
        assert start < NOON.date() <= end
        assert (end - NOON.date()).days <= 31 * contract["billingCycle"]


def test_contract_dates_follow_the_calendar() -> None:
    later = Simulator(servers=5, wall=lambda: datetime(2030, 1, 31, tzinfo=UTC))
    for server in later.world.servers.values():
        assert server.contract["endsAt"] >= "2030-01-31"


def test_servers_that_are_added_come_last(simulator: Simulator) -> None:
    before = list(simulator.world.servers)
    reply = send(simulator, "POST", "/_simulator/server", {"add": 2})
    assert len(reply.json["servers"]) == 2
    listed = send(simulator, "GET", "/virtualServers?limit=50").json["virtualServers"]
    assert [server["id"] for server in listed] == before + [each["id"] for each in reply.json["servers"]]
