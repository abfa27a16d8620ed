"""Walking through a paged list.

Pages are asked for by the number of entries received so far, since Leaseweb may give fewer than the limit
asks for, and `_metadata.totalCount` is believed only for knowing when to stop and whether all came.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from servers.leaseweb.reader import Page
from servers.leaseweb.types import Listing

T = TypeVar("T")

PAGE_SIZE = 50
MAX_PAGES = 200
MAX_ITEMS = 20_000


@dataclass(slots=True)
class _Walk(Generic[T]):
    """What came so far; `found` keeps the last reading of each entry by its identity."""

    found: dict[str, T] = field(default_factory=dict)
    received: int = 0
    unreadable: int = 0
    pages: int = 0
    total: int | None = None
    ended: bool = False

    def take(self, page: Page[T], identity: Callable[[T], str]) -> None:
        before = len(self.found)
        for item in page.items:
            self.found[identity(item)] = item
        self.pages += 1
        self.received += page.received
        self.unreadable += page.received - len(page.items)
        self.total = page.total if page.total is not None else self.total
        reached = self.total is not None and self.received >= self.total
        self.ended = reached or page.received == 0 or len(self.found) == before

    def is_complete(self) -> bool:
        return self.ended and not self.unreadable and len(self.found) >= (self.total or 0)


def walk(
    fetch: Callable[[int], tuple[Page[T], str]], identity: Callable[[T], str], *, seconds: float
) -> Listing[T]:
    """All pages of a list: its different entries, in the order they first came.

    `fetch` gives the page at an offset, and its correlation id; what it raises goes through. `identity` tells what
    makes two entries the same; the later one is kept.

    The list ends at its total, at an empty page, or at a page with nothing new: a server that ignores `offset` gives
    the same page for ever. It is cut, and then not complete, at 200 pages, at 20,000 entries, or when another page
    would begin after `seconds`, which are for all pages together.
    """
    state: _Walk[T] = _Walk()
    end = time.monotonic() + seconds
    seen = ""
    while not state.ended and state.pages < MAX_PAGES and len(state.found) < MAX_ITEMS:
        if state.pages and time.monotonic() > end:
            break
        page, seen = fetch(state.received)
        state.take(page, identity)
    return Listing(tuple(state.found.values()), state.is_complete(), state.pages, state.total, seen)
