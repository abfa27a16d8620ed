"""What the columns of a server mean, in the units and words of people. Pure; nothing here asks the database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from servers.models import Server
from teams.figures import NOTHING, size, with_noun

# Memory is counted in powers of two whatever it is called; storage and traffic are sold in powers of ten.
MEMORY_UNITS = {"MB": 1, "MIB": 1, "GB": 1024, "GIB": 1024}
STORAGE_UNITS = {"GB": 1, "TB": 1000, "PB": 1_000_000}
PERIODS = {"DAY": "day", "WEEK": "week", "MONTH": "month", "QUARTER": "quarter", "YEAR": "year"}
ENDS_SOON = timedelta(days=30)


def main_ip(server: Server) -> str:
    """The address to connect to: the first public IPv4, else the first public one, else any, else nothing."""
    ranked = sorted(server.ips, key=lambda ip: (ip.get("type") != "PUBLIC", ip.get("version") != 4))
    return str(ranked[0].get("ip", "")) if ranked else ""


def memory(server: Server) -> str:
    """The memory in GiB or MiB; in a unit that is not known, as Leaseweb wrote it."""
    mebibytes = memory_mib(server)
    if mebibytes is None:
        return size(server.memory_amount, server.memory_unit)
    return size(mebibytes / 1024, "GiB") if mebibytes >= 1024 else size(mebibytes, "MiB")


def memory_mib(server: Server) -> int | None:
    """The memory in MiB; None when it is not told, or told in a unit that is not known."""
    return _in_unit(server.memory_amount, server.memory_unit, MEMORY_UNITS)


def storage_gb(server: Server) -> int | None:
    """The storage in GB; None when it is not told, or told in a unit that is not known."""
    return _in_unit(server.storage_amount, server.storage_unit, STORAGE_UNITS)


def _in_unit(amount: int | None, unit: str, factors: dict[str, int]) -> int | None:
    factor = factors.get(unit.upper())
    return None if amount is None or factor is None else amount * factor


def storage(server: Server) -> str:
    return size(server.storage_amount, server.storage_unit)


def hardware(server: Server) -> str:
    """The size of a server in one short line; what Leaseweb left out is left out."""
    cores = f"{server.cpu_cores} CPU" if server.cpu_cores is not None else ""
    parts = [part for part in (cores, memory(server), storage(server)) if part not in ("", NOTHING)]
    return " · ".join(parts) or NOTHING


def price(server: Server) -> str:
    """What is paid for one billing period, to the cent unless there is more to it."""
    if server.price is None:
        return NOTHING
    amount = server.price.quantize(Decimal("0.01"))
    shown = amount if amount == server.price else server.price.normalize()
    return f"{shown:,f} {server.currency} per {_period(server)}".replace("  ", " ")


def billing(server: Server) -> str:
    """How often an invoice comes: `billing_cycle` periods of `billing_frequency`."""
    if not server.billing_frequency:
        return NOTHING
    if server.billing_cycle is None or server.billing_cycle == 1:
        return f"every {_period(server)}"
    return f"every {with_noun(server.billing_cycle, _period(server))}"


def _period(server: Server) -> str:
    return PERIODS.get(server.billing_frequency.upper(), server.billing_frequency.lower() or "period")


def traffic(server: Server) -> str:
    """The traffic that the contract includes, with the name of the plan."""
    plan = " ".join(word.lower() for word in (server.traffic_plan, server.traffic_type) if word)
    if server.traffic_limit is None:
        return plan or NOTHING
    return " ".join(part for part in (size(server.traffic_limit, server.traffic_unit), plan) if part)


def iso(server: Server) -> str:
    """The best name of the attached CD image; empty without one."""
    return server.iso_display_name or server.iso_name or server.iso_id


def day(value: date | None) -> str:
    """A date as people write it; of a moment the date in the reader's zone."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    return f"{local.day} {local:%b %Y}"


def ends_soon(server: Server, now: datetime) -> bool:
    """Whether the contract runs out within 30 days, or has run out."""
    days = _days_left(server, now)
    return days is not None and days <= ENDS_SOON.days


def days_left(server: Server, now: datetime) -> str:
    """How long the contract still runs, as a half sentence; empty when there is no end to it."""
    days = _days_left(server, now)
    if days is None:
        return ""
    if days < 0:
        return "has ended"
    return "ends today" if days == 0 else f"{with_noun(days, 'day')} left"


def ending(server: Server, now: datetime) -> str:
    """That the contract ends soon, or has ended, and when; empty while there is time, and for a server that is gone."""
    days, on = _days_left(server, now), day(server.contract_ends_on)
    if server.gone_at is not None or days is None or days > ENDS_SOON.days:
        return ""
    if days < 0:
        return f"contract ended on {on}"
    return "contract ends today" if days == 0 else f"contract ends in {with_noun(days, 'day')}, on {on}"


def _days_left(server: Server, now: datetime) -> int | None:
    """From the reader's day to the last one of the contract; negative after it, None when it has no end."""
    if server.contract_ends_on is None:
        return None
    return (server.contract_ends_on - timezone.localtime(now).date()).days


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a server's page. `mono` for ids and the like; `note` is a remark on the value."""

    label: str
    value: str
    note: str = ""
    mono: bool = False

    @property
    def copied(self) -> bool:
        """Whether there is something that people carry elsewhere."""
        return self.mono and self.value != NOTHING


def sections(server: Server, now: datetime) -> list[tuple[str, list[Fact]]]:
    """All that Leaseweb tells of a server beside its state and addresses, grouped; what it left out is a dash."""
    return [
        ("Machine", _machine(server)),
        ("Contract", _contract(server, now)),
        ("At Leaseweb", _identity(server)),
    ]


def _machine(server: Server) -> list[Fact]:
    return [
        Fact("Processor", _cores(server)),
        Fact("Memory", memory(server)),
        Fact("Storage", storage(server)),
        Fact("Operating system", server.template or NOTHING, "Leaseweb's label of what it installed last"),
        Fact("ISO image", iso(server) or "none attached", _iso_note(server)),
        Fact("Firewall", server.firewall_state.lower() or NOTHING, "Leaseweb's; set in the Customer Portal"),
        Fact("Traffic included", traffic(server)),
    ]


def _iso_note(server: Server) -> str:
    """What else Leaseweb tells of the image: its id, and its own name where another one is shown."""
    shown = iso(server)
    number = server.iso_id if server.iso_id != shown else ""
    own = f"named {server.iso_name}" if server.iso_name not in ("", shown) else ""
    return ", ".join(part for part in (number, own) if part)


def _cores(server: Server) -> str:
    if server.cpu_cores is None:
        return NOTHING
    return with_noun(server.cpu_cores, "core")


def _contract(server: Server, now: datetime) -> list[Fact]:
    return [
        Fact("Price", price(server)),
        Fact("Invoice", billing(server)),
        Fact("Started", day(server.contract_starts_on)),
        Fact("Runs until", day(server.contract_ends_on), days_left(server, now)),
        Fact("Contract", server.contract_id or NOTHING, mono=True),
        Fact("Service level", server.sla.capitalize() or NOTHING),
        Fact("Offering", server.service_offering or NOTHING),
    ]


def _identity(server: Server) -> list[Fact]:
    return [
        Fact("Server id", server.upstream_id, mono=True),
        Fact("Reference", server.reference or "none"),
        Fact("Data centre", server.data_center or NOTHING),
        Fact("Customer", server.customer_id or NOTHING, mono=True),
        Fact("Cloud server id", server.cloud_server_id or NOTHING, mono=True),
        Fact("First seen", day(server.first_seen_at), "by this panel"),
    ]
