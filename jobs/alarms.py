"""What keeps the whole panel from its work, for everybody who is signed in: said on every page."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, Subquery

from jobs import words
from jobs.models import Heartbeat, SendCounter
from servers.clock import lately
from teams.figures import minute

NOTHING_MOVES_AFTER = timedelta(seconds=30)
LIVES = timedelta(seconds=10)
# What SQLite may want for its log of writes, and some more.
FULL_BELOW = 16 * 1024 * 1024
KEPT = (
    "What you ask for is kept, and sent when it is back; if that takes too long it is dropped, and says so."
)
FULL = (
    "The disk that holds the panel's database is full. Pages can be read, but nothing new can be saved or sent until "
    "there is room again."
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """`word` names it, so that an open page knows whether it shows it already."""

    word: str
    text: str


def of_panel() -> list[Alarm]:
    """Asked by every page and every look for changes; one query."""
    found = list(_of_engine())
    return [*found, Alarm("full", FULL)] if _disk_is_full() else found


def shown(alarms: list[Alarm]) -> str:
    """What a page shows of them, in a word."""
    return "-".join(alarm.word for alarm in alarms)


def _of_engine() -> Iterator[Alarm]:
    """Empty as long as the database was never prepared for a panel that runs."""
    hearts = Heartbeat.objects.order_by()
    workers = hearts.exclude(driver=Heartbeat.Driver.START).filter(lately("at", LIVES))
    ticks = hearts.filter(ticked_at__isnull=False).order_by("-ticked_at").values("ticked_at")
    row = SendCounter.objects.filter(pk=SendCounter.ROW).values(
        "held_at",
        last=Subquery(ticks[:1]),
        moves=Exists(hearts.filter(lately("ticked_at", NOTHING_MOVES_AFTER))),
        silent=Exists(workers.filter(trouble=Heartbeat.Trouble.BROKER)),
    )
    for found in row:
        if found["held_at"]:
            yield Alarm("held", words.HELD_BACK)
        if found["silent"]:
            yield Alarm("broker", f"The panel's message broker does not answer. {KEPT}")
        elif found["last"] and not found["moves"]:
            yield Alarm(
                "still", f"Nothing is read or sent since {minute(found['last'])}: no worker reports. {KEPT}"
            )


def _disk_is_full() -> bool:
    file: Path | None = settings.DATABASE_FILE
    return file is not None and shutil.disk_usage(file.parent).free < FULL_BELOW
