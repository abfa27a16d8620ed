"""How long to wait before a child that ended is started again. It is never given up: what ended it may pass."""

SHORTEST = 0.5
LONGEST = 30.0
HEALTHY_AFTER = 30.0


class Backoff:
    """Doubles the wait with each quick end; a child that lived 30 seconds starts anew."""

    def __init__(self) -> None:
        self._wait = SHORTEST

    def failed(self, *, lived: float) -> float:
        """Seconds to wait before the next start. `lived` is in seconds."""
        wait = SHORTEST if lived >= HEALTHY_AFTER else self._wait
        self._wait = min(wait * 2, LONGEST)
        return wait
