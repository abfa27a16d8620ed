"""What servers used of their month, from the days that are kept. One query, however many servers there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from servers.leaseweb import Granularity
from servers.models import Server, ServerReading, TrafficPoint
from servers.traffic import buckets
from servers.traffic.quota import LOOKS_BACK, Outlook, Use, limit_of, outlook


@dataclass(frozen=True, slots=True)
class Month:
    """A server's month; `read_at` says how old the figures are."""

    server_id: int
    name: str
    gone: bool
    read_at: datetime | None
    outlook: Outlook


def months(servers: QuerySet[Server], now: datetime) -> list[Month]:
    """The month of each of these servers, in no order."""
    today, month = buckets.begin(now, Granularity.DAY), buckets.begin(now, Granularity.MONTH)
    week = today - LOOKS_BACK
    # A day to come was moved by nobody, whatever Leaseweb tells of it.
    span = Q(traffic__at__gte=min(week, month), traffic__at__lte=today)
    days = Q(span, traffic__granularity=TrafficPoint.Granularity.DAY)
    both = Coalesce(F("days__up"), Value(0)) + Coalesce(F("days__down"), Value(0))
    full = Q(days__at__gte=week, days__at__lt=today)
    reading = ServerReading.objects.filter(server=OuterRef("pk"), subject=ServerReading.Subject.TRAFFIC)
    found = (
        servers.order_by()
        .annotate(days=FilteredRelation("traffic", condition=days))
        .annotate(days_read_at=Subquery(reading.values("read_at")))
        .values("pk", "shown_name", "gone_at", "traffic_limit", "traffic_unit", "quota_bytes", "days_read_at")
        .annotate(
            used=Sum(both, filter=Q(days__at__gte=month)),
            lately=Sum(both, filter=full),
            lately_days=Count("days__id", filter=full),
        )
    )
    return [_month(dict(row), now) for row in found]


def _month(row: dict[str, Any], now: datetime) -> Month:
    limit = limit_of(row["traffic_limit"], row["traffic_unit"], row["quota_bytes"])
    use = Use(row["used"], row["lately"] or 0, row["lately_days"])
    gone = row["gone_at"] is not None
    return Month(row["pk"], row["shown_name"], gone, row["days_read_at"], outlook(use, limit, now))
