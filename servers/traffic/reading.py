"""Reads a server's traffic: the days of late by their turn, and any stretch that somebody looked at.

One reading asks Leaseweb twice at the most. What is told again overwrites what was told before; what is no longer
told is kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from servers import freshness
from servers.clock import scaled
from servers.leaseweb import Client, DataTraffic, Granularity, Refused, TrafficSeries
from servers.models import Server, ServerReading, TrafficPoint, TrafficSpan
from servers.traffic import buckets
from servers.traffic.coverage import Stretch, absorb, missing
from servers.traffic.units import MOST_OF_BUCKET, to_bytes
from teams.bookkeeping import bookkeeping

EVERY = timedelta(hours=6)
CALLS = 2
HISTORY = timedelta(days=400)
# A turn that comes while somebody's wish has just brought the days need not read them once more.
FRESH_FOR_TURN = timedelta(hours=5)
FRESH_FOR_EYES = timedelta(minutes=15)
# After a failure a page does not ask again at once.
PATIENCE = timedelta(minutes=5)
MOST_WISHES = 5


@dataclass(frozen=True, slots=True)
class Part:
    """What one call asks for; the ends are boundaries of buckets."""

    granularity: Granularity
    start: datetime
    end: datetime

    def holds(self, other: "Part") -> bool:
        """Whether asking for this tells what `other` asks for."""
        return self.granularity is other.granularity and self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Told:
    """The bytes of each bucket, by where it begins."""

    granularity: str
    up: dict[datetime, int]
    down: dict[datetime, int]


# --- By a worker ------------------------------------------------------------------------------------------------


def fetch(client: Client, server: Server) -> Callable[[ServerReading, datetime, int], tuple[()]]:
    """GET /virtualServers/{id}/metrics/datatraffic for what is due and for the oldest wish; gives back what writes
    it down.

    A wish is taken before it is asked for: one that Leaseweb refuses must not stand in the way of the next turn.
    """
    now = timezone.now()
    turn, wish = _turn(server, now), _take_wish(server)
    answers = [_ask_for_days(client, server, turn, now)] if turn else []
    if wish and not (turn and turn.holds(wish)):
        answers.append((wish, _ask(client, server, wish, now)))

    def write(reading: ServerReading, begun: datetime, seq: int) -> tuple[()]:
        for part, told in answers:
            _keep_points(reading.server, told)
            _keep_span(reading.server, part, begun)
        _wish_on(reading)
        return ()

    return write


def _turn(server: Server, now: datetime) -> Part | None:
    """The days of this and the last month, and all there may be at the first time; None when they were just read."""
    end = buckets.end(now, Granularity.DAY)
    known = stretches(server, Granularity.DAY)
    found = missing(known, end - HISTORY, end, now=now, fresh_for=scaled(FRESH_FOR_TURN))
    if found is None:
        return None
    return Part(Granularity.DAY, buckets.begin(min(found[0], _last_month(now)), Granularity.DAY), end)


def _last_month(now: datetime) -> datetime:
    return buckets.begin(buckets.begin(now, Granularity.MONTH) - timedelta(days=1), Granularity.MONTH)


def _ask_for_days(client: Client, server: Server, part: Part, now: datetime) -> tuple[Part, Told]:
    """Leaseweb does not say how far back one may ask; when it turns that down, the two months have to do."""
    try:
        return part, _ask(client, server, part, now)
    except Refused:
        recent = replace(part, start=_last_month(now))
        if recent == part:
            raise
        return recent, _ask(client, server, recent, now)


def _take_wish(server: Server) -> Part | None:
    wishes = TrafficSpan.objects.filter(server=server, asked_at__isnull=False)
    wish = wishes.order_by("asked_at", "pk").first()
    if wish is None:
        return None
    same = TrafficSpan.objects.filter(pk=wish.pk)
    same.update(asked_at=None)
    same.filter(read_at=None).delete()
    return Part(Granularity(wish.granularity), wish.start, wish.end)


def _ask(client: Client, server: Server, part: Part, now: datetime) -> Told:
    """Nothing is asked of the future: nobody says what Leaseweb would answer."""
    end = max(min(part.end, now.astimezone(UTC)), part.start + timedelta(seconds=1))
    told = client.data_traffic(
        server.upstream_id, granularity=part.granularity, start=part.start, end=end.replace(microsecond=0)
    )
    return understood(told)


def understood(told: DataTraffic) -> Told:
    """An answer in bytes and buckets. Its granularity counts, which need not be the one that was asked for.

    Raises UnknownUnit, and TooMuch.
    """
    if told.granularity is Granularity.NONE:
        return Told("", {}, {})
    up, down = (_by_bucket(series, told.granularity) for series in (told.up, told.down))
    return Told(told.granularity.value, up, down)


def _by_bucket(series: TrafficSeries, granularity: Granularity) -> dict[datetime, int]:
    amounts: dict[datetime, Decimal] = {}
    for at, value in {point.at: point.value for point in series.points}.items():
        start = buckets.begin(at, granularity)
        amounts[start] = amounts.get(start, Decimal(0)) + value
    return {start: to_bytes(amount, series.unit, most=MOST_OF_BUCKET) for start, amount in amounts.items()}


def _keep_points(server: Server, told: Told) -> None:
    """Only what is new or different is written."""
    starts = told.up.keys() | told.down.keys()
    if not starts:
        return
    same = TrafficPoint.objects.filter(server=server, granularity=told.granularity)
    kept = {point.at: point for point in same.filter(at__gte=min(starts), at__lte=max(starts))}
    changed = [point for point in (_point(server, told, at, kept.get(at)) for at in sorted(starts)) if point]
    TrafficPoint.objects.bulk_create(
        changed,
        batch_size=500,
        update_conflicts=True,
        unique_fields=("server", "granularity", "at"),
        update_fields=("up", "down"),
    )


def _point(server: Server, told: Told, at: datetime, kept: TrafficPoint | None) -> TrafficPoint | None:
    """The point to write; None when it is kept like that already. A direction that is not told any more stays."""
    up = told.up.get(at, kept.up if kept else None)
    down = told.down.get(at, kept.down if kept else None)
    if kept is not None and (kept.up, kept.down) == (up, down):
        return None
    return TrafficPoint(server=server, granularity=told.granularity, at=at, up=up, down=down)


def _keep_span(server: Server, part: Part, begun: datetime) -> None:
    granularity = part.granularity
    new, replaced = absorb(Stretch(part.start, part.end, begun), stretches(server, granularity))
    same = TrafficSpan.objects.filter(server=server, granularity=granularity.value)
    for old in replaced:
        same.filter(start=old.start, end=old.end, asked_at=None).delete()
    TrafficSpan.objects.update_or_create(
        server=server,
        granularity=granularity.value,
        start=new.start,
        end=new.end,
        defaults={"read_at": begun},
    )


def _wish_on(reading: ServerReading) -> None:
    """As long as somebody waits for another stretch, the server's traffic stays wanted."""
    if TrafficSpan.objects.filter(server=reading.server_id, asked_at__isnull=False).exists():
        ServerReading.objects.filter(pk=reading.pk).update(asked_at=Now())


