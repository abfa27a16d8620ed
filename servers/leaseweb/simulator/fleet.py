"""A believable fleet. The same seed gives the same servers; only dates follow the calendar.

Odd cases have fixed places (every tenth server has no reference, and so on), so that a fleet of ten has
most of them. The first server is always a plain one: running, named, with snapshots included.
"""

import calendar
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .catalogue import DATA_CENTRES, OFFERINGS, OLD_LABELS, SLAS, install, templates_for
from .model import OPERATING_SYSTEM, Offering, Server, Snapshot
from .seeded import between, fraction, password, pick, uuid

_ROLES = ("web", "db", "mail", "cache", "worker", "proxy", "git", "backup", "monitor", "shop", "vpn", "build")
_STAGES = ("prod", "prod", "prod", "staging", "test")
_FREE_TEXT = (
    "Web server",
    "Büro Köln / Warenwirtschaft (bitte nicht neu starten)",
    "O'Brien & Sons: customer portal",
    "old one, ask Marit before touching",
)
_ISOS = (("Knoppix", "Knoppix"), ("systemrescue-11.01-amd64", "SystemRescue 11"), ("GParted", "GParted Live"))
_DOCUMENTATION_NETS = ("192.0.2", "198.51.100", "203.0.113")
_SNAPSHOT_NAMES = ("Before upgrade", "Nightly", "Clean install", "Before migration", "Release 12")


def build_fleet(count: int, *, seed: int, account: int, first: int, now: datetime) -> list[Server]:
    """`count` servers of account number `account`, beginning with its server number `first`."""
    return [_build(first + number, seed=seed, account=account, now=now) for number in range(count)]


def _build(index: int, *, seed: int, account: int, now: datetime) -> Server:
    spot = (seed, account, index)
    offering = OFFERINGS[0] if index == 0 else pick(OFFERINGS, "offering", *spot)
    data_center, currency = pick(DATA_CENTRES, "data centre", *spot)
    server = Server(
        id=str(218000 + account * 1_000_000 + index * 17 + between(0, 16, "id", *spot)),
        reference=_reference(index, spot),
        customer_id=f"13{between(10_000_000, 99_999_999, 'customer', seed, account)}",
        data_center=data_center,
        state=_state(index),
        firewall_state="UNKNOWN" if index % 23 == 22 else "ENABLED" if index % 4 == 1 else "DISABLED",
        template="",
        offering=offering,
        sla=pick(SLAS, "sla", *spot),
        contract=_contract(spot, offering=offering, currency=currency, today=now.date()),
        iso=_iso(index, spot),
        ips=_ips(index, account=account, spot=spot),
        network_traffic=_network_traffic(index, spot),
        snapshots_included=index % 9 != 8,
        playground=index % 12 == 11,
    )
    _furnish(server, index, spot, now=now)
    return server


def _furnish(server: Server, index: int, spot: tuple[int, ...], *, now: datetime) -> None:
    """The system, its passwords and its snapshots."""
    if index % 7 == 6:
        server.template = pick(OLD_LABELS, "old", *spot).format(server.offering.storage_gb)
        server.credentials = {(OPERATING_SYSTEM, "root"): password("root password", server.id, 0)}
    else:
        install(server, pick(templates_for(server), "template", *spot))
    if server.state == "STOPPED":
        server.idle_since = now - timedelta(days=between(1, 60, "idle", *spot))
    if server.snapshots_included and index % 3 == 0:
        for number in range(between(1, 3, "snapshots", *spot)):
            snapshot = _snapshot(server, number, now=now)
            server.snapshots[snapshot.id] = snapshot


