"""What is written while a page is only read, and how long that may wait for somebody else's lock.

SQLite has one lock for all writers, and gives an ordinary write twenty seconds for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.db import OperationalError, connection, transaction

log = structlog.get_logger()
MOMENT = timedelta(milliseconds=100)
# What the trail should have is worth more than what is only convenient.
FOR_THE_TRAIL = timedelta(seconds=1)


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
