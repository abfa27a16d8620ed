"""When contracts end: the page of a team, month by month, and the same as a calendar file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from servers import facts
from servers.ical import Event, calendar
from servers.models import Server
from teams.access import Access
from teams.figures import NOTHING
from teams.links import row_link
from teams.permissions import Permission

MOST_ROWS = 1000
AHEAD = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Ending:
    """A contract that ends, as a line."""

    name: str
    url: str
    on: str
    left: str
    soon: bool
    price: str
    contract: str


@dataclass(frozen=True, slots=True)
class Month:
    """The contracts that end in one month, and what those that are paid by the month cost together, by currency."""

    title: str
    endings: list[Ending]
    sums: list[str]


def context(access: Access) -> dict[str, Any]:
    """What ends within a year, and what has ended. Two queries, however many servers there are."""
    found = list(_ending(access).filter(contract_ends_on__lte=timezone.localdate() + AHEAD)[: MOST_ROWS + 1])
    return {
        "months": _months(access, found[:MOST_ROWS]),
        "cut": MOST_ROWS if len(found) > MOST_ROWS else 0,
        "without_end": access.servers().filter(gone_at=None, contract_ends_on=None).count(),
        "why_no_export": access.why_not(Permission.EXPORT_LISTS),
    }


def ending_soon(access: Access) -> int:
    """How many contracts end within 30 days, or have ended."""
    return _ending(access).filter(contract_ends_on__lte=timezone.localdate() + facts.ENDS_SOON).count()


def _ending(access: Access) -> QuerySet[Server]:
    here = access.servers().filter(gone_at=None, contract_ends_on__isnull=False)
    wanted = ("shown_name", "contract_ends_on", "contract_id", "price", "currency", "billing_frequency")
    return here.only(*wanted, "team_id").order_by("contract_ends_on", "shown_name", "pk")


def _months(access: Access, servers: list[Server]) -> list[Month]:
    link = row_link("servers:server_detail", access.team.slug)
    months: dict[str, list[Server]] = {}
    for server in servers:
        months.setdefault(_title(server.contract_ends_on), []).append(server)
    return [
        Month(title, [_line(each, link(each.pk)) for each in group], _sums(group))
        for title, group in months.items()
    ]


def _title(ends_on: date | None) -> str:
    if ends_on is None or ends_on < timezone.localdate():
        return "Ended"
    return f"{ends_on:%B %Y}"


def _line(server: Server, url: str) -> Ending:
    now = timezone.now()
    return Ending(
        name=server.shown_name,
        url=url,
        on=facts.day(server.contract_ends_on),
        left=facts.days_left(server, now),
        soon=facts.ends_soon(server, now),
        price=facts.price(server),
        contract=server.contract_id or NOTHING,
    )


def _sums(servers: list[Server]) -> list[str]:
    sums: dict[str, Decimal] = {}
    for server in servers:
        if server.price is not None and server.billing_frequency.upper() == "MONTH":
            sums[server.currency] = sums.get(server.currency, Decimal(0)) + server.price
    return [
        f"{amount:,.2f} {currency} per month".replace("  ", " ") for currency, amount in sorted(sums.items())
    ]


def file(access: Access) -> str:
    """All known ends as iCalendar, those of the past left out."""
    upcoming = _ending(access).filter(contract_ends_on__gte=timezone.localdate())
    return calendar(f"Contracts of {access.team.name}", _events(access, upcoming), now=timezone.now())


def _events(access: Access, servers: QuerySet[Server]) -> Iterator[Event]:
    link = row_link("servers:server_detail", access.team.slug)
    host = settings.PUBLIC_URL.partition("://")[2]
    for server in servers.iterator(chunk_size=500):
        if server.contract_ends_on is not None:
            yield Event(
                uid=f"contract-of-server-{server.pk}@{host}",
                on=server.contract_ends_on,
                summary=f"Contract of {server.shown_name} ends",
                description=f"Contract {server.contract_id or 'without an id'}, {facts.price(server)}.",
                url=urljoin(settings.PUBLIC_URL, link(server.pk)),
            )
