"""The engine: moves jobs on, and is the only one that does.

`advance` writes a status, `submit` sends a queued job, `poll` reads for the jobs of a key, `tick` decides what time
alone decides and says what has to be rung. None of them keeps anything in memory between calls.
"""

from jobs.engine.observing import poll
from jobs.engine.running import run_once
from jobs.engine.sending import submit
from jobs.engine.ticking import Rings, tick
from jobs.engine.transition import IllegalTransition, Note, StaleWriter, advance

__all__ = [
    "IllegalTransition",
    "Note",
    "Rings",
    "StaleWriter",
    "advance",
    "poll",
    "run_once",
    "submit",
    "tick",
]
