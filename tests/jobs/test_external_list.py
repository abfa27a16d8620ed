"""The list of changes made elsewhere."""

import pytest
from django.test import Client

from jobs.models import ExternalEvent
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeExternal, MakeServer
from tests.support.pages import HOSTILE, queries_of, same_queries, text_of

URL = "/t/north-ops/external/"


@pytest.fixture
def browser(client_of: ClientOf, viewer: User) -> Client:
    return client_of(viewer)


@pytest.mark.parametrize("what", ExternalEvent.What.values)
def test_external_list_shows_every_kind_of_change(
    browser: Client, team: Team, make_server: MakeServer, make_external: MakeExternal, what: str
) -> None:
    make_external(make_server(team, shown_name="web-01"), what, subject="nightly")
    shown = text_of(browser.get(URL).content)
    assert f"{ExternalEvent.What(what).label} web-01" in shown
    assert "1 of 1 change, newest first" in shown


def test_external_list_filters_by_the_url(
    browser: Client, team: Team, make_server: MakeServer, make_external: MakeExternal
) -> None:
    server = make_server(team, shown_name="web-01")
    wanted = make_external(server, "reference", before="a", after="b")
    make_external(make_server(team), "state")
    for query in ("?what=reference", f"?server={server.pk}"):
        assert [row.event for row in browser.get(URL + query).context["rows"]] == [wanted], query
    page = browser.get(f"{URL}?server={server.pk}")
    assert "Only of web-01" in text_of(page.content)
    assert f"/t/north-ops/jobs/?server={server.pk}".encode() in page.content


def test_external_list_turns_pages_both_ways(
    browser: Client, team: Team, make_server: MakeServer, make_external: MakeExternal
) -> None:
    server = make_server(team)
    events = [make_external(server) for _ in range(51)]
    first = browser.get(f"{URL}?what=state")
    assert "50 of 51 changes" in text_of(first.content)
    second = browser.get(URL + first.context["next_url"])
    assert [row.event for row in second.context["rows"]] == [events[0]]
    back = browser.get(URL + second.context["previous_url"])
    assert [row.event for row in back.context["rows"]] == events[:0:-1]


def test_external_list_without_a_match_offers_to_clear(browser: Client) -> None:
    shown = text_of(browser.get(f"{URL}?what=state").content)
    assert "No change matches" in shown
    assert "Clear the filters" in shown


def test_external_list_without_changes_says_what_makes_them(browser: Client) -> None:
    assert "Nothing was changed elsewhere" in text_of(browser.get(URL).content)


def test_job_list_and_external_list_lead_to_each_other(browser: Client, team: Team) -> None:
    assert URL.encode() in browser.get("/t/north-ops/jobs/").content
    assert b'href="/t/north-ops/jobs/"' in browser.get(URL).content


def test_external_list_refuses_other_methods(browser: Client) -> None:
    assert browser.post(URL).status_code == 405


def test_external_list_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, team: Team
) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_external_list_holds_nothing_of_another_team(
    browser: Client, foreign_server: Server, make_external: MakeExternal
) -> None:
    make_external(foreign_server)
    assert browser.get(f"{URL}?server={foreign_server.pk}").context["rows"] == []
    assert "foreign" not in text_of(browser.get(URL).content)


def test_external_list_takes_the_same_queries_for_any_number_of_rows(
    browser: Client, team: Team, make_server: MakeServer, make_external: MakeExternal
) -> None:
    make_external(make_server(team))
    same_queries(browser, URL, lambda: [make_external(make_server(team)) for _ in range(30)])
    assert queries_of(browser, URL) <= 7


@pytest.mark.parametrize("query", ["after=x&before=y", "what=1&server=x", "server=%00"])
def test_external_list_survives_any_query(browser: Client, query: str) -> None:
    assert browser.get(f"{URL}?{query}").status_code == 200


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_external_list_and_overview_escape_texts(
    browser: Client, team: Team, make_server: MakeServer, make_external: MakeExternal, text: str
) -> None:
    server = make_server(team, shown_name=text[:200])
    make_external(server, "reference", before=text[:200], after=text[:200])
    make_external(server, "snapshot_gone", subject=text[:255])
    for address in (URL, "/t/north-ops/", f"/t/north-ops/servers/{server.pk}/"):
        page = browser.get(address).content
        assert b"<script>alert" not in page
        assert b"<img src=x" not in page
