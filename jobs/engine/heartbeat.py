"""Shows that this process is alive, and frees what one held that no longer is.

Freeing is safe even when the other one only slept: each lease has its epoch (G8). What was being sent stays with its
sender until its lease is over, unless the sender is known to have ended; either way it is uncertain then.
"""

import os
import secrets
import socket
from datetime import timedelta

import structlog
from django.db.models import QuerySet
from django.db.models.functions import Now

from jobs.models import Heartbeat, Job
from jobs.states import JobStatus
from servers.clock import lately

log = structlog.get_logger()
EVERY = timedelta(seconds=2)
MISSED = timedelta(seconds=6)
NO_TICK = timedelta(seconds=6)
Driver = Heartbeat.Driver


class Pulse:
    """The heartbeat of one process, under a name that no other one has."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(4)
        self._ticked = False

    @property
    def name(self) -> str:
        """Asked anew each time: a forked process is another one."""
        return f"{_of_this_host(os.getpid())}{self._token}"

    def ticked(self) -> None:
        """A tick is done; the next beat tells so."""
        self._ticked = True

    def beat(self, driver: Heartbeat.Driver, *, trouble: str = "") -> None:
        moved = {"at": Now(), "trouble": trouble, **({"ticked_at": Now()} if self._ticked else {})}
        if not Heartbeat.objects.filter(name=self.name).update(**moved):
            Heartbeat.objects.update_or_create(name=self.name, defaults={"driver": driver, **moved})
        self._ticked = False

    def leave(self) -> None:
        """This process ends, with nothing left to do."""
        Heartbeat.objects.filter(name=self.name).delete()


pulse = Pulse()


def started() -> None:
    """The panel is coming up: it has a moment until somebody worries that nothing ticks."""
    moved = {"at": Now(), "ticked_at": Now(), "driver": Driver.START}
    Heartbeat.objects.update_or_create(name=Driver.START, defaults=moved)


def no_tick_lately() -> bool:
    return not Heartbeat.objects.filter(lately("ticked_at", NO_TICK)).exists()


def bury_the_silent() -> int:
    """Free what processes held that missed their beats; how many jobs that were."""
    silent = Heartbeat.objects.exclude(lately("at", MISSED)).exclude(driver=Driver.START)
    return _bury(silent.exclude(name=pulse.name), certain=False)


def bury_ended(pid: int) -> int:
    """Free what a process of this machine held, which the supervisor saw end; how many jobs that were."""
    return _bury(
        Heartbeat.objects.filter(name__startswith=_of_this_host(pid)).exclude(name=pulse.name), certain=True
    )


def _bury(dead: QuerySet[Heartbeat], *, certain: bool) -> int:
    names = list(dead.values_list("name", flat=True))
    if not names:
        return 0
    held = Job.objects.filter(held_by__in=names, lease_until__gt=Now())
    statuses = [JobStatus.QUEUED, JobStatus.SENDING] if certain else [JobStatus.QUEUED]
    freed = held.filter(status__in=statuses).update(lease_until=Now())
    Heartbeat.objects.filter(name__in=names).delete()
    log.warning("a worker is gone", names=names, freed=freed)
    return freed


def _of_this_host(pid: int) -> str:
    return f"{socket.gethostname()[:60]}:{pid}:"
