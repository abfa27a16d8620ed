"""Writes a calendar of whole days as iCalendar (RFC 5545): so little of it that a library would be the larger half."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LONGEST_LINE = 75
ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


@dataclass(frozen=True, slots=True)
class Event:
    """A whole day. `uid` stays the same when the calendar is loaded again, so that nothing stands there twice."""

    uid: str
    on: date
    summary: str
    description: str
    url: str


def calendar(name: str, events: Iterable[Event], *, now: datetime, about: str = "") -> str:
    """The text of a calendar called `name`, lines folded at 75 octets and ended by CRLF; `now` is aware.

    `about` is a description of the whole, if there is one.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//lswpanel//contracts//EN",
        f"X-WR-CALNAME:{text(name)}",
    ]
    if about:
        lines.append(f"X-WR-CALDESC:{text(about)}")
    for event in events:
        lines += _event(event, now)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in fold(line))


def _event(event: Event, now: datetime) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{text(event.uid)}",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{event.on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{event.on + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{text(event.summary)}",
        f"DESCRIPTION:{text(event.description)}",
        f"URL:{event.url}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def text(value: str) -> str:
    """A text value: what has a meaning is escaped, and other control characters are left out."""
    plain = "".join(each for each in value if each == "\n" or (each.isprintable() or each == "\t"))
    return plain.translate(ESCAPES)


def fold(line: str) -> Iterator[str]:
    """The line in pieces of at most 75 octets, never inside a character; the later ones begin with a space."""
    piece, size = "", 0
    for each in line:
        octets = len(each.encode())
        if size + octets > LONGEST_LINE:
            yield piece
            piece, size = " ", 1
        piece, size = piece + each, size + octets
    yield piece
