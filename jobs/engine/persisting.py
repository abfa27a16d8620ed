"""Writes down what Leaseweb answered, although the database may not take it this very moment."""

from collections.abc import Callable

import structlog

from servers.leaseweb import Sent
from teams.bookkeeping import persistently

log = structlog.get_logger()
# Seconds between the tries, ten minutes in all. By then a job counts as uncertain for long.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, *[15.0] * 39)


def write_answer(write: Callable[[], None], sent: Sent, *, job_id: int) -> None:
    """Call `write`, again and again for ten minutes while the database is locked, full or away.

    `write` has to cope with a job that somebody else moved on meanwhile. The answer is in the log in any case.
    """
    persistently(write, pauses=PAUSES, tell=lambda error: _tell(error, sent, job_id))


def _tell(error: Exception, sent: Sent, job_id: int) -> None:
    log.warning(
        "the answer of Leaseweb cannot be written yet",
        job=job_id,
        outcome=str(sent.outcome),
        status=sent.status,
        correlation_id=sent.correlation_id,
        error=str(error)[:200],
    )
