"""One reader at a time per key: a lease in the database, which a reader that died lets go by itself."""

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db.models import Q
from django.db.models.functions import Now

from audit import heads
from servers.clock import after, scaled
from servers.lease import LEASE, renewed
from servers.leaseweb import LeasewebError
from servers.models import ApiKey

log = structlog.get_logger()
# A reader begins nothing new after this.
READING_TIME = timedelta(seconds=45)


def with_lease(api_key_id: int, work: Callable[[ApiKey], object]) -> bool:
    """Do `work` with a key if nobody else reads for it at the moment; False when somebody does."""
    free = Q(poll_lease_until=None) | Q(poll_lease_until__lt=Now())
    usable = ApiKey.objects.filter(free, pk=api_key_id, removed_at=None)
    mine = uuid.uuid4().hex
    if usable.update(poll_lease_until=after(LEASE), poll_lease_by=mine) != 1:
        return False
    held = ApiKey.objects.filter(pk=api_key_id, poll_lease_by=mine)
    api_key = ApiKey.objects.select_related("team").get(pk=api_key_id)
    try:
        with renewed(held, "poll_lease_until"), heads.noticed():
            work(api_key)
    except LeasewebError as error:
        log.warning("reading failed", api_key=api_key_id, error=type(error).__name__)
    finally:
        # Our own lease only: when it has run out, somebody else may have taken it.
        held.update(poll_lease_until=None, poll_lease_by="")
    return True


def time_is_up() -> Callable[[], bool]:
    """A question that turns true when a reader should begin no further call."""
    end = time.monotonic() + scaled(READING_TIME).total_seconds()
    return lambda: time.monotonic() > end
