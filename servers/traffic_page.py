"""What the page of a server's traffic shows: a range as a chart, as figures and as a table, and its month."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone

import audit.log
from servers import freshness
from servers.leaseweb import Granularity
from servers.models import Server, ServerReading
from servers.traffic import buckets, quota, series
from servers.traffic import chart as charts
from servers.traffic.months import months
from servers.traffic.ranges import GRANULARITIES, PRESETS, Range
from servers.traffic.reading import Part, look
from servers.traffic.series import Bucket
from servers.traffic.units import limit_text, volume
from servers.traffic_forms import RangeForm
from teams.access import Access
from teams.permissions import Permission

COLUMNS = ("from (UTC)", "to (UTC)", "up (bytes)", "down (bytes)", "total (bytes)")


@dataclass(frozen=True, slots=True)
class Preset:
    """A link to a range; `current` is that of the page."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a bucket in words."""

    label: str
    up: str
    down: str
    total: str


def context(access: Access, server: Server, query: QueryDict) -> dict[str, Any]:
    """Whatever the range, four queries, and two more when something has to be read. `form` knows about bad dates."""
    now = timezone.now()
    form = RangeForm(query, now)
    shown = form.asked()
    form.offer(shown)
    part = Part(shown.granularity, shown.start, shown.end)
    seen = look(server, part, now=now)
    return {
        "server": server,
        "form": form,
        "range": shown,
        "presets": _presets(shown),
        "as_of": seen.as_of(part),
        "csv_query": f"?{query.urlencode()}",
        "why_no_csv": access.why_not(Permission.EXPORT_LISTS, server),
        **status(server, seen.reading, waiting=seen.waiting, now=now),
        **figures(server, shown),
        **month(access, server, now),
    }


def figures(server: Server, shown: Range) -> dict[str, Any]:
    """The range as a chart, a summary and a table. One query."""
    found = series.load(server, shown, timezone.now())
    summed = series.summary(found)
    bars = series.in_total(found) if shown.is_total else found
    zone = timezone.get_current_timezone()
    say = charts.labeller(shown.shown, zone)
    line, line_text = _line(server, shown)
    return {
        "chart": charts.chart(bars, shown.shown, zone, limit=line),
        "line_text": line_text,
        "summary": summed,
        "per": GRANULARITIES[shown.granularity][1],
        "most": summed.peak.total if summed.peak else None,
        "peak_at": charts.labeller(shown.granularity, zone)(summed.peak) if summed.peak else "",
        "rows": [_row(bucket, say) for bucket in reversed(bars)],
        "by_hour": shown.granularity in (Granularity.HOUR, Granularity.FIVE_MINUTES),
    }


def month(access: Access, server: Server, now: datetime) -> dict[str, Any]:
    """The calendar month of a server against its limit. One query."""
    (found,) = months(access.servers().filter(pk=server.pk), now)
    return {
        "month": found.outlook,
        "month_read_at": found.read_at,
        "month_name": f"{buckets.begin(now, Granularity.MONTH):%B}",
        "how": quota.HOW,
        "why_no_quota": why_no_quota(access, server),
    }


def why_no_quota(access: Access, server: Server) -> str:
    """Why somebody cannot set a limit; empty when they can."""
    if quota.limit_of_server(server).source == quota.CONTRACT:
        return "The contract tells the limit of this server, so none can be set here."
    return access.why_not(Permission.TRAFFIC_QUOTA, server)


def status(server: Server, reading: ServerReading | None, *, waiting: bool, now: datetime) -> dict[str, Any]:
    """Whether figures are being read, and why they may be old."""
    return {
        "waiting": waiting,
        "trouble": reading.error if reading else "",
        "trouble_at": reading.error_at if reading else None,
        "correlation_id": reading.correlation_id if reading else "",
        "doubt": freshness.of_server(server, now),
        "live_ids": (server.pk,),
        "shown": "reading" if waiting else "",
    }


def live_context(server: Server, *, was_waiting: bool) -> dict[str, Any]:
    """What an open page is told: how the reading goes, and to load itself anew when it is over. One query."""
    reading = reading_of(server)
    waiting = reading is not None and reading.asked_at is not None
    told = status(server, reading, waiting=waiting, now=timezone.now())
    return {"server": server, **told, "moving": waiting, "reload": was_waiting and not waiting}


def reading_of(server: Server) -> ServerReading | None:
    return server.readings.filter(subject=ServerReading.Subject.TRAFFIC).first()


def _presets(shown: Range) -> list[Preset]:
    """A preset shows what fits it best, whatever was chosen for another range."""
    return [Preset(label, f"?range={name}", name == shown.preset) for name, label in PRESETS.items()]


def _line(server: Server, shown: Range) -> tuple[float | None, str]:
    """The limit as a line, and its words: that of a month, or in a single month its even share of a day."""
    limit = quota.limit_of_server(server)
    if limit.bytes is None:
        return None, ""
    if shown.shown is Granularity.MONTH:
        return float(limit.bytes), f"limit of a month, {limit_text(limit.bytes)}"
    if shown.shown is Granularity.DAY and shown.preset == "month":
        first, next_one = buckets.month_of(shown.start)
        share = limit.bytes / (next_one - first).days
        return share, f"even share of the limit, {volume(share)} a day"
    return None, ""


def _row(bucket: Bucket, say: Callable[[Bucket], str]) -> Row:
    return Row(say(bucket), volume(bucket.up), volume(bucket.down), volume(bucket.total))


# --- As a file --------------------------------------------------------------------------------------------------


def export_name(server: Server, shown: Range) -> str:
    return f"traffic-{server.upstream_id}-{shown.first_day}-{shown.last_day}"


def export_facts(shown: Range) -> audit.log.Fields:
    """What the trail says was taken."""
    return {
        "from": shown.start.isoformat(),
        "to": shown.end.isoformat(),
        "granularity": shown.shown.value,
    }


def export_rows(server: Server, shown: Range) -> Iterator[tuple[object, ...]]:
    """The buckets in whole bytes; a gap has empty cells. One query."""
    found = series.load(server, shown, timezone.now())
    for each in series.in_total(found) if shown.is_total else found:
        yield _utc(each.start), _utc(each.end), each.up, each.down, each.total


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def export_range(query: QueryDict) -> Range | None:
    """The range of a link to the file; None for dates that make none."""
    form = RangeForm(query, timezone.now())
    shown = form.asked()
    return None if form.wrong_dates else shown
