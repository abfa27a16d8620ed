"""How Leaseweb's virtual server becomes the columns of ours."""

from decimal import Decimal
from typing import Any

from servers import search
from servers.leaseweb import Contract, Hardware, Iso, NetworkTraffic, VirtualServer
from teams.collation import sort_key
from teams.names import single_spaced

NAME_LIMIT = 200
MOST_COUNT = 2**62
MOST_PRICE = Decimal(10) ** 7


def columns(upstream: VirtualServer) -> dict[str, Any]:
    """The values of all columns that come from GET /virtualServers, texts cut to what the columns hold."""
    return {
        "reference": upstream.reference,
        "state": upstream.state.value,
        "firewall_state": _cut(upstream.firewall_state.value, 20),
        "data_center": _cut(upstream.data_center),
        "template": _cut(upstream.template, NAME_LIMIT),
        "service_offering": _cut(upstream.service_offering),
        "sla": _cut(upstream.sla),
        "customer_id": _cut(upstream.customer_id),
        "cloud_server_id": _cut(upstream.cloud_server_id),
        "ips": [{"ip": _cut(ip.ip), "version": ip.version, "type": _cut(ip.type, 20)} for ip in upstream.ips],
        **_contract(upstream.contract),
        **_hardware(upstream.hardware),
        **_iso(upstream.iso or Iso()),
        **_traffic(upstream.network_traffic or NetworkTraffic()),
        **_derived(upstream),
    }


def _contract(contract: Contract) -> dict[str, Any]:
    return {
        "contract_id": _cut(contract.id),
        "contract_starts_on": contract.starts_on,
        "contract_ends_on": contract.ends_on,
        "billing_cycle": _count(contract.billing_cycle),
        "billing_frequency": _cut(contract.billing_frequency, 20),
        "price": _price(contract.price_per_frequency),
        "currency": _cut(contract.currency, 10),
    }


def _hardware(hardware: Hardware) -> dict[str, Any]:
    return {
        "cpu_cores": _count(hardware.cpu_cores),
        "memory_amount": _count(hardware.memory_amount),
        "memory_unit": _cut(hardware.memory_unit, 10),
        "storage_amount": _count(hardware.storage_amount),
        "storage_unit": _cut(hardware.storage_unit, 10),
    }


def _iso(iso: Iso) -> dict[str, Any]:
    return {
        "iso_id": _cut(iso.id),
        "iso_name": _cut(iso.name, NAME_LIMIT),
        "iso_display_name": _cut(iso.display_name, NAME_LIMIT),
    }


def _traffic(traffic: NetworkTraffic) -> dict[str, Any]:
    return {
        "traffic_type": _cut(traffic.type, 40),
        "traffic_plan": _cut(traffic.traffic_type, 40),
        "traffic_limit": _count(traffic.data_traffic_limit),
        "traffic_unit": _cut(traffic.data_traffic_unit, 10),
    }


def _derived(upstream: VirtualServer) -> dict[str, str]:
    name = _cut(single_spaced(upstream.reference or upstream.name), NAME_LIMIT)
    shown = name or f"Server {upstream.id}"
    search_text = search.text_of((shown, upstream.id, upstream.reference), (ip.ip for ip in upstream.ips))
    return {"shown_name": shown, "name_key": sort_key(shown), "search_text": search_text}


def _cut(text: str | None, limit: int = 64) -> str:
    return (text or "")[:limit]


def _count(number: int | None) -> int | None:
    return number if number is not None and abs(number) < MOST_COUNT else None


def _price(amount: Decimal | None) -> Decimal | None:
    """What the column can hold; a price out of all bounds is a broken answer and shown as not told."""
    return round(amount, 4) if amount is not None and abs(amount) < MOST_PRICE else None
