"""Named places between the steps of the engine.

Nobody listens in production. The crash tests listen, and kill the process right there: around every commit and
around the first byte to Leaseweb.
"""

from collections.abc import Callable

PLACES = (
    "claimed",
    "read_before_sending",
    "before_sending_commit",
    "after_sending_commit",
    "before_first_byte",
    "after_last_byte",
    "status_line",
    "before_outcome_commit",
    "after_outcome_commit",
    "before_verdict_commit",
    "after_verdict_commit",
)

listeners: list[Callable[[str, int], None]] = []


def reached(place: str, job_id: int) -> None:
    for listener in listeners:
        listener(place, job_id)