def stretches(server: Server, granularity: Granularity) -> list[Stretch]:
    """What was read of a server."""
    read = TrafficSpan.objects.filter(server=server, granularity=granularity.value, read_at__isnull=False)
    return as_stretches(read)


def as_stretches(spans: Iterable[TrafficSpan]) -> list[Stretch]:
    return [Stretch(span.start, span.end, span.read_at) for span in spans if span.read_at is not None]


# --- For somebody who looks -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a stretch: what was read of it, the trouble of the last reading, and whether one is going on."""

    known: list[Stretch]
    reading: ServerReading | None
    waiting: bool

    def as_of(self, part: Part) -> datetime | None:
        """When the newest figures of a part were read; None when none of it ever was."""
        touching = [each for each in self.known if each.start < part.end and part.start < each.end]
        return max((min(each.end, part.end), each.read_at) for each in touching)[1] if touching else None


def look(server: Server, part: Part, *, now: datetime) -> Look:
    """Somebody looks at a stretch: have what is missing or old in it read.

    Asks nothing about a server that is out of reach, nothing that was just read, and nothing right after a failure.
    `server` comes with its key.
    """
    reading = ServerReading.objects.filter(server=server, subject=ServerReading.Subject.TRAFFIC).first()
    waiting = reading is not None and reading.asked_at is not None
    known = stretches(server, part.granularity)
    found = missing(known, part.start, part.end, now=now, fresh_for=FRESH_FOR_EYES)
    if found is None or freshness.out_of_reach(server) or _failed_lately(reading, now):
        return Look(known, reading, waiting)
    with bookkeeping("a wish to read traffic"):
        _wish(server, Part(part.granularity, buckets.begin(found[0], part.granularity), found[1]))
        waiting = True
    return Look(known, reading, waiting)


def _failed_lately(reading: ServerReading | None, now: datetime) -> bool:
    return reading is not None and reading.error_at is not None and now - reading.error_at < PATIENCE


@transaction.atomic
def _wish(server: Server, part: Part) -> None:
    wishes = TrafficSpan.objects.filter(server=server, asked_at__isnull=False)
    if wishes.count() < MOST_WISHES:
        TrafficSpan.objects.update_or_create(
            server=server,
            granularity=part.granularity.value,
            start=part.start,
            end=part.end,
            defaults={"asked_at": Now()},
        )
    ServerReading.objects.update_or_create(
        server=server, subject=ServerReading.Subject.TRAFFIC, defaults={"asked_at": Now()}
    )
