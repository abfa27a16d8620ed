"""What the team's page of traffic shows: its months, and the servers that use most."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from servers.leaseweb import Granularity
from servers.traffic import buckets, quota
from servers.traffic.months import Month, months
from servers.traffic.quota import Outlook
from servers.traffic.series import add
from teams.access import Access
from teams.keyset import Key, page_of_sorted
from teams.links import row_link
from teams.listing import Heading, pager_urls, place

SORTS = {"use": "This month", "percent": "Of the limit"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line: a server's month and where it leads."""

    month: Month
    url: str


def context(access: Access, query: QueryDict) -> dict[str, Any]:
    """One query, however many servers there are."""
    now = timezone.now()
    servers = months(access.servers(), now)
    every = [each for each in servers if each.outlook.use.so_far is not None]
    forecast, without = _forecast([each.outlook for each in every])
    sort = query.get("sort", "use")
    sort = sort if sort in SORTS else "use"
    key = _by_percent if sort == "percent" else _by_use
    found = page_of_sorted(sorted(every, key=key), key, **place(query))
    return {
        "rows": _rows(access, found.rows),
        **pager_urls(query, found),
        "headings": {name: _heading(name, label, sort) for name, label in SORTS.items()},
        "known": len(every),
        "silent": sum(not each.gone for each in servers if each.outlook.use.so_far is None),
        "total": add(*(each.outlook.use.so_far for each in every)),
        "forecast": forecast,
        "without_forecast": without,
        "over": sum(each.outlook.tone == "danger" for each in every),
        "crossing": sum(each.outlook.tone == "warn" for each in every),
        "oldest": min((each.read_at for each in every if each.read_at and not each.gone), default=None),
        "month_name": f"{buckets.begin(now, Granularity.MONTH):%B %Y}",
        "how": quota.HOW,
    }


def _by_use(month: Month) -> Key:
    return -(month.outlook.use.so_far or 0), month.name, month.server_id


def _by_percent(month: Month) -> Key:
    """Servers without a limit come last, by their use."""
    percent = month.outlook.percent
    return (1.0 if percent is None else -percent, *_by_use(month))


def _rows(access: Access, shown: list[Month]) -> list[Row]:
    link = row_link("servers:server_traffic", access.team.slug)
    return [Row(each, link(each.server_id)) for each in shown]


def _heading(name: str, label: str, sort: str) -> Heading:
    """Both sort the largest first; there is no use for the smallest."""
    return Heading(label, f"?sort={name}", "descending" if name == sort else "")


def _forecast(outlooks: list[Outlook]) -> tuple[int, int]:
    """The sum of the forecasts, and how many servers have none; those count with what they used so far."""
    known = [each.forecast for each in outlooks]
    used = [each.use.so_far or 0 for each in outlooks if each.forecast is None]
    return sum(each or 0 for each in known) + sum(used), len(used)
