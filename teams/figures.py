"""Times, durations and sizes as people say them. Pure text; `{% load human %}` gives it to templates."""

from datetime import datetime, timedelta

from django.utils import timezone

NOTHING = "—"
MINUTE, HOUR, DAY = 60, 3600, 86400
LONGEST_AGE = 30 * DAY
BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def duration(value: float | timedelta | None) -> str:
    """Seconds in their two largest units, such as "3 min 20 s"."""
    if value is None:
        return NOTHING
    seconds = round(value.total_seconds() if isinstance(value, timedelta) else value)
    sign = "-" if seconds < 0 else ""
    return sign + _two_units(abs(seconds))


def size(amount: float | None, unit: str = "B") -> str:
    """An amount in the unit that Leaseweb gave; bytes become the largest fitting decimal unit."""
    if amount is None:
        return NOTHING
    if unit != "B":
        return f"{_grouped(amount)} {unit}".rstrip()
    step = 0
    while abs(amount) >= 999.5 and step < len(BYTE_UNITS) - 1:
        amount, step = amount / 1000, step + 1
    shown = f"{amount:.1f}".removesuffix(".0") if abs(amount) < 9.95 and step else f"{amount:.0f}"
    return f"{shown} {BYTE_UNITS[step]}"


def with_noun(number: int, noun: str) -> str:
    """A number with its noun, such as "1 day" or "1,200 days"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def age_text(value: datetime, now: datetime) -> str:
    """ "14 s ago", "in 5 min", or the date when it is more than 30 days away. app.js says the same words."""
    seconds = int((now - value).total_seconds())
    if abs(seconds) >= LONGEST_AGE:
        return minute(value)
    words = _one_unit(abs(seconds))
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def minute(value: datetime) -> str:
    local = timezone.localtime(value)
    return f"{local.day} {local:%b %Y, %H:%M}"


def full(value: datetime) -> str:
    local = timezone.localtime(value)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S} {local:%Z} (UTC{_offset(local)})"


def _offset(local: datetime) -> str:
    return f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]


def _one_unit(seconds: int) -> str:
    for length, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= length:
            return f"{seconds // length} {name}"
    return f"{seconds} s"


def _two_units(seconds: int) -> str:
    parts, rest = [], seconds
    for length, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {name}")
        if len(parts) == 2 or (parts and not count):
            break
    return " ".join(parts) or "0 s"


def _grouped(amount: float) -> str:
    return f"{amount:,.2f}".rstrip("0").rstrip(".")
