"""How much traffic a month may take, how much it took, and where that leads. Pure.

A month is a calendar month in UTC; what went up and what came down both count, in decimal units.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from servers.leaseweb import BadAnswer
from servers.models import Server
from servers.traffic.buckets import month_of
from servers.traffic.units import to_bytes, volume

FEWEST_DAYS = 3
LOOKS_BACK = timedelta(days=7)
DAY = timedelta(days=1)
CONTRACT, PANEL = "from the contract", "set in this panel"
HOW = (
    "Forecast: what this month took so far, plus the mean of the days with figures among the last 7 full days, for "
    "each day that is left."
)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a month may take, in bytes, and who says so. Without one, `trouble` may say why it cannot be used."""

    bytes: int | None = None
    source: str = ""
    trouble: str = ""


def limit_of(amount: int | None, unit: str, ours: int | None) -> Limit:
    """The contract's limit where it tells one, else ours."""
    if not amount:
        return Limit(ours, PANEL) if ours else Limit()
    try:
        return Limit(to_bytes(amount, unit), CONTRACT)
    except BadAnswer:
        trouble = f"The contract includes {amount:,} “{unit}”, a unit that this panel does not know."
        return Limit(ours, PANEL, trouble) if ours else Limit(trouble=trouble)


def limit_of_server(server: Server) -> Limit:
    return limit_of(server.traffic_limit, server.traffic_unit, server.quota_bytes)


@dataclass(frozen=True, slots=True)
class Use:
    """What is known of a month: bytes so far (None: no figure yet), and bytes and number of the last full days."""

    so_far: int | None
    lately: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Outlook:
    """A month against its limit. `percent` is of the limit; `tone` is that of a badge: good, warn, danger or empty."""

    use: Use
    limit: Limit
    percent: float | None
    forecast: int | None
    verdict: str
    tone: str = ""

    @property
    def filled(self) -> float:
        """How much of a bar from 0 to 100 is full."""
        return min(self.percent or 0.0, 100.0)

    @property
    def heading_for(self) -> float | None:
        """Where the forecast stands in the same bar."""
        if self.forecast is None or not self.limit.bytes:
            return None
        return min(100 * self.forecast / self.limit.bytes, 100.0)


def outlook(use: Use, limit: Limit, now: datetime) -> Outlook:
    """Judge a month by the figures there are."""
    used, mean = use.so_far or 0, use.lately / use.days if use.days >= FEWEST_DAYS else None
    left = (month_of(now)[1] - now) / DAY
    forecast = None if mean is None or use.so_far is None else round(used + mean * left)
    percent = 100 * used / limit.bytes if limit.bytes and use.so_far is not None else None
    verdict, tone = _verdict(used, mean, limit, now) if use.so_far is not None else ("no figures yet", "")
    return Outlook(use, limit, percent, forecast, verdict, tone)


def _verdict(used: int, mean: float | None, limit: Limit, now: datetime) -> tuple[str, str]:
    if not limit.bytes:
        return "no limit known", ""
    if used >= limit.bytes:
        return f"is over its limit by {volume(used - limit.bytes)}", "danger"
    if mean is None:
        return "not enough data yet for a forecast", ""
    crossing = _crossing(limit.bytes - used, mean, now)
    if crossing is None:
        return "stays below its limit this month", "good"
    return f"crosses its limit on the {ordinal(crossing.day)}", "warn"


def _crossing(room: int, mean: float, now: datetime) -> datetime | None:
    """When what is left is used up at this pace; None when that is after the end of the month."""
    if mean <= 0:
        return None
    left = month_of(now)[1] - now
    return now + DAY * (room / mean) if room / mean < left / DAY else None


def ordinal(number: int) -> str:
    """ "1st", "22nd", "13th"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
