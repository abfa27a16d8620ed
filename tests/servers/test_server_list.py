"""The list of servers."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from servers.models import ApiKey
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeJob, MakeServer
from tests.support.pages import HOSTILE, queries_of, same_queries, text_of

URL = "/t/north-ops/servers/"


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


def test_server_list_shows_what_there_is_to_know(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    server = make_server(
        team, shown_name="web-01", upstream_id="218000", memory_amount=4096, memory_unit="MB"
    )
    shown = text_of(browser.get(URL).content)
    for part in (
        "web-01",
        "218000",
        "running",
        "AMS-01",
        "Ubuntu 24.04 LTS",
        "4 CPU · 4 GiB · 160 GB",
        "1 server",
    ):
        assert part in shown
    assert server.ips[0]["ip"] in shown


def test_server_list_leads_to_the_forms(browser: Client, team: Team, make_server: MakeServer) -> None:
    server = make_server(team, state="RUNNING")
    page = browser.get(URL).content.decode()
    assert f'href="{URL}{server.pk}/jobs/new/reboot/"' in page
    assert f'href="{URL}{server.pk}/jobs/new/power_off/"' in page
    assert f'href="{URL}{server.pk}/jobs/new/power_on/"' not in page
    assert "The server is running already." in page


def test_server_list_gives_a_viewer_the_reason(
    client_of: ClientOf, viewer: User, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    page = client_of(viewer).get(URL).content.decode()
    assert "jobs/new" not in page
    assert "Your role here is viewer" in page


def test_server_list_shows_the_job_in_flight(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "observing")
    page = browser.get(URL).content
    assert "Reboot: observing" in text_of(page)
    assert f"/t/north-ops/jobs/{job.pk}/".encode() in page
    assert b"jobs/new" not in page


def test_server_list_refuses_other_methods(browser: Client) -> None:
    assert browser.post(URL).status_code == 405


def test_server_list_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    assert client_of(outsider).get(URL).status_code == 404


def test_server_list_holds_nothing_of_another_team(
    browser: Client, team: Team, outsider: User, make_server: MakeServer
) -> None:
    make_server(team)
    page = browser.get(f"{URL}?gone=all").content.decode()
    assert "foreign" not in page


def test_server_list_takes_nine_queries_for_any_number_of_rows(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team))

    def more() -> None:
        for number in range(60):
            make_job(
                make_server(team, data_center=f"AMS-{number}"), status="queued" if number % 2 else "failed"
            )

    same_queries(browser, URL, more)
    assert queries_of(browser, URL) <= 9
    assert queries_of(browser, f"{URL}?q=web&state=RUNNING&live=on&sort=-place") <= 9


def test_server_list_turns_pages_both_ways(browser: Client, team: Team, make_server: MakeServer) -> None:
    for number in range(51):
        make_server(team, shown_name=f"web-{number:02}")
    first = browser.get(f"{URL}?state=RUNNING")
    assert "50 of 51 servers" in text_of(first.content)
    assert not first.context["previous_url"]
    second = browser.get(URL + first.context["next_url"])
    assert [row.server.shown_name for row in second.context["rows"]] == ["web-50"]
    assert not second.context["next_url"]
    assert "state=RUNNING" in second.context["previous_url"]
    back = browser.get(URL + second.context["previous_url"])
    assert [row.url for row in back.context["rows"]] == [row.url for row in first.context["rows"]]


def test_server_list_sorts_by_its_headings(browser: Client, team: Team, make_server: MakeServer) -> None:
    make_server(team, shown_name="a", data_center="Z")
    make_server(team, shown_name="b", data_center="A")
    page = browser.get(f"{URL}?sort=place&q=0")
    assert [row.server.shown_name for row in page.context["rows"]] == ["b", "a"]
    assert page.context["headings"]["place"].direction == "ascending"
    assert page.context["headings"]["place"].url == "?sort=-place&q=0"
    assert page.context["headings"]["name"].direction == ""


@pytest.mark.parametrize("query", ["after=%00&before=%ff", "state=a&state=b", "key=999", "q=" + "%27" * 500])
def test_server_list_survives_any_query(
    browser: Client, team: Team, make_server: MakeServer, query: str
) -> None:
    make_server(team)
    assert browser.get(f"{URL}?{query}").status_code == 200


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_server_list_escapes_what_leaseweb_says(
    browser: Client, team: Team, make_server: MakeServer, text: str
) -> None:
    make_server(
        team,
        shown_name=text[:200],
        data_center=text[:64],
        template=text[:200],
        ips=[{"ip": text[:64], "version": 4, "type": "PUBLIC"}],
        search_text=text,
    )
    for query in ("", f"?q={text[:50]}", "?sort=place"):
        page = browser.get(URL + query).content
        assert b"<script>alert" not in page
        assert b"<img src=x" not in page
    assert browser.get(URL, {"q": text}).status_code == 200


# --- Nothing to show -------------------------------------------------------------------------------------------


def test_server_list_without_key_leads_an_admin_to_one(client_of: ClientOf, admin: User, team: Team) -> None:
    page = client_of(admin).get(URL).content
    assert "No API key yet" in text_of(page)
    assert b"/t/north-ops/api-keys/new/" in page


def test_server_list_without_key_sends_others_to_an_admin(client_of: ClientOf, viewer: User) -> None:
    page = client_of(viewer).get(URL).content
    assert "an admin or owner of North Ops" in text_of(page)
    assert b"api-keys/new" not in page


def test_server_list_waits_for_the_first_reading(
    browser: Client, team: Team, make_api_key: MakeApiKey
) -> None:
    make_api_key(team, health=ApiKey.Health.UNTRIED, synced_at=None)
    page = browser.get(URL)
    assert "Servers are being read" in text_of(page.content)
    assert b'data-moving="yes"' in page.content
    assert b"shown=reading" in page.content


def test_server_list_says_that_the_account_is_empty(browser: Client, api_key: ApiKey) -> None:
    assert "Leaseweb shows no virtual servers" in text_of(browser.get(URL).content)


def test_server_list_without_a_match_offers_to_clear(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    shown = text_of(browser.get(f"{URL}?q=nothing").content)
    assert "No server matches" in shown
    assert "Clear the filters" in shown


@pytest.mark.parametrize("state", [{"synced_at": None}, {"list_error": "50 of 120"}, {}])
def test_server_list_shows_no_total_that_nobody_saw(
    browser: Client, team: Team, make_api_key: MakeApiKey, make_server: MakeServer, state: dict[str, Any]
) -> None:
    make_server(team, api_key=make_api_key(team, **state))
    shown = text_of(browser.get(URL).content)
    assert ("the list of an API key is not whole" in shown) == bool(state)


def test_server_list_marks_old_figures(browser: Client, team: Team, make_server: MakeServer) -> None:
    make_server(team, seen_at=timezone.now() - timezone.timedelta(minutes=6))
    assert b'class="age stale"' in browser.get(URL).content
