"""Walking through a paged list.

Pages are asked for by the number of entries received so far, since Leaseweb may give fewer than the limit
asks for, and `_metadata.totalCount` is believed only for knowing when to stop and whether all came. Offsets shift
under the reader when the list changes meanwhile: a walk whose total changed, or whose entries repeat, is not whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from servers.leaseweb.errors import LeasewebError
from servers.leaseweb.reader import Page
from servers.leaseweb.types import Listing

T = TypeVar("T")

PAGE_SIZE = 50
MAX_PAGES = 200
MAX_ITEMS = 20_000


@dataclass(slots=True)
class _Walk(Generic[T]):
    """What came so far; `found` keeps the last reading of each entry by its identity, `reached` is the next offset."""

    start: int
    total: int | None
    found: dict[str, T] = field(default_factory=dict)
    reached: int = 0
    pages: int = 0
    steady: bool = True
    ended: bool = False
    seen: str = ""
    failure: LeasewebError | None = None

    def take(self, page: Page[T], identity: Callable[[T], str]) -> None:
        before = len(self.found)
        for item in page.items:
            self.found[identity(item)] = item
        self.pages += 1
        self._compare(page)
        if len(self.found) > before:
            self.reached += page.received
            self.ended = self.total is not None and self.reached >= self.total
        else:
            self.ended = True

    def _compare(self, page: Page[T]) -> None:
        """Whether a page contradicts those before it, or holds what cannot be read."""
        changed = None not in (self.total, page.total) and page.total != self.total
        self.steady &= not changed and page.received == len(page.items)
        self.total = page.total if page.total is not None else self.total

    def may_go_on(self) -> bool:
        return not self.ended and self.pages < MAX_PAGES and len(self.found) < MAX_ITEMS

    def listing(self) -> Listing[T]:
        whole = self.start == 0 and self.ended and self.steady and self.reached == len(self.found)
        return Listing(
            items=tuple(self.found.values()),
            complete=whole and self.reached >= (self.total or 0),
            pages=self.pages,
            total=self.total,
            correlation_id=self.seen,
            reached=self.reached,
            ended=self.ended,
            steady=self.steady,
            failure=self.failure,
        )


def walk(
    fetch: Callable[[int], tuple[Page[T], str]],
    identity: Callable[[T], str],
    *,
    go_on: Callable[[], bool],
    start: int = 0,
    total: int | None = None,
) -> Listing[T]:
    """The pages of a list from offset `start` on: its different entries, in the order they first came.

    `fetch` gives the page at an offset, and its correlation id; what it raises for the first page goes through, later
    it ends the walk as its `failure`. `identity` tells what makes two entries the same; the later one is kept. `total`
    is what a walk said that came to `start` before.

    The list ends at its total, at an empty page, or at a page with nothing new: a server that ignores `offset` gives
    the same page for ever. It is cut, and then not complete, at 200 pages, at 20,000 entries, or when `go_on`, which is
    asked before each further page, says no.
    """
    state: _Walk[T] = _Walk(start, total, reached=start)
    while state.may_go_on() and (not state.pages or go_on()):
        try:
            page, state.seen = fetch(state.reached)
        except LeasewebError as error:
            if not state.pages:
                raise
            state.failure = error
            break
        state.take(page, identity)
    return state.listing()
