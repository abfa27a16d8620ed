"""The snapshots of a team: search, filters, order and pages, all in the address."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from jobs.snapshot_queries import SORTS
from servers.models import Server, Snapshot
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer, MakeSnapshot
from tests.support.pages import HOSTILE, same_queries, text_of

URL = "/t/north-ops/snapshots/"


@pytest.fixture
def browser(client_of: ClientOf, viewer: User) -> Client:
    return client_of(viewer)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, shown_name="web-01", search_text=" web-01 218000 buro ")


def ago(days: int) -> object:
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def three(server: Server, team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot) -> None:
    make_snapshot(server, "Alpha", taken_at=ago(1), seen_at=ago(3))
    make_snapshot(server, "Beta", "ERROR", taken_at=ago(40))
    make_snapshot(make_server(team, shown_name="db-02", search_text="db-02"), "Gamma", taken_at=ago(100))
    make_snapshot(server, "Delta", taken_at=ago(5), gone_at=timezone.now())


def names(content: bytes) -> list[str]:
    return [name for name in text_of(content).split() if name in ("Alpha", "Beta", "Gamma", "Delta")]


def test_snapshot_list_shows_name_server_state_and_age(browser: Client, three: None) -> None:
    page = browser.get(URL)
    assert names(page.content) == ["Alpha", "Beta", "Gamma"]
    shown = text_of(page.content)
    assert "Alpha web-01 ready 1 d ago 3 d ago" in shown
    assert "Beta web-01 broken" in shown
    assert "3 of 3 snapshots" in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=alp", ["Alpha"]),
        ("q=WEB-01", ["Alpha", "Beta"]),
        ("q=BÜRO+bet", ["Beta"]),
        ("q=%25", []),
        ("state=ERROR", ["Beta"]),
        ("older=30", ["Beta", "Gamma"]),
        ("older=90", ["Gamma"]),
        ("gone=yes", ["Delta"]),
        ("gone=all&sort=name", ["Alpha", "Beta", "Delta", "Gamma"]),
        ("sort=taken", ["Gamma", "Beta", "Alpha"]),
        ("sort=-name", ["Gamma", "Beta", "Alpha"]),
        ("sort=state", ["Beta", "Gamma", "Alpha"]),
        ("sort=secrets&state=boiling&older=-1&gone=x&server=x", ["Alpha", "Beta", "Gamma"]),
    ],
)
def test_snapshot_list_obeys_the_address(
    browser: Client, three: None, query: str, expected: list[str]
) -> None:
    assert names(browser.get(f"{URL}?{query}").content) == expected


def test_snapshot_list_of_one_server_names_it(browser: Client, server: Server, three: None) -> None:
    page = browser.get(f"{URL}?server={server.pk}").content
    assert names(page) == ["Alpha", "Beta"]
    assert "Only those of web-01" in text_of(page)


def test_snapshot_list_turns_pages_both_ways(
    browser: Client, server: Server, make_snapshot: MakeSnapshot
) -> None:
    moment = ago(1)
    for number in range(60):
        make_snapshot(server, f"Nightly {number:02}", taken_at=moment)
    first = browser.get(f"{URL}?sort=taken")
    assert "50 of 60 snapshots" in text_of(first.content)
    second = browser.get(f"{URL}{first.context['next_url']}")
    assert [row.snapshot.name for row in second.context["rows"]] == [f"Nightly {n}" for n in range(50, 60)]
    back = browser.get(f"{URL}{second.context['previous_url']}")
    assert [row.snapshot.pk for row in back.context["rows"]] == [
        row.snapshot.pk for row in first.context["rows"]
    ]


def test_every_sort_of_snapshots_ends_in_the_id_and_has_an_index() -> None:
    indexed = [index.fields for index in Snapshot._meta.indexes]
    for columns in SORTS.values():
        assert columns[-1] == "id"
        assert ["team", *columns] in indexed


@pytest.mark.parametrize("place", ["after=x", "before=WyJ4Iiwx", "after=", "after=" + "A" * 3000])
def test_snapshot_list_survives_any_place(browser: Client, three: None, place: str) -> None:
    assert browser.get(f"{URL}?{place}").status_code == 200


def test_snapshot_list_without_any_says_what_to_do(browser: Client, server: Server) -> None:
    assert "No snapshots yet" in text_of(browser.get(URL).content)
    shown = text_of(browser.get(f"{URL}?state=READY").content)
    assert "No snapshot matches" in shown
    assert "Snapshots that are gone are left out." in shown


def test_snapshot_list_says_what_is_stuck(
    browser: Client, server: Server, make_snapshot: MakeSnapshot
) -> None:
    make_snapshot(server, "Beta", "EXPUNGING", state_since=timezone.now() - timedelta(hours=5))
    page = browser.get(URL).content
    assert "being deleted stuck for 5 h" in text_of(page)
    assert b'data-moving="no"' in page


def test_snapshot_list_follows_jobs_on_its_servers(
    browser: Client, server: Server, make_snapshot: MakeSnapshot, make_job: MakeJob
) -> None:
    make_snapshot(server, "Beta", "EXPUNGING")
    make_job(server, "snapshot_delete", "observing")
    assert b'data-moving="yes"' in browser.get(URL).content


def test_snapshot_list_shows_only_the_teams_own(
    browser: Client, foreign_server: Server, make_snapshot: MakeSnapshot
) -> None:
    make_snapshot(foreign_server, "Alpha")
    assert names(browser.get(f"{URL}?gone=all&server={foreign_server.pk}").content) == []


def test_snapshot_list_refuses_other_methods(browser: Client) -> None:
    assert browser.post(URL).status_code == 405


def test_snapshot_list_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, team: Team
) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_snapshot_list_takes_the_same_queries_for_any_number_of_rows(
    browser: Client, team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot
) -> None:
    make_snapshot(make_server(team))

    def more() -> None:
        for number in range(29):
            make_snapshot(make_server(team), f"Nightly {number}")

    same_queries(browser, URL, more)


@pytest.mark.req("X12")
def test_snapshot_list_escapes_names(browser: Client, server: Server, make_snapshot: MakeSnapshot) -> None:
    for text in HOSTILE:
        make_snapshot(server, text[:255])
    page = browser.get(URL).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
