"""Renaming, reading and removing a key."""

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from servers.models import ApiKey, Server, ServerKey
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeJob, MakeServer
from tests.support.pages import text_of
from tests.support.proof import prove

ACTS = ("rename", "refresh", "remove")


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    """An admin who gave their password a moment ago."""
    return prove(client_of(admin), admin)


def url(api_key: ApiKey, act: str) -> str:
    return f"/t/north-ops/api-keys/{api_key.pk}/{act}/"


# --- Rename ----------------------------------------------------------------------------------------------------


def test_api_key_rename_gives_a_new_name(browser: Client, api_key: ApiKey) -> None:
    page = browser.post(url(api_key, "rename"), {"name": " Shop  account "}, follow=True)
    assert page.redirect_chain == [("/t/north-ops/api-keys/", 302)]
    assert "Shop account" in text_of(page.content)
    api_key.refresh_from_db()
    assert api_key.name == "Shop account"
    assert AuditEvent.objects.get(chain=api_key.team_id).action == "api_key.rename"


def test_api_key_rename_starts_with_the_old_name(browser: Client, api_key: ApiKey) -> None:
    assert b'value="Main account"' in browser.get(url(api_key, "rename")).content


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "nul\0", "Other", "1f0c8e527a1b4c3d9e4f5a6b7c8d9e0f"])
def test_api_key_rename_complains_in_place(
    browser: Client, team: Team, api_key: ApiKey, make_api_key: MakeApiKey, name: str
) -> None:
    make_api_key(team, name="Other")
    page = browser.post(url(api_key, "rename"), {"name": name})
    assert page.status_code == 422
    api_key.refresh_from_db()
    assert api_key.name == "Main account"


def test_second_of_two_names_of_a_key_is_asked_about(browser: Client, api_key: ApiKey) -> None:
    address = url(api_key, "rename")
    opened = browser.get(address).context["form"]["seen"].value()
    browser.post(address, {"name": "Shop", "seen": opened})
    page = browser.post(address, {"name": "Mine", "seen": opened})
    assert page.status_code == 422
    assert "Somebody called it “Shop” meanwhile." in text_of(page.content)
    again = {"name": "Mine", "seen": page.context["form"]["seen"].value()}
    assert browser.post(address, again).status_code == 302
    api_key.refresh_from_db()
    assert api_key.name == "Mine"


# --- Refresh ---------------------------------------------------------------------------------------------------


def test_api_key_refresh_leaves_the_wish(browser: Client, api_key: ApiKey) -> None:
    page = browser.post(url(api_key, "refresh"), follow=True)
    assert page.redirect_chain == [("/t/north-ops/api-keys/", 302)]
    assert b"reading\xe2\x80\xa6" in page.content
    api_key.refresh_from_db()
    assert api_key.refresh_asked_at is not None


# --- Remove ----------------------------------------------------------------------------------------------------


def test_api_key_remove_says_first_what_will_happen(
    browser: Client, team: Team, api_key: ApiKey, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team, api_key=api_key))
    page = browser.get(url(api_key, "remove"))
    shown = text_of(page.content)
    assert "Left without a key 1" in shown
    assert "Jobs in flight on them 1" in shown
    assert "stays valid" in shown
    api_key.refresh_from_db()
    assert api_key.removed_at is None


def test_api_key_remove_wipes_the_key_and_hands_its_servers_on(
    browser: Client, team: Team, api_key: ApiKey, make_server: MakeServer, make_api_key: MakeApiKey
) -> None:
    other = make_api_key(team)
    seen_twice, seen_once = make_server(team, api_key=api_key), make_server(team, api_key=api_key)
    ServerKey.objects.create(server=seen_twice, api_key=other)
    page = browser.post(url(api_key, "remove"), follow=True)
    assert page.redirect_chain == [("/t/north-ops/api-keys/", 302)]
    assert "The key “Main account” is forgotten." in text_of(page.content)
    api_key.refresh_from_db()
    assert (api_key.sealed, api_key.removed_at is None) == ("", False)
    current = dict(Server.objects.values_list("pk", "api_key"))
    assert current == {seen_twice.pk: other.pk, seen_once.pk: None}


def test_api_key_remove_happens_once(browser: Client, api_key: ApiKey) -> None:
    assert browser.post(url(api_key, "remove")).status_code == 302
    assert browser.post(url(api_key, "remove")).status_code == 404
    assert AuditEvent.objects.filter(action="api_key.remove").count() == 1


@pytest.mark.req("R2")
@pytest.mark.parametrize("act", ["rename", "remove"])
def test_api_key_act_asks_for_a_fresh_proof_first(
    client_of: ClientOf, admin: User, api_key: ApiKey, act: str
) -> None:
    browser = client_of(admin)
    before = ApiKey.objects.values().get()
    assert browser.get(url(api_key, act))["Location"].startswith("/accounts/confirm/?next=")
    assert browser.post(url(api_key, act), {"name": "Shop"}).status_code == 403
    assert ApiKey.objects.values().get() == before


# --- The same for all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
def test_api_key_act_refuses_other_methods(browser: Client, api_key: ApiKey, act: str) -> None:
    assert browser.put(url(api_key, act)).status_code == 405
    assert act != "refresh" or browser.get(url(api_key, act)).status_code == 405


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
def test_api_key_act_is_for_those_who_manage_keys(
    client_of: ClientOf, api_key: ApiKey, act: str, role: str, request: pytest.FixtureRequest
) -> None:
    before = ApiKey.objects.values().get()
    assert client_of(request.getfixturevalue(role)).post(url(api_key, act), {"name": "x"}).status_code == 403
    assert ApiKey.objects.values().get() == before


@pytest.mark.parametrize("act", ACTS)
def test_api_key_act_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, api_key: ApiKey, act: str
) -> None:
    before = ApiKey.objects.values().get(pk=api_key.pk)
    assert client_of(outsider).post(url(api_key, act), {"name": "x"}).status_code == 404
    assert ApiKey.objects.values().get(pk=api_key.pk) == before


@pytest.mark.parametrize("act", ACTS)
def test_api_key_act_on_a_foreign_or_removed_key_is_404(
    browser: Client, other_team: Team, team: Team, make_api_key: MakeApiKey, act: str
) -> None:
    for key in (make_api_key(other_team), make_api_key(team, removed_at=timezone.now())):
        assert browser.post(url(key, act), {"name": "x"}).status_code == 404
