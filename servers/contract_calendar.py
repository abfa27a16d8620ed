"""When contracts end: the page of a team, month by month, and the same as a calendar file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from servers import contract_queries, facts
from servers.contract_queries import Filters
from servers.forms import ContractFilterForm
from servers.ical import Event, calendar
from servers.models import Server
from teams.access import Access
from teams.figures import NOTHING
from teams.links import row_link
from teams.listing import counted, export_button, pager_urls, place

ENDED = "Ended"
MOST_EVENTS = 1000
CUT = f"The first {MOST_EVENTS:,} ends only. Narrow the list of contracts to get others."


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


@dataclass(slots=True)
class Month:
    """The contracts that end in one month: how many, what those that are paid by the month cost together, by currency,
    and those of them that are on this page."""

    title: str
    count: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    endings: list[Ending] = field(default_factory=list)

    def add(self, count: int, currency: str, paid: Decimal | None) -> None:
        self.count += count
        if paid is not None:
            self.sums[currency] = self.sums.get(currency, Decimal(0)) + paid

    @property
    def costs(self) -> list[str]:
        found = sorted(self.sums.items())
        return [f"{paid:,.2f} {currency} per month".replace("  ", " ") for currency, paid in found]


def context(access: Access, query: QueryDict) -> dict[str, Any]:
    """One page of what ends soon, or has ended. Four queries, however many servers there are."""
    form = ContractFilterForm(query)
    filters = form.filters()
    found = contract_queries.contract_page(access, filters, **place(query))
    count = counted(contract_queries.ending(access, filters))
    return {
        "form": form,
        "filters": filters,
        "months": _months(access, filters, found.rows),
        "later": not found.rows and contract_queries.ending(access, Filters(within="all")).exists(),
        "shown": len(found.rows),
        "count": count,
        "most_events": MOST_EVENTS if count.endswith("+") else 0,
        "without_end": access.servers().filter(gone_at=None, contract_ends_on=None).count(),
        **export_button(access, "servers:contract_export", query, found),
        **pager_urls(query, found),
    }


def ending_soon(access: Access) -> int:
    """How many contracts end within 30 days, or have ended."""
    return contract_queries.ending(access, Filters(within="30")).count()


def _months(access: Access, filters: Filters, servers: list[Server]) -> list[Month]:
    link = row_link("servers:server_detail", access.team.slug)
    months: dict[str, Month] = {}
    for server in servers:
        month = months.setdefault(_title(server.contract_ends_on), Month(_title(server.contract_ends_on)))
        month.endings.append(_line(server, link(server.pk)))
    for each in contract_queries.months(access, filters, servers):
        title = ENDED if each["ended"] else _title(each["month"], whole=True)
        if title in months:
            months[title].add(each["count"], each["currency"], each["paid"])
    return list(months.values())


def _title(day: date | None, *, whole: bool = False) -> str:
    """The group that a day belongs to; `whole` for a month that is known not to be over."""
    if day is None or (day < timezone.localdate() and not whole):
        return ENDED
    return f"{day:%B %Y}"


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


def file(access: Access, filters: Filters) -> str:
    """The ends to come as iCalendar, as far as the filters let them and the file has room."""
    upcoming = contract_queries.ending(access, filters).filter(contract_ends_on__gte=timezone.localdate())
    events = list(_events(access, upcoming[: MOST_EVENTS + 1]))
    about = CUT if len(events) > MOST_EVENTS else ""
    name = f"Contracts of {access.team.name}"
    return calendar(name, events[:MOST_EVENTS], now=timezone.now(), about=about)


def _events(access: Access, servers: QuerySet[Server]) -> Iterator[Event]:
    link = row_link("servers:server_detail", access.team.slug)
    host = settings.PUBLIC_URL.partition("://")[2]
    for server in servers:
        if server.contract_ends_on is not None:
            yield Event(
                uid=f"contract-of-server-{server.pk}@{host}",
                on=server.contract_ends_on,
                summary=f"Contract of {server.shown_name} ends",
                description=f"Contract {server.contract_id or 'without an id'}, {facts.price(server)}.",
                url=urljoin(settings.PUBLIC_URL, link(server.pk)),
            )
