"""The simulator leaves out some hours and whole days, and which ones hangs on the date."""

from datetime import timedelta

from django.utils import timezone

from servers.leaseweb.simulator import traffic
from servers.leaseweb.simulator.model import Server


def busy_lately(server: Server) -> bool:
    """Whether it has figures of most of the last 24 hours, so that no gap is in a test's way."""
    now = timezone.now()
    return len(traffic.series(server, "HOUR", start=now - timedelta(days=1), end=now, now=now)) > 18
