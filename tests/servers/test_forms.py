"""Filters that take what fits and leave the rest; keys that are checked and never shown again."""

import pytest
from django.http import QueryDict

from servers.forms import ApiKeyForm, ServerFilterForm
from servers.leaseweb import Secret
from servers.queries import Facets, Filters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Filters()),
        ("q=web&state=STOPPED&gone=all&live=on", Filters(q="web", state="STOPPED", gone="all", live=True)),
        ("sort=-place&key=7", Filters(sort="-place", key=7)),
        ("state=BOILING&q=web", Filters(q="web")),
        ("sort=price", Filters()),
        ("sort=-age", Filters()),
        ("key=abc&gone=maybe", Filters()),
        ("key=-1", Filters()),
        ("key=99999999999999999999999", Filters()),
        ("q=%00", Filters()),
        ("team=2&state=RUNNING&pk=3", Filters(state="RUNNING")),
    ],
)
def test_filters_take_what_fits(query: str, expected: Filters) -> None:
    assert ServerFilterForm(QueryDict(query)).filters() == expected


def test_search_is_cut_to_what_a_search_can_be() -> None:
    assert len(ServerFilterForm(QueryDict("q=" + "x" * 10_000)).filters().q) == 100


def test_a_choice_of_one_is_not_offered() -> None:
    form = ServerFilterForm(QueryDict(""))
    form.filters()
    form.offer(Facets(places=["AMS-01"], templates=["a", "b"]), [])
    assert "place" not in form.fields
    assert "key" not in form.fields
    assert "template" in form.fields


def test_a_choice_that_was_taken_stays() -> None:
    form = ServerFilterForm(QueryDict("place=AMS-01"))
    form.filters()
    form.offer(Facets(places=["AMS-01"]), [])
    assert "selected>AMS-01" in str(form["place"])


@pytest.mark.req("K3")
@pytest.mark.parametrize(
    "text",
    ["short", "x" * 257, "with space inside", "line\nbreak-in-it", "schlüssel-ist-das", "nul\0-in-here"],
)
def test_api_key_form_refuses_what_is_no_key_without_repeating_it(text: str) -> None:
    form = ApiKeyForm({"name": "Main", "key": text})
    assert not form.is_valid()
    assert "key" in form.errors
    assert text not in str(form)


@pytest.mark.req("K3")
def test_api_key_form_never_shows_the_key_again() -> None:
    form = ApiKeyForm({"name": "", "key": "a-good-key-0123456789"})
    assert not form.is_valid()
    assert "a-good-key" not in str(form)
    assert 'autocomplete="new-password"' in str(form["key"])


@pytest.mark.req("K4")
def test_api_key_form_gives_a_secret() -> None:
    form = ApiKeyForm({"name": "  Main \t account ", "key": " a-good-key-0123456789 "})
    assert form.is_valid()
    assert form.cleaned_data == {"name": "Main account", "key": Secret("a-good-key-0123456789")}
    assert "a-good-key" not in repr(form.cleaned_data)
