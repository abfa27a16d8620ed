from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from servers.leaseweb import (
    Contract,
    CredentialName,
    CredentialType,
    FirewallState,
    Granularity,
    Hardware,
    IpAddress,
    Iso,
    NetworkTraffic,
    OsTemplate,
    Secret,
    ServerState,
    Snapshot,
    SnapshotState,
    UpstreamJob,
    VirtualServer,
    reader,
)
from servers.leaseweb.body import parse
from tests.servers.leaseweb import samples


def from_wire(value: Any) -> Any:
    """The value as the client gets it: through the text and the parser."""
    found, problem = parse(json.dumps(value).encode())
    assert problem == ""
    return found


def read_server(**changes: Any) -> VirtualServer:
    found = reader.read_server(from_wire(samples.server(**changes)))
    assert found is not None
    return found


def test_server_of_the_example_is_read_whole() -> None:
    assert read_server() == VirtualServer(
        id="222903",
        reference="Web server",
        customer_id="1301178860",
        data_center="AMS-01",
        state=ServerState.STOPPED,
        state_raw="STOPPED",
        firewall_state=FirewallState.DISABLED,
        template="Ubuntu 14.04 64 40 20140707T1340",
        service_offering="S",
        sla="Bronze",
        contract=Contract(
            id="30000778",
            starts_on=date(2016, 2, 1),
            ends_on=date(2017, 1, 31),
            billing_cycle=12,
            billing_frequency="MONTH",
            price_per_frequency=Decimal("4.7"),
            currency="EUR",
        ),
        hardware=Hardware(1, 1024, "MB", 40, "GB"),
        ips=(IpAddress("10.11.116.130", 4, "PUBLIC"),),
    )


def test_server_with_only_an_id_is_read() -> None:
    assert reader.read_server({"id": "1"}) == VirtualServer(id="1")


def test_server_survives_every_key_being_null() -> None:
    nulls = dict.fromkeys(samples.server())
    assert reader.read_server({**nulls, "networkTraffic": None, "id": "1"}) == VirtualServer(id="1")


@pytest.mark.parametrize("junk", [[], {}, "text", 5, True, [[]], [None], {"a": {"b": []}}])
def test_server_survives_every_key_holding_something_else(junk: Any) -> None:
    body = dict.fromkeys([*samples.server(), "networkTraffic", "name"], junk)
    found = reader.read_server(from_wire({**body, "id": "1"}))
    assert found is not None
    assert found.state is ServerState.UNKNOWN
    assert found.contract == Contract()


def test_server_survives_each_single_key_missing() -> None:
    for key in samples.server():
        body = samples.server()
        del body[key]
        assert (reader.read_server(from_wire(body)) is None) is (key == "id")


@pytest.mark.parametrize("server_id", [None, "", "../1", "a/b", [], "9" * 65])
def test_server_without_a_usable_id_is_none(server_id: Any) -> None:
    assert reader.read_server(samples.server(id=server_id)) is None
    assert reader.read_server([samples.server()]) is None


def test_server_id_may_be_a_number() -> None:
    assert read_server(id=222903).id == "222903"


def test_server_ignores_unknown_keys() -> None:
    extra: dict[str, Any] = {
        "salesOrgId": "2800",
        "platform": "x",
        "virtualNetworkId": None,
        "controlPanel": {"a": []},
    }
    assert read_server(**extra) == read_server()


@pytest.mark.parametrize("reference", [None, ""])
def test_server_without_reference_has_an_empty_one_and_keeps_its_name(reference: Any) -> None:
    found = read_server(reference=reference, name="vps12")
    assert (found.reference, found.name) == ("", "vps12")


def test_server_reference_of_10_kb_survives() -> None:
    assert read_server(reference="r" * 10_240).reference == "r" * 10_240
    assert len(read_server(reference="r" * 1_000_000).reference) == 16_384


@pytest.mark.parametrize("state", ["MIGRATING", "", None, 7])
def test_server_state_that_is_unknown_keeps_its_word(state: Any) -> None:
    found = read_server(state=state)
    assert found.state is ServerState.UNKNOWN
    assert found.state_raw == ("" if state is None else str(state))


@pytest.mark.parametrize("state", list(ServerState))
def test_server_states_are_all_read(state: ServerState) -> None:
    assert read_server(state=state.value).state is state


@pytest.mark.parametrize(
    ("spelling", "limit"),
    [
        ("dataTraffic", 4000),
        ("datatraffic", 4000),
        ("DataTraffic", "4000"),
        ("DATATRAFFIC", 4000.0),
        ("dataTraffic", " 4000 "),
    ],
)
def test_network_traffic_is_read_in_any_case(spelling: str, limit: Any) -> None:
    body = {
        "type": "DATATRAFFIC",
        "trafficType": "PREMIUM",
        f"{spelling}Unit": "GB",
        f"{spelling}Limit": limit,
    }
    expected = NetworkTraffic("DATATRAFFIC", "PREMIUM", "GB", 4000)
    assert read_server(networkTraffic=body).network_traffic == expected


