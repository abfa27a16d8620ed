"""Leases of readings: short, so that what a dead reader held is soon free, and renewed as long as the reader lives."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.db import DatabaseError, connection
from django.db.models import Model, QuerySet
from django.db.models.functions import Now

from servers.clock import after, scaled

log = structlog.get_logger()
LEASE = timedelta(seconds=15)
RENEW_EVERY = timedelta(seconds=4)


@contextmanager
def renewed(held: QuerySet[Model], moment: str) -> Iterator[None]:
    """Keep the lease that stands in the column `moment` of the rows `held` until the block ends.

    Only a lease that has not run out is renewed: one that has may be somebody else's by now.
    """
    over = threading.Event()
    valid = held.filter(**{f"{moment}__gt": Now()})
    threading.Thread(target=_renew, args=(valid, moment, over), name="lease", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _renew(valid: QuerySet[Model], moment: str, over: threading.Event) -> None:
    pause = scaled(RENEW_EVERY).total_seconds()
    while not over.wait(pause):
        try:
            valid.update(**{moment: after(LEASE)})
        except DatabaseError as error:
            # The reader goes on; if this lasts, the lease runs out and somebody else reads, too.
            log.warning("lease not renewed", error=type(error).__name__)
        finally:
            connection.close()
