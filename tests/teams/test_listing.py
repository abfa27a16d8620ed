"""What stands around the rows of a list: their number, headings, and the ways to other pages."""

from typing import Any

import pytest
from django.http import QueryDict

from servers.models import Server
from teams import listing
from teams.keyset import Page
from teams.models import Team
from tests.cast import MakeServer


def test_count_stops_at_a_thousand(
    team: Team, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_server(team)
    rows = Server.objects.filter(team=team)
    assert listing.counted(rows) == "3"
    monkeypatch.setattr(listing, "COUNTED_TO", 2)
    assert listing.counted(rows) == "2+"
    monkeypatch.setattr(listing, "COUNTED_TO", 3)
    assert listing.counted(rows) == "3"


@pytest.mark.parametrize(
    ("sort", "url", "direction"),
    [
        ("name", "?q=web&sort=-name", "ascending"),
        ("-name", "?q=web&sort=name", "descending"),
        ("age", "?q=web&sort=name", ""),
    ],
)
def test_heading_sorts_and_turns_round(sort: str, url: str, direction: str) -> None:
    query = QueryDict(f"q=web&after=somewhere&sort={sort}")
    shown = listing.headings(query, sort, [("name", "Name")])
    assert shown == {"name": listing.Heading("Name", url, direction)}


@pytest.mark.parametrize(
    ("query", "page", "first", "previous", "following"),
    [
        ("q=web", Page([]), "", "", ""),
        ("q=web", Page([], after="B"), "", "", "?q=web&after=B"),
        (
            "q=web&after=B",
            Page([], before="A", after="C"),
            "?q=web",
            "?q=web&before=A",
            "?q=web&after=C",
        ),
        ("q=web&before=A", Page([], after="B"), "?q=web", "", "?q=web&after=B"),
    ],
)
def test_pager_leads_to_neighbours_and_keeps_the_rest(
    query: str, page: Page[Any], first: str, previous: str, following: str
) -> None:
    urls = listing.pager_urls(QueryDict(query), page)
    assert urls == {"first_url": first, "previous_url": previous, "next_url": following}