def test_network_traffic_in_both_spellings_takes_the_one_with_a_value() -> None:
    body = {"dataTrafficLimit": None, "datatrafficLimit": 5, "datatrafficUnit": "TB", "dataTrafficUnit": None}
    found = read_server(networkTraffic=body).network_traffic
    assert found == NetworkTraffic(data_traffic_unit="TB", data_traffic_limit=5)


@pytest.mark.parametrize("limit", [None, "unlimited", -1, 1.5, 2**64])
def test_network_traffic_limit_that_makes_no_sense_is_none(limit: Any) -> None:
    found = read_server(networkTraffic={"dataTrafficLimit": limit, "dataTrafficUnit": "GB"}).network_traffic
    assert found == NetworkTraffic(data_traffic_unit="GB")


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ({"ip": "10.0.0.1", "version": "4", "type": "PRIVATE"}, IpAddress("10.0.0.1", 4, "PRIVATE")),
        ({"ip": "2001:db8::1", "version": 6, "type": "PUBLIC"}, IpAddress("2001:db8::1", 6, "PUBLIC")),
        ({"ip": "2001:db8::1", "visibility": "PUBLIC"}, IpAddress("2001:db8::1", 6, "PUBLIC")),
        ({"ip": "not an address", "version": 5}, IpAddress("not an address", None, "")),
    ],
)
def test_ips_are_read_in_old_and_new_forms(entry: dict[str, Any], address: IpAddress) -> None:
    assert read_server(ips=[entry, None, {"version": 4}]).ips == (address,)


def test_iso_is_read_or_none() -> None:
    body = {"id": "9eadbe14", "name": "Knoppix", "displayName": "Knoppix 9"}
    assert read_server(iso=body).iso == Iso("9eadbe14", "Knoppix", "Knoppix 9")
    assert read_server(iso=None).iso is None


def test_hardware_and_contract_take_numbers_as_strings() -> None:
    found = read_server(
        hardware={"cpu": {"cores": "2"}, "memory": {"amount": "2048"}, "storage": {"unit": "GB"}},
        contract={"billingCycle": "1", "pricePerFrequency": "4.70", "endsAt": None},
    )
    assert found.hardware == Hardware(2, 2048, "", None, "GB")
    assert found.contract == Contract(billing_cycle=1, price_per_frequency=Decimal("4.70"))


def test_page_needs_a_list() -> None:
    bodies: list[Any] = [{}, [], None, {"virtualServers": None}, {"virtualServers": {}}, {"other": []}]
    for body in bodies:
        assert reader.read_page(body, ("virtualServers",), reader.read_server) is None


def test_page_counts_what_it_could_not_read() -> None:
    entries = [samples.server(), {"reference": "no id"}, None, "text"]
    found = reader.read_page(
        samples.page("virtualServers", entries, "4"), ("virtualServers",), reader.read_server
    )
    assert found is not None
    assert (len(found.items), found.received, found.total) == (1, 4, 4)


@pytest.mark.parametrize("total", [None, -1, "many", []])
def test_page_total_that_makes_no_sense_is_none(total: Any) -> None:
    body = {"templates": [], "_metadata": {"totalCount": total}}
    assert reader.read_page(body, ("templates",), reader.read_template) == reader.Page((), 0, None)
    assert reader.read_page({"templates": []}, ("templates",), reader.read_template) == reader.Page(
        (), 0, None
    )


@pytest.mark.parametrize("key", ["snapshots", "virtualServers"])
def test_snapshot_list_is_read_under_both_keys(key: str) -> None:
    found = reader.read_page(
        {key: [samples.snapshot()]}, ("snapshots", "virtualServers"), reader.read_snapshot
    )
    assert found is not None
    assert [item.name for item in found.items] == ["Before upgrade"]


@pytest.mark.parametrize("key", ["state", "status"])
@pytest.mark.parametrize("state", [state for state in SnapshotState if state is not SnapshotState.UNKNOWN])
def test_snapshot_state_is_read_under_both_keys(key: str, state: SnapshotState) -> None:
    body = {"id": "s1", "name": "n", "created_at": "2016-12-31T01:00:59Z", key: state.value}
    at = datetime(2016, 12, 31, 1, 0, 59, tzinfo=UTC)
    assert reader.read_snapshot(body) == Snapshot("s1", "n", at, state, state.value)


def test_snapshot_survives_missing_and_unknown_parts() -> None:
    assert reader.read_snapshot({"id": "s1", "state": "MERGING", "size": 3}) == Snapshot(
        "s1", state=SnapshotState.UNKNOWN, state_raw="MERGING"
    )
    assert reader.read_snapshot({"name": "no id"}) is None
    assert reader.read_snapshot({"id": "a/../b"}) is None


def test_snapshot_time_is_read_in_camel_case_too() -> None:
    found = reader.read_snapshot({"id": "s1", "createdAt": "2016-12-31T01:00:59+0000"})
    assert found is not None
    assert found.created_at == datetime(2016, 12, 31, 1, 0, 59, tzinfo=UTC)


