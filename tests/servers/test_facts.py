"""Figures of servers in the words of people, whatever Leaseweb left out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from servers import facts
from servers.models import Server

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def server(**fields: Any) -> Server:
    return Server(**{"shown_name": "web", "upstream_id": "1", "ips": [], **fields})


def ip(address: str, version: int | None, kind: str) -> dict[str, Any]:
    return {"ip": address, "version": version, "type": kind}


@pytest.mark.parametrize(
    ("ips", "expected"),
    [
        ([], ""),
        ([ip("10.0.0.1", 4, "PRIVATE")], "10.0.0.1"),
        ([ip("10.0.0.1", 4, "PRIVATE"), ip("2001:db8::1", 6, "PUBLIC")], "2001:db8::1"),
        ([ip("2001:db8::1", 6, "PUBLIC"), ip("192.0.2.1", 4, "PUBLIC")], "192.0.2.1"),
        ([{"ip": "192.0.2.9"}], "192.0.2.9"),
    ],
)
def test_main_ip_is_the_one_to_connect_to(ips: list[dict[str, Any]], expected: str) -> None:
    assert facts.main_ip(server(ips=ips)) == expected


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        (4096, "MB", "4 GiB"),
        (1536, "MB", "1.5 GiB"),
        (512, "MB", "512 MiB"),
        (8, "GB", "8 GiB"),
        (2, "GiB", "2 GiB"),
        (3, "boxes", "3 boxes"),
        (None, "MB", "—"),
    ],
)
def test_memory_is_counted_in_gib(amount: int | None, unit: str, expected: str) -> None:
    assert facts.memory(server(memory_amount=amount, memory_unit=unit)) == expected


def test_hardware_is_one_line() -> None:
    full = server(cpu_cores=2, memory_amount=2048, memory_unit="MB", storage_amount=80, storage_unit="GB")
    assert facts.hardware(full) == "2 CPU · 2 GiB · 80 GB"
    assert facts.hardware(server(cpu_cores=1)) == "1 CPU"
    assert facts.hardware(server()) == "—"


@pytest.mark.parametrize(
    ("price", "frequency", "expected"),
    [
        ("4.7000", "MONTH", "4.70 EUR per month"),
        ("1234.5000", "YEAR", "1,234.50 EUR per year"),
        ("0.0125", "HOUR", "0.0125 EUR per hour"),
        ("12.0000", "", "12.00 EUR per period"),
    ],
)
def test_price_names_amount_currency_and_period(price: str, frequency: str, expected: str) -> None:
    assert facts.price(server(price=Decimal(price), currency="EUR", billing_frequency=frequency)) == expected


def test_price_without_amount_is_a_dash() -> None:
    assert facts.price(server()) == "—"


def test_price_without_currency_has_no_gap() -> None:
    assert facts.price(server(price=Decimal("4.7000"), billing_frequency="MONTH")) == "4.70 per month"


@pytest.mark.parametrize(
    ("cycle", "frequency", "expected"),
    [
        (1, "MONTH", "every month"),
        (12, "MONTH", "every 12 months"),
        (None, "YEAR", "every year"),
        (3, "", "—"),
    ],
)
def test_billing_says_how_often(cycle: int | None, frequency: str, expected: str) -> None:
    assert facts.billing(server(billing_cycle=cycle, billing_frequency=frequency)) == expected


def test_traffic_names_amount_and_plan() -> None:
    assert facts.traffic(server(traffic_limit=4, traffic_unit="TB", traffic_plan="VOLUME")) == "4 TB volume"
    assert facts.traffic(server(traffic_plan="PREMIUM")) == "premium"
    assert facts.traffic(server()) == "—"


@pytest.mark.parametrize(
    ("days", "soon", "left"),
    [
        (-1, True, "has ended"),
        (0, True, "ends today"),
        (1, True, "1 day left"),
        (30, True, "30 days left"),
        (31, False, "31 days left"),
    ],
)
def test_contract_end_is_told_in_time(days: int, soon: bool, left: str) -> None:
    ending = server(contract_ends_on=(NOW + timedelta(days=days)).date())
    assert facts.ends_soon(ending, NOW) is soon
    assert facts.days_left(ending, NOW) == left


def test_contract_without_end_is_not_ending() -> None:
    assert not facts.ends_soon(server(), NOW)
    assert facts.days_left(server(), NOW) == ""
    assert facts.day(None) == "—"


@pytest.mark.parametrize(
    ("days", "gone", "said"),
    [
        (-1, False, "contract ended on 9 Mar 2026"),
        (0, False, "contract ends today"),
        (1, False, "contract ends in 1 day, on 11 Mar 2026"),
        (12, False, "contract ends in 12 days, on 22 Mar 2026"),
        (12, True, ""),
        (31, False, ""),
        (None, False, ""),
    ],
)
def test_end_of_a_contract_is_said_when_it_is_near(days: int | None, gone: bool, said: str) -> None:
    on = None if days is None else (NOW + timedelta(days=days)).date()
    assert facts.ending(server(contract_ends_on=on, gone_at=NOW if gone else None), NOW) == said


@pytest.mark.parametrize(
    ("names", "shown", "note"),
    [
        (("", "", ""), "none attached", ""),
        (("9e", "knoppix-9", "Knoppix 9"), "Knoppix 9", "9e, named knoppix-9"),
        (("9e", "Knoppix", "Knoppix"), "Knoppix", "9e"),
        (("9e", "Knoppix", ""), "Knoppix", "9e"),
        (("9e", "", "Knoppix"), "Knoppix", "9e"),
        (("9e", "", ""), "9e", ""),
    ],
)
def test_iso_is_shown_by_its_best_name_with_the_others(
    names: tuple[str, str, str], shown: str, note: str
) -> None:
    fields = dict(zip(("iso_id", "iso_name", "iso_display_name"), names, strict=True))
    machine = dict(facts.sections(server(first_seen_at=NOW, **fields), NOW))["Machine"]
    found = [(fact.value, fact.note) for fact in machine if fact.label == "ISO image"]
    assert found == [(shown, note)]


@pytest.mark.parametrize(
    ("amount", "unit", "kept"),
    [(60, "GB", 60), (2, "tb", 2000), (1, "boxes", None), (None, "GB", None), (0, "GB", 0)],
)
def test_storage_for_machines_is_in_gb(amount: int | None, unit: str, kept: int | None) -> None:
    assert facts.storage_gb(server(storage_amount=amount, storage_unit=unit)) == kept


def test_sections_survive_a_server_of_which_nothing_is_known() -> None:
    lines = [fact for _, group in facts.sections(server(first_seen_at=NOW), NOW) for fact in group]
    assert all(fact.label and fact.value for fact in lines)
    assert len({fact.label for fact in lines}) == len(lines)


def test_sections_count_one_core_as_one() -> None:
    machine = dict(facts.sections(server(cpu_cores=1, first_seen_at=NOW), NOW))["Machine"]
    assert machine[0].value == "1 core"
