"""Which contracts end, and when: one page of them, and what there is in each month."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from audit.log import Fields
from servers import queries
from servers.models import Server
from teams.access import Access
from teams.keyset import Order, Page, page

ORDER = Order(("contract_ends_on", "name_key", "id"))
# Days ahead by the name of the choice; a year unless something else is asked for.
WITHIN: dict[str, int | None] = {"": 366, "30": 30, "90": 90, "all": None}


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for in the URL, already checked."""

    q: str = ""
    within: str = ""

    @property
    def narrowed(self) -> bool:
        return any((self.q, self.within))

    def told(self) -> Fields:
        """The filters as the audit trail tells of them."""
        return {name: value for name, value in asdict(self).items() if value}


def ending(access: Access, filters: Filters) -> QuerySet[Server]:
    """Servers with an end of their contract, those that have ended among them."""
    found = access.servers().filter(
        queries.conditions(access, queries.Filters(q=filters.q)), contract_ends_on__isnull=False
    )
    if (days := WITHIN[filters.within]) is not None:
        found = found.filter(contract_ends_on__lte=timezone.localdate() + timedelta(days=days))
    wanted = ("shown_name", *ORDER.fields, "contract_id", "price", "currency", "billing_frequency")
    return found.only(*wanted, "team_id").order_by(*ORDER.columns())


def contract_page(access: Access, filters: Filters, *, after: str = "", before: str = "") -> Page[Server]:
    return page(ending(access, filters), ORDER, after=after, before=before)


def months(access: Access, filters: Filters, shown: list[Server]) -> Iterable[Any]:
    """What ends in each month that `shown`, one page, touches: how many contracts, and the sum of those that are paid
    by the month, by currency. What has `ended` is a group of its own. One query."""
    today = timezone.localdate()
    days = [server.contract_ends_on for server in shown if server.contract_ends_on]
    ended = ExpressionWrapper(Q(contract_ends_on__lt=today), output_field=BooleanField())
    found = ending(access, filters).order_by().filter(_around(days, today))
    groups = found.annotate(ended=ended, month=TruncMonth("contract_ends_on"))
    by_month = Sum("price", filter=Q(billing_frequency__iexact="MONTH"))
    return groups.values("ended", "month", "currency").annotate(count=Count("pk"), paid=by_month)


def _around(days: list[date], today: date) -> Q:
    """Whole months, for sums that do not depend on where a page ends."""
    if not days:
        return Q(pk=None)
    first, last = days[0], days[-1]
    found = Q(contract_ends_on__lt=today) if last < today else Q(contract_ends_on__lte=_month_end(last))
    return found & Q(contract_ends_on__gte=max(first.replace(day=1), today)) if first >= today else found


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
