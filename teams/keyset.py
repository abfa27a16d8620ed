"""Paging by the sort columns of the last row seen: as quick on the last page as on the first, in both directions."""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
T = TypeVar("T")
Key = tuple[str | float, ...]
PAGE_SIZE = 50
LONGEST_TOKEN = 2000


@dataclass(frozen=True, slots=True)
class Order:
    """Non-null columns, unique together, that a list is sorted by, all of them in one direction.

    None of them may move under the reader, as the moment of the last reading does. A column of moments must be written
    from Python, as `taken_at` of snapshots is: SQLite keeps its own `Now()` with fewer digits and compares the texts.
    """

    fields: tuple[str, ...]
    descending: bool = False

    def reversed(self) -> "Order":
        return replace(self, descending=not self.descending)

    def columns(self) -> tuple[str, ...]:
        return tuple(f"-{name}" if self.descending else name for name in self.fields)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows of one page, and the tokens of its neighbours; an empty token says that there is none."""

    rows: list[T]
    before: str = ""
    after: str = ""


def page(
    rows: QuerySet[M], order: Order, *, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Page[M]:
    """The page that follows the row of token `after`, or precedes that of `before`; else the first page.

    Tokens come from URLs: one that does not fit counts as none, never as an error. One query.
    """
    back = _values(rows.model, order, before)
    if back is not None:
        found = _fetch(rows, order.reversed(), back, size)
        shown = found[:size][::-1]
        return Page(shown, _token(shown[:1], order, when=len(found) > size), _token(shown[-1:], order))
    onwards = _values(rows.model, order, after)
    found = _fetch(rows, order, onwards, size)
    shown = found[:size]
    earlier = _token(shown[:1], order, when=onwards is not None)
    return Page(shown, earlier, _token(shown[-1:], order, when=len(found) > size))


def page_of_sorted(
    rows: Sequence[T], key: Callable[[T], Key], *, after: str = "", before: str = ""
) -> Page[T]:
    """The same for rows that were worked out and sorted by `key`, which no two of them share.

    A place is the key of a row, not its number: rows that come or go elsewhere do not shift the page.
    """
    keys = [key(row) for row in rows]
    back = _index(keys, before, bisect_left)
    start = max(0, back - PAGE_SIZE) if back is not None else _index(keys, after, bisect_right) or 0
    shown = list(rows[start : start + PAGE_SIZE if back is None else back])
    earlier = _encoded(keys[start]) if shown and start else ""
    end = start + len(shown)
    return Page(shown, earlier, _encoded(keys[end - 1]) if shown and end < len(rows) else "")


def _index(keys: list[Key], token: str, side: Callable[[list[Key], Key], int]) -> int | None:
    """Where the row of a token stands, or would stand; None for a token that does not fit."""
    try:
        return side(keys, tuple(_decoded(token))) if token else None
    except (binascii.Error, ValueError, TypeError, RecursionError):
        return None


def _fetch(rows: QuerySet[M], order: Order, values: list[Any] | None, size: int) -> list[M]:
    wanted = rows if values is None else rows.filter(_beyond(order, values))
    return list(wanted.order_by(*order.columns())[: size + 1])


def _beyond(order: Order, values: list[Any]) -> Q:
    """Rows after `values` in this order; the first condition lets the database start in the index."""
    step = "lt" if order.descending else "gt"
    found, same = Q(), Q()
    for name, value in zip(order.fields, values, strict=True):
        found |= same & Q((f"{name}__{step}", value))
        same &= Q((name, value))
    return Q((f"{order.fields[0]}__{step}e", values[0])) & found


def _token(rows: list[M], order: Order, *, when: bool = True) -> str:
    if not rows or not when:
        return ""
    return _encoded([_plain(getattr(rows[0], name)) for name in order.fields])


def _encoded(values: Iterable[Any]) -> str:
    return (
        base64.urlsafe_b64encode(json.dumps(list(values), ensure_ascii=False).encode()).decode().rstrip("=")
    )


def _decoded(token: str) -> list[Any]:
    """Raises one of several errors for a token that is none of ours; ValueError for one that goes on and on."""
    if len(token) > LONGEST_TOKEN:
        raise ValueError("too long")
    values: list[Any] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return values


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _values(model: type[Model], order: Order, token: str) -> list[Any] | None:
    if not token:
        return None
    try:
        values = _decoded(token)
        return [_column(model, name, value) for name, value in zip(order.fields, values, strict=True)]
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError, ValidationError):
        return None


def _column(model: type[Model], name: str, value: Any) -> Any:
    """`value` as the column holds it; refuses what a database would choke on."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise TypeError("not a value of a column")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("no column holds NUL")
    str(value).encode()
    found = model._meta.get_field(name).to_python(value)  # type: ignore[union-attr]
    if found is None or (isinstance(found, int) and abs(found) >= 2**63):
        raise ValueError("no column holds this")
    if isinstance(found, datetime):
        if found.tzinfo is None:
            raise ValueError("a moment without a zone")
        return found.astimezone(UTC)
    return found
