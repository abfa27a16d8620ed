"""From JSON to our types, forgiving in everything but identity.

The API's schema, its examples and its real answers differ. Unknown keys are ignored, missing ones become
empty values, numbers may come as strings, and known contradictions are read in both spellings. Only an id
that calls can be made with is required.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from servers.leaseweb.scalars import count, day, line, mapping, member, moment, number, path_id, text, whole
from servers.leaseweb.secret import Secret
from servers.leaseweb.types import (
    Contract,
    Credential,
    CredentialName,
    CredentialType,
    DataTraffic,
    FirewallState,
    Granularity,
    Hardware,
    IpAddress,
    Iso,
    NetworkTraffic,
    OsTemplate,
    ServerState,
    Snapshot,
    SnapshotState,
    TrafficPoint,
    TrafficSeries,
    UpstreamJob,
    VirtualServer,
)

T = TypeVar("T")
LABEL = 256


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list: what could be read, how many entries came, and the total Leaseweb claims."""

    items: tuple[T, ...]
    received: int
    total: int | None


def read_page(content: Any, keys: tuple[str, ...], read: Callable[[Any], T | None]) -> Page[T] | None:
    """Read a list that stands under the first of `keys` that holds one; None when there is no list.

    A null or missing list is not taken as empty: it would make everything look deleted.
    """
    body = mapping(content)
    entries = next((body[key] for key in keys if isinstance(body.get(key), list)), None)
    if entries is None:
        return None
    found = tuple(item for item in map(read, entries) if item is not None)
    return Page(found, len(entries), count(mapping(body.get("_metadata")).get("totalCount")))


def read_server(content: Any) -> VirtualServer | None:
    """Read a server (calls 1, 2 and 3); None when it has no usable id."""
    body = mapping(content)
    server_id = path_id(body.get("id"))
    if not server_id:
        return None
    return VirtualServer(
        id=server_id,
        reference=text(body.get("reference")),
        name=text(body.get("name")),
        customer_id=text(body.get("customerId"), LABEL),
        data_center=text(body.get("dataCenter"), LABEL),
        cloud_server_id=text(body.get("cloudServerId"), LABEL),
        state=member(ServerState, body.get("state"), ServerState.UNKNOWN),
        state_raw=text(body.get("state"), LABEL),
        firewall_state=member(FirewallState, body.get("firewallState"), FirewallState.UNKNOWN),
        template=text(body.get("template")),
        service_offering=text(body.get("serviceOffering"), LABEL),
        sla=text(body.get("sla"), LABEL),
        contract=_contract(mapping(body.get("contract"))),
        hardware=_hardware(mapping(body.get("hardware"))),
        iso=_iso(body.get("iso")),
        ips=_ips(body.get("ips")),
        network_traffic=_network_traffic(body.get("networkTraffic")),
    )


def _contract(body: dict[str, Any]) -> Contract:
    return Contract(
        id=text(body.get("id"), LABEL),
        starts_on=day(body.get("startsAt")),
        ends_on=day(body.get("endsAt")),
        billing_cycle=whole(body.get("billingCycle")),
        billing_frequency=text(body.get("billingFrequency"), LABEL),
        price_per_frequency=number(body.get("pricePerFrequency")),
        currency=text(body.get("currency"), LABEL),
    )


def _hardware(body: dict[str, Any]) -> Hardware:
    memory, storage = mapping(body.get("memory")), mapping(body.get("storage"))
    return Hardware(
        cpu_cores=count(mapping(body.get("cpu")).get("cores")),
        memory_amount=count(memory.get("amount")),
        memory_unit=text(memory.get("unit"), LABEL),
        storage_amount=count(storage.get("amount")),
        storage_unit=text(storage.get("unit"), LABEL),
    )


def _iso(value: Any) -> Iso | None:
    if not isinstance(value, dict):
        return None
    return Iso(text(value.get("id"), LABEL), text(value.get("name")), text(value.get("displayName")))


def _ips(value: Any) -> tuple[IpAddress, ...]:
    entries = [mapping(entry) for entry in value] if isinstance(value, list) else []
    return tuple(_ip(entry) for entry in entries if text(entry.get("ip")))


def _ip(body: dict[str, Any]) -> IpAddress:
    address = text(body.get("ip"), 64)
    version = whole(body.get("version"))
    return IpAddress(
        ip=address,
        version=version if version in {4, 6} else _version_of(address),
        type=text(body.get("type") or body.get("visibility"), LABEL),
    )


