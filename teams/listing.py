"""What every list shows around its rows: headings that sort, the ways to its neighbours, its file, how many match."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from teams.access import Access
from teams.keyset import Page
from teams.permissions import Permission

COUNTED_TO = 1000


@dataclass(frozen=True, slots=True)
class Heading:
    """A column that can be sorted by; `direction` is empty, or the value of aria-sort."""

    label: str
    url: str
    direction: str


def headings(query: QueryDict, sort: str, columns: Iterable[tuple[str, str]]) -> dict[str, Heading]:
    """A click sorts by the column, a second one the other way round. `columns` are names with their labels."""
    return {name: _heading(query, sort, name, label) for name, label in columns}


def _heading(query: QueryDict, sort: str, name: str, label: str) -> Heading:
    if sort == name:
        return Heading(label, url_with(query, sort=f"-{name}"), "ascending")
    return Heading(label, url_with(query, sort=name), "descending" if sort == f"-{name}" else "")


def pager_urls(query: QueryDict, found: Page[Any]) -> dict[str, str]:
    """Where the buttons below a list lead; an empty one is not shown."""
    moved = "after" in query or "before" in query
    return {
        "first_url": url_with(query) if moved else "",
        "previous_url": url_with(query, before=found.before) if found.before else "",
        "next_url": url_with(query, after=found.after) if found.after else "",
    }


def place(query: QueryDict) -> dict[str, str]:
    """Where in a list somebody is, as `teams.keyset.page` takes it."""
    return {"after": query.get("after", ""), "before": query.get("before", "")}


def export_button(access: Access, name: str, query: QueryDict, found: Page[Any]) -> dict[str, str]:
    """Where the same list is to be had as a file, and why not; without a row there is nothing to have."""
    address = reverse(name, args=(access.team.slug,)) + url_with(query)
    return {
        "export_url": address if found.rows else "",
        "why_no_export": access.why_not(Permission.EXPORT_LISTS),
    }


def url_with(query: QueryDict, **values: str) -> str:
    """The same page with other values; without the place in the list unless one is given."""
    changed = query.copy()
    for name in ("after", "before"):
        changed.pop(name, None)
    for name, value in values.items():
        changed[name] = value
    return f"?{changed.urlencode()}"


def counted(rows: QuerySet[Any]) -> str:
    """How many rows there are; counting stops at a thousand, since nobody needs more and it gets slow."""
    return count_text(rows.order_by()[: COUNTED_TO + 1].count())


def count_text(count: int) -> str:
    return f"{COUNTED_TO:,}+" if count > COUNTED_TO else f"{count:,}"
