"""Writes down what Leaseweb answered, although the database may not take it this very moment."""

import threading
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError, connection

from servers.leaseweb import Sent

log = structlog.get_logger()
# Seconds between the tries, ten minutes in all. By then a job counts as uncertain for long.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, *[15.0] * 39)


def write_answer(write: Callable[[], None], sent: Sent, *, job_id: int) -> None:
    """Call `write`, again and again for ten minutes while the database is locked, full or away.

    `write` has to cope with having been carried out, and with a job that somebody else moved on meanwhile. The answer
    is in the log in any case. Raises what the last try raised.
    """
    for pause in PAUSES:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            _tell(error, sent, job_id)
            connection.close_if_unusable_or_obsolete()
            threading.Event().wait(pause)
    return write()


def _tell(error: Exception, sent: Sent, job_id: int) -> None:
    log.warning(
        "the answer of Leaseweb cannot be written yet",
        job=job_id,
        outcome=str(sent.outcome),
        status=sent.status,
        correlation_id=sent.correlation_id,
        error=str(error)[:200],
    )
