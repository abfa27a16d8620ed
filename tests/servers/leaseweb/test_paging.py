from __future__ import annotations

from collections.abc import Callable

import pytest

from servers.leaseweb.errors import Unavailable
from servers.leaseweb.paging import MAX_ITEMS, MAX_PAGES, walk
from servers.leaseweb.reader import Page
from servers.leaseweb.types import Listing


def walked(
    pages: Callable[[int], Page[str]], *, most: int = 10**6, start: int = 0, total: int | None = None
) -> tuple[Listing[str], list[int]]:
    """A walk that may go on for `most` pages, and the offsets that it asked for."""
    offsets: list[int] = []

    def fetch(offset: int) -> tuple[Page[str], str]:
        offsets.append(offset)
        return pages(offset), f"id-{offset}"

    found = walk(
        fetch,
        lambda item: item.split("=")[0],
        go_on=lambda: len(offsets) < most,
        start=start,
        total=total,
    )
    return found, offsets


def numbered(count: int, size: int, total: int | None) -> Callable[[int], Page[str]]:
    """A well-behaved list of ``count`` entries in pages of ``size``."""

    def page(offset: int) -> Page[str]:
        items = tuple(f"item{number}" for number in range(offset, min(offset + size, count)))
        return Page(items, len(items), total)

    return page


def test_walk_advances_by_what_it_received_until_the_total() -> None:
    listing, offsets = walked(numbered(25, 10, 25))
    assert offsets == [0, 10, 20]
    assert len(listing.items) == 25
    assert (listing.complete, listing.pages, listing.total) == (True, 3, 25)
    assert listing.correlation_id == "id-20"


def test_walk_of_an_empty_list_is_complete() -> None:
    listing, offsets = walked(numbered(0, 10, 0))
    assert (listing.items, listing.complete, offsets) == ((), True, [0])


def test_walk_without_a_total_ends_at_the_empty_page() -> None:
    listing, offsets = walked(numbered(20, 10, None))
    assert (len(listing.items), listing.complete, listing.total) == (20, True, None)
    assert offsets == [0, 10, 20]


def test_walk_takes_a_whole_list_at_once() -> None:
    listing, offsets = walked(numbered(120, 120, 120))
    assert (len(listing.items), listing.complete, offsets) == (120, True, [0])


def test_walk_ends_when_the_server_ignores_the_offset() -> None:
    listing, offsets = walked(lambda _: Page(("a", "b"), 2, None))
    assert (listing.items, listing.complete, offsets) == (("a", "b"), True, [0, 2])


def test_walk_that_finds_less_than_the_total_is_not_complete() -> None:
    assert not walked(numbered(20, 10, 25))[0].complete
    assert not walked(lambda _: Page((), 0, 5))[0].complete
    assert not walked(lambda _: Page(("a", "b"), 2, 5))[0].complete


def test_walk_keeps_the_last_of_doubles_in_the_first_place() -> None:
    pages = {0: Page(("a=1", "b=1"), 2, 4), 2: Page(("b=2", "c=1"), 2, 4)}
    listing, _ = walked(lambda offset: pages[offset])
    assert listing.items == ("a=1", "b=2", "c=1")
    assert not listing.complete  # four were promised, three are different


def test_walk_with_an_unreadable_entry_is_not_complete() -> None:
    listing, _ = walked(lambda _: Page(("a",), 2, 2))
    assert (listing.items, listing.complete) == (("a",), False)
    without_total, _ = walked(lambda _: Page(("a",), 2, None))
    assert (without_total.items, without_total.complete) == (("a",), False)


def test_walk_is_cut_at_the_page_limit() -> None:
    listing, offsets = walked(numbered(10_000, 1, 10_000))
    assert len(offsets) == listing.pages == MAX_PAGES == 200
    assert not listing.complete


def test_walk_is_cut_at_the_entry_limit() -> None:
    listing, offsets = walked(numbered(10**6, 5_000, None))
    assert len(listing.items) == MAX_ITEMS
    assert len(offsets) == 4
    assert not listing.complete


def test_walk_is_cut_when_it_may_not_go_on() -> None:
    listing, offsets = walked(numbered(25, 10, 25), most=1)
    assert (len(listing.items), listing.complete, offsets) == (10, False, [0])
    assert (listing.reached, listing.ended, listing.steady) == (10, False, True)


def test_walk_goes_on_where_another_stopped_and_is_not_whole_by_itself() -> None:
    listing, offsets = walked(numbered(25, 10, 25), start=10, total=25)
    assert (listing.reached, listing.ended, listing.steady) == (25, True, True)
    assert (len(listing.items), listing.complete, offsets) == (15, False, [10, 20])
    assert not walked(numbered(25, 10, 25), start=10, total=26)[0].steady


@pytest.mark.parametrize("later", [Page(("c",), 1, 3), Page(("c", "d", "e"), 3, 6), Page((), 0, 2)])
def test_walk_whose_total_changed_is_not_complete(later: Page[str]) -> None:
    """Who leaves the list meanwhile shifts somebody else out of the pages that are still to come."""
    pages = {0: Page(("a", "b"), 2, 5), 2: later}
    listing, _ = walked(lambda offset: pages.get(offset, Page((), 0, later.total)))
    assert (listing.complete, listing.steady, listing.total) == (False, False, later.total)


def test_walk_whose_entries_repeat_is_not_complete_without_a_total_either() -> None:
    pages = {0: Page(("a", "b"), 2, None), 2: Page(("b", "c"), 2, None), 4: Page((), 0, None)}
    assert not walked(lambda offset: pages[offset])[0].complete


def test_walk_keeps_what_came_before_a_failure_unless_nothing_did() -> None:
    def pages(offset: int) -> Page[str]:
        if offset == broken_from:
            raise Unavailable
        return numbered(25, 10, 25)(offset)

    broken_from = 20
    listing, _ = walked(pages)
    assert (len(listing.items), listing.reached, listing.ended, listing.complete) == (20, 20, False, False)
    assert isinstance(listing.failure, Unavailable)
    broken_from = 0
    with pytest.raises(Unavailable):
        walked(pages)
