"""Wishes for a fresh reading, which all end alike: back on the page, where it is read or somebody is told why not."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from servers.witness import OutOfReach


@contextmanager
def or_why_not(request: HttpRequest) -> Iterator[None]:
    """Run what leaves a wish; where Leaseweb cannot be asked (OutOfReach), the next page says why instead."""
    try:
        yield
    except OutOfReach as reason:
        messages.error(request, str(reason))
