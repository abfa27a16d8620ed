"""How long to wait before a child that ended is started again."""

SHORTEST = 0.5
LONGEST = 30.0
HEALTHY_AFTER = 30.0
MOST_FAILURES = 8


class Backoff:
    """Doubles the wait with each quick end; a child that lived 30 seconds starts anew."""

    def __init__(self) -> None:
        self._failures = 0

    def failed(self, *, lived: float) -> float | None:
        """Seconds to wait before the next start, or None to give up. `lived` is in seconds."""
        if lived >= HEALTHY_AFTER:
            self._failures = 0
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            return None
        return min(SHORTEST * 2 ** (self._failures - 1), LONGEST)
