"""Does what a tick rings in this very process, one after the other: for use without a broker."""

from collections.abc import Callable

import audit.verification
from audit.checkpoints import making
from jobs.engine import reading
from jobs.engine.observing import poll
from jobs.engine.sending import submit
from jobs.engine.ticking import Rings, tick


def run_once(stop: Callable[[], bool] = lambda: False) -> Rings:
    """One tick and all that it rings; once `stop` says so, what is left waits for the next tick."""
    rings = tick()
    for work, ids in _work(rings):
        for pk in ids:
            if stop():
                return rings
            work(pk)
    return rings


def _work(rings: Rings) -> tuple[tuple[Callable[[int], object], tuple[int, ...]], ...]:
    return (
        (submit, rings.submits),
        (poll, rings.polls),
        (reading.read_server, rings.refreshes),
        (reading.read_snapshot, rings.snapshots),
        (reading.read_key, rings.syncs),
        (reading.read_detail, rings.details),
        (reading.read_details, rings.turns),
        (audit.verification.run, rings.verifications),
        (making.sign_next, rings.checkpoints),
    )