def _reference(index: int, spot: tuple[int, ...]) -> str | None:
    if index % 12 == 11:
        return f"playground-{index // 12 + 1:02d} (switches itself)"
    if index % 10 in {7, 8}:
        return None if index % 10 == 7 else ""
    if index % 10 == 5:
        return _FREE_TEXT[index // 10 % len(_FREE_TEXT)]
    return f"{pick(_ROLES, 'role', *spot)}-{pick(_STAGES, 'stage', *spot)}-{index + 1:02d}"


def _state(index: int) -> str:
    if index % 40 == 37:
        return "UNKNOWN"
    return "STOPPED" if index % 6 == 4 else "RUNNING"


def _contract(spot: tuple[int, ...], *, offering: Offering, currency: str, today: date) -> dict[str, Any]:
    """Runs in whole cycles since its start; `endsAt` is the last day of the cycle that is running."""
    cycle = pick((1, 1, 1, 3, 6, 12, 12), "cycle", *spot)
    start = today - timedelta(days=between(20, 2500, "start", *spot))
    end = start
    cycles = 0
    while end <= today:
        cycles += 1
        end = _months_later(start, cycles * cycle)
    return {
        "id": str(between(30_000_000, 39_999_999, "contract", *spot)),
        "startsAt": _midnight(start),
        "endsAt": _midnight(end - timedelta(days=1)),
        "billingCycle": cycle,
        "billingFrequency": "MONTH",
        "pricePerFrequency": offering.price,
        "currency": currency,
    }


def _months_later(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _midnight(day: date) -> str:
    """Contract dates as Leaseweb writes them: Dutch time, and no colon in the offset."""
    summer = 4 <= day.month <= 10
    zone = timezone(timedelta(hours=2 if summer else 1))
    return datetime(day.year, day.month, day.day, tzinfo=zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def _iso(index: int, spot: tuple[int, ...]) -> dict[str, str] | None:
    if index % 11 != 9:
        return None
    name, display_name = pick(_ISOS, "iso", *spot)
    return {"id": uuid("iso", name), "name": name, "displayName": display_name}


def _ips(index: int, *, account: int, spot: tuple[int, ...]) -> list[dict[str, Any]]:
    """One public IPv4 each, from the ranges kept free for documentation and for benchmarks."""
    number = account * 2000 + index
    if number < 250 * len(_DOCUMENTATION_NETS):
        address = f"{_DOCUMENTATION_NETS[number // 250]}.{number % 250 + 4}"
    else:
        address = f"198.{18 + number // 65_000 % 2}.{number // 250 % 256}.{number % 250 + 4}"
    ips: list[dict[str, Any]] = [{"ip": address, "version": 4, "type": "PUBLIC"}]
    if fraction("ipv6", *spot) < 0.4:
        ips.append({"ip": f"2001:db8:{account:x}:{index + 1:x}::1", "version": 6, "type": "PUBLIC"})
    if fraction("private", *spot) < 0.3:
        ips.append(
            {
                "ip": f"10.{32 + account % 200}.{index // 250}.{index % 250 + 4}",
                "version": 4,
                "type": "PRIVATE",
            }
        )
    return ips


def _network_traffic(index: int, spot: tuple[int, ...]) -> dict[str, Any] | None:
    """An optional field, which no documented example shows."""
    if index % 3 == 2:
        return None
    in_gigabytes = index % 5 == 3
    return {
        "type": "FLATFEE",
        "trafficType": pick(("VOLUME", "VOLUME", "PREMIUM"), "traffic type", *spot),
        "dataTrafficUnit": "GB" if in_gigabytes else "TB",
        "dataTrafficLimit": pick((500, 1000, 3000) if in_gigabytes else (3, 5, 10), "quota", *spot),
    }


def _snapshot(server: Server, number: int, *, now: datetime) -> Snapshot:
    spot = ("snapshot", server.id, number)
    broken = number == 2
    stem = _SNAPSHOT_NAMES[(number + between(0, 4, "name", server.id)) % len(_SNAPSHOT_NAMES)]
    return Snapshot(
        id=uuid(*spot),
        name=f"{stem} {number + 1}",
        created_at=now - timedelta(days=between(1, 120, *spot), minutes=between(0, 1400, "minute", *spot)),
        state="ERROR" if broken else "READY",
        template=server.template,
    )
