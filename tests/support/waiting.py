"""The one place where tests wait for something that no event announces."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.02


def wait_for(condition: Callable[[], T], *, what: str, seconds: float = 90.0, pause: float = PAUSE) -> T:
    """Ask `condition` until its answer is true, and return that answer.

    `seconds` bounds a failure and is never the pace of a success; `pause` is for questions that cost something.
    Raises AssertionError, naming `what`, when the time is over.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
    return answer
