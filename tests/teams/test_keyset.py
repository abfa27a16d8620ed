"""Paging by the last row seen: complete, in order, both ways, and deaf to nonsense in the URL."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from servers.models import Server
from teams.keyset import Order, Page, page, page_of_sorted
from teams.models import Team
from tests.cast import MakeServer

NAME = Order(("shown_name", "id"))
AGE = Order(("seen_at", "id"))
STATE = Order(("state", "shown_name", "id"))


@pytest.fixture
def rows(team: Team, make_server: MakeServer) -> QuerySet[Server]:
    """Seven servers; names, states and ages repeat, so that only the id tells some of them apart."""
    now = timezone.now()
    for number in range(7):
        state = "RUNNING" if number % 2 else "STOPPED"
        seen_at = now - timedelta(seconds=number // 2)
        make_server(team, shown_name=f"web-{number // 3}", state=state, seen_at=seen_at)
    return Server.objects.filter(team=team)


def walk(rows: QuerySet[Server], order: Order, size: int) -> Iterator[Page[Server]]:
    found = page(rows, order, size=size)
    yield found
    for _ in range(20):
        if not found.after:
            return
        found = page(rows, order, after=found.after, size=size)
        yield found


@pytest.mark.parametrize("order", [NAME, STATE, AGE, NAME.reversed(), STATE.reversed(), AGE.reversed()])
@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_page_walk_shows_every_row_once_in_order(rows: QuerySet[Server], order: Order, size: int) -> None:
    shown = [server.pk for found in walk(rows, order, size) for server in found.rows]
    assert shown == [server.pk for server in rows.order_by(*order.columns())]


def test_page_back_leads_the_same_way(rows: QuerySet[Server]) -> None:
    forward = [found.rows for found in walk(rows, NAME, 3)]
    third = list(walk(rows, NAME, 3))[-1]
    second = page(rows, NAME, before=third.before, size=3)
    first = page(rows, NAME, before=second.before, size=3)
    assert [first.rows, second.rows, third.rows] == forward
    assert first.before == ""
    assert page(rows, NAME, after=first.after, size=3).rows == second.rows


def test_page_first_has_nothing_before_it(rows: QuerySet[Server]) -> None:
    assert page(rows, NAME, size=3).before == ""


def test_page_last_has_nothing_after_it(rows: QuerySet[Server]) -> None:
    assert page(rows, NAME, size=7).after == ""


def test_page_stays_right_when_rows_come_in_between(
    rows: QuerySet[Server], team: Team, make_server: MakeServer
) -> None:
    first = page(rows, NAME, size=3)
    make_server(team, shown_name="aaa")
    assert not {server.pk for server in first.rows} & {
        server.pk for server in page(rows, NAME, after=first.after, size=3).rows
    }


def token(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "nonsense",
    [
        "x",
        "%%%",
        "é",
        "A" * 5000,
        token(),
        token("web-1"),
        token("web-1", 1, 2),
        token("web-1", "one"),
        token("web-1", None),
        token("web-1", True),
        token("web-1", 2**70),
        token("web\0", 1),
        token("\ud800", 1),
        token(["web-1"], 1),
        base64.urlsafe_b64encode(b"[" * 1400).decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
    ],
)
def test_page_takes_nonsense_as_the_first_page(rows: QuerySet[Server], nonsense: str) -> None:
    first = [server.pk for server in page(rows, NAME, size=3).rows]
    assert [server.pk for server in page(rows, NAME, after=nonsense, size=3).rows] == first
    assert [server.pk for server in page(rows, NAME, before=nonsense, size=3).rows] == first


def test_page_takes_a_date_that_is_none_as_the_first_page(rows: QuerySet[Server]) -> None:
    assert len(page(rows, AGE, after=token("yesterday", 1), size=3).rows) == 3


def test_page_is_one_query(rows: QuerySet[Server], django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        page(rows, NAME, size=3)


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00"]
)
def test_moment_that_no_database_holds_is_the_first_page(rows: QuerySet[Server], moment: str) -> None:
    token = base64.urlsafe_b64encode(json.dumps([moment, 1]).encode()).decode().rstrip("=")
    assert page(rows, AGE, after=token, size=3).rows == page(rows, AGE, size=3).rows


# --- Rows that were worked out ----------------------------------------------------------------------------------


def sorted_page(rows: list[int], **place: str) -> Page[int]:
    return page_of_sorted(rows, lambda row: (row / 2, str(row)), **place)


def test_sorted_rows_come_page_by_page_both_ways() -> None:
    rows = list(range(120))
    first = sorted_page(rows)
    second = sorted_page(rows, after=first.after)
    third = sorted_page(rows, after=second.after)
    assert first.rows + second.rows + third.rows == rows
    assert (first.before, third.after) == ("", "")
    assert sorted_page(rows, before=third.before) == second
    assert sorted_page(rows, before=second.before) == first


def test_sorted_page_stays_when_rows_before_it_go() -> None:
    rows = list(range(120))
    first = sorted_page(rows)
    assert sorted_page(rows[10:], after=first.after).rows == rows[50:100]
    assert sorted_page([row for row in rows if row != 49], after=first.after).rows == rows[50:100]


@pytest.mark.parametrize("content", [None, 5, "x", [[1], "x"], ["x", "x"], [{}, 1], {"a": 1}])
def test_sorted_page_of_a_place_that_does_not_fit_is_the_first(content: object) -> None:
    rows = list(range(60))
    token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    for place in ({"after": token}, {"before": token}, {"after": "%%"}, {"after": "x" * 3000}):
        assert sorted_page(rows, **place).rows == rows[:50]
