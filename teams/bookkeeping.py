"""What may be left unwritten while the database takes nothing, and what is tried again until it does.

SQLite has one lock for all writers, and gives an ordinary write twenty seconds for it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import ParamSpec

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

log = structlog.get_logger()
MOMENT = timedelta(milliseconds=100)
# What the trail should have is worth more than what is only convenient.
FOR_THE_TRAIL = timedelta(seconds=1)
# Seconds between the tries to write what a person waits for.
PAUSES = (0.5, 1.0, 2.0)
P = ParamSpec("P")


class NotRecorded(Exception):
    """What has to be in the audit trail could not be written there, so it was not done."""


@contextmanager
def bookkeeping(what: str, *, wait: timedelta = MOMENT) -> Iterator[None]:
    """Write what the page does without: after `wait`, or on a full disk, it is skipped and logged."""
    try:
        with _patience(wait):
            yield
    except OperationalError as error:
        log.warning("not written", what=what, error=str(error).strip()[:200])


@contextmanager
def recorded(*, wait: timedelta = FOR_THE_TRAIL) -> Iterator[None]:
    """Write what the answer must not go without. Raises NotRecorded when that cannot be done within `wait`."""
    try:
        with _patience(wait):
            yield
    except OperationalError as error:
        log.warning("refused, since it cannot be recorded", error=str(error).strip()[:200])
        raise NotRecorded from error


def persistently(
    write: Callable[[], None], *, pauses: Sequence[float], tell: Callable[[Exception], None]
) -> None:
    """Call `write` again while the database is locked, full or away, after each of `pauses` (seconds).

    `write` has to cope with having been carried out. `tell` is called with each failure; the last one is raised.
    """
    for pause in pauses:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            tell(error)
            connection.close_if_unusable_or_obsolete()
            threading.Event().wait(pause)
    return write()


def persistent(write: Callable[P, None]) -> Callable[P, None]:
    """For a transaction of its own that keeps what Leaseweb answered while a person waits."""

    @wraps(write)
    def tried(*args: P.args, **kwargs: P.kwargs) -> None:
        persistently(lambda: write(*args, **kwargs), pauses=PAUSES, tell=_say_again)

    return tried


def _say_again(error: Exception) -> None:
    log.warning("not written yet; trying again", error=str(error).strip()[:200])


@contextmanager
def _patience(wait: timedelta) -> Iterator[None]:
    milliseconds = round(wait.total_seconds() * 1000)
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        (usual,) = connection.connection.execute("PRAGMA busy_timeout").fetchone()
        connection.connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
        try:
            yield
        finally:
            connection.connection.execute(f"PRAGMA busy_timeout = {usual}")
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")
        yield