def _version_of(address: str) -> int | None:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None


def _network_traffic(value: Any) -> NetworkTraffic | None:
    """Read the included traffic; real answers spell `dataTraffic…` and `datatraffic…`."""
    if not isinstance(value, dict):
        return None
    body: dict[str, Any] = {}
    for key, entry in value.items():
        if body.get(key.lower()) is None:
            body[key.lower()] = entry
    return NetworkTraffic(
        type=text(body.get("type"), LABEL),
        traffic_type=text(body.get("traffictype"), LABEL),
        data_traffic_unit=text(body.get("datatrafficunit"), LABEL),
        data_traffic_limit=count(body.get("datatrafficlimit")),
    )


def read_template(content: Any) -> OsTemplate | None:
    """Read an entry of call 12; None when it has no id. The id goes into a body, never into a path."""
    body = mapping(content)
    template_id = text(body.get("id"), LABEL)
    return OsTemplate(template_id, text(body.get("name"))) if template_id else None


def read_snapshot(content: Any) -> Snapshot | None:
    """Read a snapshot (calls 13 and 15); None when it has no usable id.

    The official schema names the state `status` and the examples `state`; the time is in snake case.
    """
    body = mapping(content)
    snapshot_id = path_id(body.get("id"))
    if not snapshot_id:
        return None
    state = text(body.get("state"), LABEL) or text(body.get("status"), LABEL)
    return Snapshot(
        id=snapshot_id,
        name=text(body.get("name")),
        created_at=moment(body.get("created_at")) or moment(body.get("createdAt")),
        state=member(SnapshotState, state, SnapshotState.UNKNOWN),
        state_raw=state,
    )


def read_credential_name(content: Any, kind: CredentialType) -> CredentialName | None:
    """Read an entry of call 9; None when it names nobody. The type asked for stands in for a missing one."""
    body = mapping(content)
    username = text(body.get("username"), LABEL)
    return CredentialName(member(CredentialType, body.get("type"), kind), username) if username else None


def read_credential(content: Any, kind: CredentialType, username: str) -> Credential | None:
    """Read call 10; None when there is no password in it. What was asked for stands in for missing keys."""
    body = mapping(content)
    password = body.get("password")
    if not isinstance(password, Secret):
        return None
    return Credential(
        kind=member(CredentialType, body.get("type"), kind),
        username=text(body.get("username"), LABEL) or username,
        password=password,
    )


def read_job(content: Any) -> UpstreamJob | None:
    """Read the receipt of an action; None when it has no id.

    Ids come as `cs01.<uuid>` and as a bare uuid, names as `virtualServers.…` and `virtualServer.…`;
    both are kept as they are.
    """
    body = mapping(content)
    job_id = line(body.get("id"), LABEL)
    if not job_id:
        return None
    status = line(body.get("status"), LABEL)
    return UpstreamJob(job_id, line(body.get("name"), LABEL), status, moment(body.get("createdAt")))


def read_data_traffic(content: Any, granularity: Granularity) -> DataTraffic | None:
    """Read call 11; None when the answer has no `metrics`. A missing direction is an empty series."""
    metadata = mapping(mapping(content).get("_metadata"))
    metrics = mapping(content).get("metrics")
    if not isinstance(metrics, dict):
        return None
    return DataTraffic(
        granularity=member(Granularity, metadata.get("granularity"), granularity),
        start=moment(metadata.get("from")),
        end=moment(metadata.get("to")),
        up=_series(mapping(metrics.get("DATATRAFFIC_UP"))),
        down=_series(mapping(metrics.get("DATATRAFFIC_DOWN"))),
    )


def _series(body: dict[str, Any]) -> TrafficSeries:
    values = body.get("values")
    entries = values if isinstance(values, list) else []
    points = [point for point in map(_point, entries) if point is not None]
    ordered = tuple(sorted(points, key=lambda point: point.at))
    return TrafficSeries(text(body.get("unit"), LABEL), ordered, len(entries) - len(points))


def _point(entry: Any) -> TrafficPoint | None:
    at = moment(mapping(entry).get("timestamp"))
    value = number(mapping(entry).get("value"))
    if at is None or value is None or value < 0:
        return None
    return TrafficPoint(at, value)
