"""One reader at a time per key: a lease in the database, which a reader that died lets go by itself."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db.models import Q
from django.db.models.functions import Now

from audit import heads
from servers.clock import after, scaled
from servers.leaseweb import LeasewebError
from servers.models import ApiKey

log = structlog.get_logger()
# A reader begins nothing new after READING_TIME, and one call takes 45 s at the most: it ends within its lease.
READING_TIME = timedelta(seconds=45)
LEASE = 2 * READING_TIME + timedelta(seconds=10)


def with_lease(api_key_id: int, work: Callable[[ApiKey], object]) -> bool:
    """Do `work` with a key if nobody else reads for it at the moment; False when somebody does."""
    free = Q(poll_lease_until=None) | Q(poll_lease_until__lt=Now())
    usable = ApiKey.objects.filter(free, pk=api_key_id, removed_at=None)
    if usable.update(poll_lease_until=after(LEASE)) != 1:
        return False
    api_key = ApiKey.objects.select_related("team").get(pk=api_key_id)
    try:
        with heads.noticed():
            work(api_key)
    except LeasewebError as error:
        log.warning("reading failed", api_key=api_key_id, error=type(error).__name__)
    finally:
        _release(api_key)
    return True


def _release(api_key: ApiKey) -> None:
    """Give back our own lease only: one that is longer was taken by somebody else, after ours had run out."""
    ours = ApiKey.objects.filter(pk=api_key.pk, poll_lease_until__lte=api_key.poll_lease_until)
    ours.update(poll_lease_until=None)


def time_is_up() -> Callable[[], bool]:
    """A question that turns true when a reader should begin no further call."""
    end = time.monotonic() + scaled(READING_TIME).total_seconds()
    return lambda: time.monotonic() > end