def test_template_needs_an_id() -> None:
    assert reader.read_template({"id": "UBUNTU_22_04_64BIT", "name": "Ubuntu"}) == OsTemplate(
        "UBUNTU_22_04_64BIT", "Ubuntu"
    )
    assert reader.read_template({"id": 5}) == OsTemplate("5")
    assert reader.read_template({"name": "Ubuntu"}) is None


@pytest.mark.parametrize(
    ("job_id", "name"),
    [
        ("cs01.237bb9c8-b8ae-4b8e-8e8f-9c9b4d8e3a5f", "virtualServers.powerOn"),
        ("237bb9c8-b8ae-4b8e-8e8f-9c9b4d8e3a5f", "virtualServer.createVMSnapshot"),
    ],
)
def test_job_is_read_in_both_forms(job_id: str, name: str) -> None:
    at = datetime(2016, 12, 31, 1, 0, 59, tzinfo=UTC)
    assert reader.read_job(samples.job(id=job_id, name=name)) == UpstreamJob(job_id, name, "PENDING", at)


def test_job_survives_missing_parts() -> None:
    assert reader.read_job({"id": "j", "eta": "soon"}) == UpstreamJob("j")
    unusable: list[Any] = [None, [], {}, {"name": "x"}, "text"]
    assert [reader.read_job(body) for body in unusable] == [None] * 5


def test_credentials_are_read_with_stray_keys() -> None:
    kind = CredentialType.OPERATING_SYSTEM
    name = reader.read_credential_name({"username": "root", "password": None, "domain": None}, kind)
    assert name == CredentialName(kind, "root")
    panel = reader.read_credential_name({"username": "admin", "type": "CONTROL_PANEL"}, kind)
    assert panel == CredentialName(CredentialType.CONTROL_PANEL, "admin")
    assert reader.read_credential_name({"type": "OPERATING_SYSTEM"}, kind) is None


def test_credential_password_is_a_secret() -> None:
    body = from_wire({"type": "OPERATING_SYSTEM", "username": "root", "password": "pass\u00fcword123"})
    found = reader.read_credential(body, CredentialType.OPERATING_SYSTEM, "root")
    assert found is not None
    assert found.password == Secret("passüword123")
    assert "pass" not in repr(found).replace("password=", "")


@pytest.mark.parametrize(
    "body", [{}, {"username": "root"}, {"password": None}, {"password": ["x"]}, [], None]
)
def test_credential_without_password_is_none(body: Any) -> None:
    assert reader.read_credential(from_wire(body), CredentialType.OPERATING_SYSTEM, "root") is None


def test_data_traffic_of_the_example_is_read() -> None:
    up = [
        {"timestamp": f"2016-01-{day}T23:59:59+00:00", "value": value}
        for day, value in (("31", 2500), ("01", 900))
    ]
    body = samples.traffic(samples.series(up), samples.series([]))
    found = reader.read_data_traffic(from_wire(body), Granularity.DAY)
    assert found is not None
    assert found.granularity is Granularity.DAY
    assert (found.start, found.end) == (
        datetime(2016, 1, 1, tzinfo=UTC),
        datetime(2016, 1, 31, 23, 59, 59, tzinfo=UTC),
    )
    assert [(point.at.day, int(point.value)) for point in found.up.points] == [(1, 900), (31, 2500)]
    assert found.up.unit == "B"
    assert found.down.points == ()


def test_data_traffic_takes_strings_fractions_and_64_bits() -> None:
    values = ["900", 1.25, 2**63 - 1, "0.5"]
    entries = [
        {"timestamp": f"2016-01-0{day}T00:00:00Z", "value": value} for day, value in enumerate(values, 1)
    ]
    found = reader.read_data_traffic(
        from_wire(samples.traffic(samples.series(entries, "GB"), None)), Granularity.DAY
    )
    assert found is not None
    assert [point.value for point in found.up.points] == [900, Decimal("1.25"), 2**63 - 1, Decimal("0.5")]
    assert found.up.unit == "GB"
    assert (found.down.unit, found.down.points) == ("", ())


def test_data_traffic_drops_and_counts_points_that_make_no_sense() -> None:
    good = {"timestamp": "2016-01-01T00:00:00+0000", "value": 1}
    bad = [
        None,
        {},
        {**good, "value": None},
        {**good, "value": -1},
        {**good, "value": 2**63},
        {**good, "value": True},
        {**good, "timestamp": "yesterday"},
    ]
    body = samples.traffic(samples.series([good, *bad]), samples.series({"not": "a list"}))  # type: ignore[arg-type]
    found = reader.read_data_traffic(from_wire(body), Granularity.DAY)
    assert found is not None
    assert (len(found.up.points), found.up.dropped, found.down.dropped) == (1, len(bad), 0)


@pytest.mark.parametrize("body", [None, [], {}, {"metrics": None}, {"metrics": []}])
def test_data_traffic_without_metrics_is_none(body: Any) -> None:
    assert reader.read_data_traffic(body, Granularity.DAY) is None


def test_data_traffic_without_metadata_keeps_what_was_asked_for() -> None:
    found = reader.read_data_traffic({"metrics": {}}, Granularity.FIVE_MINUTES)
    assert found is not None
    assert (found.granularity, found.start, found.end) == (Granularity.FIVE_MINUTES, None, None)
