"""Every text and number of Leaseweb's fits into its column, whatever it is."""

import dataclasses
from decimal import Decimal

import pytest
from django.db import models

from servers import mapping
from servers.leaseweb import (
    Contract,
    FirewallState,
    Hardware,
    IpAddress,
    Iso,
    NetworkTraffic,
    ServerState,
    VirtualServer,
)
from servers.models import Server

pytestmark = pytest.mark.once
LONG = "x" * 16_384
HUGE = 2**63 - 1
FULL = VirtualServer(
    "218001",
    reference=LONG,
    name=LONG,
    customer_id=LONG,
    data_center=LONG,
    cloud_server_id=LONG,
    state=ServerState.RUNNING,
    template=LONG,
    service_offering=LONG,
    sla=LONG,
    contract=Contract(LONG, None, None, HUGE, LONG, Decimal(10) ** 17, LONG),
    hardware=Hardware(HUGE, HUGE, LONG, HUGE, LONG),
    iso=Iso(LONG, LONG, LONG),
    ips=tuple(IpAddress(LONG, 4, LONG) for _ in range(3)),
    network_traffic=NetworkTraffic(LONG, LONG, LONG, HUGE),
)


def server(**fields: object) -> dict[str, object]:
    return mapping.columns(dataclasses.replace(VirtualServer("218001"), **fields))  # type: ignore[arg-type]


def test_columns_are_columns_of_the_model_and_none_of_ours() -> None:
    known = {field.name for field in Server._meta.get_fields()}
    ours = {
        "id",
        "team",
        "api_key",
        "product",
        "upstream_id",
        "changed_seq",
        "seen_at",
        "gone_at",
        "refresh_asked_at",
    }
    found = set(mapping.columns(FULL))
    assert found <= known
    assert not found & ours


@pytest.mark.req("X13")
def test_no_text_is_longer_than_its_column() -> None:
    for name, value in mapping.columns(FULL).items():
        field = Server._meta.get_field(name)
        if isinstance(field, models.CharField):
            assert len(value) <= (field.max_length or 0), name


@pytest.mark.req("X13")
def test_no_number_is_larger_than_its_column() -> None:
    values = mapping.columns(FULL)
    for name in ("billing_cycle", "cpu_cores", "memory_amount", "storage_amount", "traffic_limit"):
        assert values[name] is None, name
    assert values["price"] is None


@pytest.mark.parametrize(
    ("amount", "kept"),
    [
        (Decimal("9.99"), Decimal("9.9900")),
        (Decimal("0.00005"), Decimal("0.0000")),
        (Decimal("9999999.99999"), Decimal("10000000.0000")),
        (Decimal(-5), Decimal("-5.0000")),
        (None, None),
    ],
)
def test_price_is_kept_to_four_digits(amount: Decimal | None, kept: Decimal | None) -> None:
    assert server(contract=Contract(price_per_frequency=amount))["price"] == kept


@pytest.mark.parametrize(
    ("reference", "name", "shown"),
    [
        ("web-01", "vm-1", "web-01"),
        ("", "vm-1", "vm-1"),
        ("  \n ", "vm-1", "Server 218001"),
        ("", "", "Server 218001"),
        (" two\n lines\t", "", "two lines"),
        ("é" * 300, "", "é" * 200),
    ],
)
def test_server_is_called_by_its_reference_else_its_name_else_its_id(
    reference: str, name: str, shown: str
) -> None:
    values = server(reference=reference, name=name)
    assert (values["shown_name"], values["reference"]) == (shown, reference)


def test_search_finds_name_id_reference_and_addresses_in_any_case() -> None:
    found = server(reference="Straße 7", ips=(IpAddress("2001:DB8::1", 6),))["search_text"]
    assert isinstance(found, str)
    for words in ("straße", "218001", "2001:DB8"):
        assert words.casefold() in found


def test_server_of_nothing_but_an_id_maps_to_empty_values() -> None:
    values = server()
    assert (values["state"], values["firewall_state"]) == ("UNKNOWN", FirewallState.UNKNOWN.value)
    assert (values["ips"], values["price"], values["iso_name"], values["traffic_unit"]) == ([], None, "", "")


@pytest.mark.parametrize(
    ("iso", "kept"),
    [
        (Iso("1", "a", "A"), ("1", "a", "A")),
        (Iso("1", "a"), ("1", "a", "")),
        (None, ("", "", "")),
    ],
)
def test_iso_is_kept_with_both_names(iso: Iso | None, kept: tuple[str, str, str]) -> None:
    values = server(iso=iso)
    assert (values["iso_id"], values["iso_name"], values["iso_display_name"]) == kept


@pytest.mark.django_db
def test_largest_values_are_stored_and_read_back(team: object) -> None:
    kept = Server.objects.create(team=team, upstream_id="218001", **mapping.columns(FULL))  # type: ignore[misc]
    kept.refresh_from_db()
    assert (kept.reference, len(kept.ips), len(kept.ips[0]["ip"])) == (LONG, 3, 64)
