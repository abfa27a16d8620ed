"""The list of API keys."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from servers.models import ApiKey
from teams.models import Team, User
from tests.cast import KEY_TEXT, ClientOf, MakeApiKey, MakeServer
from tests.support.pages import HOSTILE, same_queries, text_of

URL = "/t/north-ops/api-keys/"


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    return client_of(admin)


def test_api_key_list_shows_health_servers_and_age(
    browser: Client, team: Team, api_key: ApiKey, make_server: MakeServer
) -> None:
    make_server(team, api_key=api_key)
    make_server(team, api_key=api_key, gone_at=timezone.now())
    ApiKey.objects.update(synced_at=timezone.now() - timedelta(minutes=90))
    page = browser.get(URL)
    shown = text_of(page.content)
    assert f"Main account {api_key.fingerprint} working" in shown
    assert [row.servers for row in page.context["rows"]] == [1]
    assert "1 h ago" in shown


@pytest.mark.req("K3")
def test_api_key_list_shows_no_key(browser: Client, api_key: ApiKey) -> None:
    page = browser.get(URL).content.decode()
    assert KEY_TEXT not in page
    assert KEY_TEXT[:8] not in page
    assert api_key.sealed not in page


def test_api_key_list_says_what_leaseweb_answered(
    browser: Client, team: Team, make_api_key: MakeApiKey
) -> None:
    make_api_key(
        team,
        health=ApiKey.Health.REFUSED,
        error="Leaseweb says: “You are not authorized.”",
        error_at=timezone.now(),
        correlation_id="39e010ed-0e93",
    )
    shown = text_of(browser.get(URL).content)
    for part in ("refused by Leaseweb", "You are not authorized", "39e010ed-0e93", "Customer Portal"):
        assert part in shown


def test_api_key_list_forgets_the_error_of_a_key_that_works_again(
    browser: Client, team: Team, make_api_key: MakeApiKey
) -> None:
    make_api_key(team, error="an old trouble", error_at=timezone.now())
    assert "an old trouble" not in text_of(browser.get(URL).content)


def test_api_key_list_says_that_a_list_is_not_whole_and_how_long_a_reading_takes(
    browser: Client, team: Team, make_api_key: MakeApiKey, settings: Any
) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 60
    stopped = "Reading stopped after 1,550 of 2,000 servers and goes on there."
    make_api_key(
        team,
        list_error=stopped,
        pass_begun_at=timezone.now(),
        pass_offset=1550,
        pass_total=2000,
        synced_at=None,
    )
    make_api_key(team, name="Whole", list_calls=200, server_count=10_000)
    shown = text_of(browser.get(URL).content)
    assert "list not whole " + stopped in shown
    assert "now at 1,550 of 2,000" in shown
    assert "takes about 4 min 46 s at this call budget" in shown
    assert shown.count("at this call budget") == 1, "one that fits into its minute needs no words"


def test_api_key_list_tells_that_the_api_is_deprecated(browser: Client) -> None:
    assert "Leaseweb marks this API as deprecated" in text_of(browser.get(URL).content)


def test_api_key_list_leads_to_the_first_key(browser: Client) -> None:
    page = browser.get(URL).content
    assert "No API key yet" in text_of(page)
    assert b"/t/north-ops/api-keys/new/" in page


def test_api_key_list_follows_a_reading(browser: Client, team: Team, make_api_key: MakeApiKey) -> None:
    make_api_key(team, refresh_asked_at=timezone.now())
    page = browser.get(URL).content
    assert b"reading\xe2\x80\xa6" in page
    assert b'data-moving="yes"' in page


def test_api_key_list_leaves_removed_keys_out(browser: Client, team: Team, make_api_key: MakeApiKey) -> None:
    make_api_key(team, name="Old one", removed_at=timezone.now())
    assert "Old one" not in text_of(browser.get(URL).content)


def test_api_key_list_refuses_other_methods(browser: Client) -> None:
    assert browser.post(URL).status_code == 405


@pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
def test_api_key_list_is_for_those_who_manage_keys(
    client_of: ClientOf, role: str, request: pytest.FixtureRequest
) -> None:
    assert client_of(request.getfixturevalue(role)).get(URL).status_code == 403


def test_api_key_list_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, api_key: ApiKey
) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_api_key_list_takes_the_same_queries_for_any_number_of_keys(
    browser: Client, team: Team, api_key: ApiKey, make_api_key: MakeApiKey
) -> None:
    same_queries(browser, URL, lambda: [make_api_key(team) for _ in range(30)])


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_api_key_list_escapes_names_and_answers(
    browser: Client, team: Team, make_api_key: MakeApiKey, text: str
) -> None:
    make_api_key(
        team,
        name=text[:80],
        error=text[:500],
        correlation_id=text[:100],
        health=ApiKey.Health.FAILING,
        error_at=timezone.now(),
    )
    page = browser.get(URL).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
