"""Leases in the database: one process does a piece of work, and one that died lets it go by itself (G8)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from audit.models import AuditLease

log = structlog.get_logger()
# No lease is longer, so one that seems to last longer was taken by a clock that has since jumped back.
LONGEST = timedelta(minutes=15)


class LeaseLostError(RuntimeError):
    """Somebody else took the lease after it had run out. Nothing may be written any more."""


@dataclass(slots=True)
class Lease:
    """What `held` gives out: extend it with `renew` before it runs out."""

    name: str
    epoch: int
    length: timedelta

    def renew(self) -> None:
        """Hold it for its whole length from now. Raises LeaseLostError."""
        ours = AuditLease.objects.filter(pk=self.name, epoch=self.epoch)
        if ours.update(until=after(self.length)) != 1:
            raise LeaseLostError(self.name)

    def release(self) -> None:
        """Give it back, unless somebody else has it by now."""
        AuditLease.objects.filter(pk=self.name, epoch=self.epoch).update(until=None)


@contextmanager
def held(name: str, length: timedelta) -> Iterator[Lease | None]:
    """The lease called `name` for the time of a `with` block, at most `length` if nobody renews it; None if taken.

    The block ends where a renewal finds the lease lost.
    """
    lease = _take(name, length)
    try:
        yield lease
    except LeaseLostError:
        log.warning("lease lost; somebody else goes on", lease=name)
    finally:
        if lease is not None:
            lease.release()


def pause(name: str, length: timedelta) -> None:
    """Have `taken` say so for a while, of work that would only fail again."""
    AuditLease.objects.update_or_create(pk=name, defaults={"until": after(length)})


def taken(name: str) -> Exists:
    """Whether somebody holds it now, as part of another question to the database."""
    return Exists(AuditLease.objects.filter(pk=name).exclude(_free()))


def after(duration: timedelta) -> Combinable:
    """The moment `duration` from now by the database's clock."""
    return ExpressionWrapper(Now() + Value(duration), output_field=DateTimeField())


def _take(name: str, length: timedelta) -> Lease | None:
    row, _ = AuditLease.objects.get_or_create(pk=name)
    ours = AuditLease.objects.filter(_free(), pk=name, epoch=row.epoch)
    if ours.update(until=after(length), epoch=F("epoch") + 1) != 1:
        return None
    return Lease(name, row.epoch + 1, length)


def _free() -> Q:
    return Q(until=None) | Q(until__lte=Now()) | Q(until__gt=after(LONGEST))
