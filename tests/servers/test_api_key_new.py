"""Adding a key: tried at once, kept sealed, never shown."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client

from audit.models import AuditEvent
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey
from tests.support.pages import text_of
from tests.support.proof import prove

URL = "/t/north-ops/api-keys/new/"
PASTED = "1f0c8e52-7a1b-4c3d-9e4f-5a6b7c8d9e0f"
WRONG = "wrong-key-0123456789-abcdef"


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    """An admin who gave their password a moment ago."""
    return prove(client_of(admin), admin)


@pytest.fixture
def leaseweb(settings: LazySettings) -> Iterator[Simulator]:
    with Simulator(servers=2) as simulator:
        settings.LEASEWEB_API_URL = simulator.base_url
        yield simulator


def test_api_key_new_keeps_a_key_that_works(browser: Client, team: Team, leaseweb: Simulator) -> None:
    page = browser.post(URL, {"name": "Main", "key": leaseweb.key}, follow=True)
    assert page.redirect_chain == [("/t/north-ops/servers/", 302)]
    shown = text_of(page.content)
    assert "The key “Main” works and is kept. Its servers are being read now." in shown
    assert "Servers are being read" in shown
    kept = ApiKey.objects.get(team=team)
    assert (kept.name, kept.unseal()) == ("Main", leaseweb.key)
    assert leaseweb.key not in kept.sealed + page.content.decode()


def test_api_key_new_refused_by_leaseweb_explains_and_keeps_nothing(
    browser: Client, team: Team, leaseweb: Simulator
) -> None:
    page = browser.post(URL, {"name": "Main", "key": WRONG})
    assert page.status_code == 422
    shown = text_of(page.content)
    assert "Leaseweb does not accept this API key." in shown
    assert page.context["refused"].correlation_id in shown
    assert 'value="Main"' in page.content.decode()
    assert WRONG not in page.content.decode()
    assert not ApiKey.objects.exists()
    assert AuditEvent.objects.get(chain=team.pk).action == "api_key.refused"


def test_api_key_new_without_leaseweb_explains(browser: Client) -> None:
    page = browser.post(URL, {"name": "Main", "key": WRONG})
    assert page.status_code == 422
    assert "The panel cannot reach Leaseweb." in text_of(page.content)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"name": "Main", "key": "short"}, "An API key has 8 to 256 characters."),
        ({"name": "Main", "key": "with a space in it"}, "without spaces or line breaks"),
        ({"name": "Main", "key": ""}, "This field is required."),
        ({"name": "", "key": WRONG}, "This field is required."),
        ({"name": "x" * 81, "key": WRONG}, "at most 80 characters"),
        ({}, "This field is required."),
    ],
)
def test_api_key_new_complains_in_place(
    browser: Client, leaseweb: Simulator, typed: dict[str, str], complaint: str
) -> None:
    page = browser.post(URL, typed)
    assert page.status_code == 422
    assert complaint in text_of(page.content)
    if typed.get("key"):
        assert typed["key"] not in page.content.decode()
    assert len(leaseweb.journal) == 0


def test_api_key_new_refuses_a_name_in_use_before_it_asks(
    browser: Client, team: Team, leaseweb: Simulator, make_api_key: MakeApiKey
) -> None:
    make_api_key(team, name="Main")
    page = browser.post(URL, {"name": "Main", "key": leaseweb.key})
    assert page.status_code == 422
    assert "has a key called “Main” already" in text_of(page.content)
    assert len(leaseweb.journal) == 0


@pytest.mark.req("X18")
def test_api_key_new_takes_name_and_key_and_nothing_else(
    browser: Client, team: Team, other_team: Team, leaseweb: Simulator
) -> None:
    more = {"team": other_team.pk, "health": "refused", "sealed": "x", "created_by": 1}
    browser.post(URL, {"name": "Main", "key": leaseweb.key, **more})
    kept = ApiKey.objects.get()
    assert (kept.team, kept.health, kept.unseal()) == (team, "untried", leaseweb.key)


@pytest.mark.req("K3")
def test_api_key_new_takes_no_key_for_a_name_and_sends_it_back_to_nobody(
    browser: Client, team: Team, leaseweb: Simulator
) -> None:
    for name in (leaseweb.key, PASTED, f"Main {PASTED}"):
        page = browser.post(URL, {"name": name, "key": leaseweb.key})
        assert page.status_code == 422
        assert "This looks like an API key." in text_of(page.content)
        assert PASTED not in page.content.decode()
    assert len(leaseweb.journal) == 0
    assert not AuditEvent.objects.filter(chain=team.pk).exists()


def test_api_key_new_shows_the_form(browser: Client) -> None:
    page = browser.get(URL)
    assert page.status_code == 200
    assert b'type="password"' in page.content
    assert "deprecated" in text_of(page.content)


@pytest.mark.req("R2")
def test_api_key_new_asks_for_a_fresh_proof_first(
    client_of: ClientOf, admin: User, leaseweb: Simulator
) -> None:
    browser = client_of(admin)
    assert browser.get(URL)["Location"].startswith("/accounts/confirm/?next=")
    refused = browser.post(URL, {"name": "Main", "key": leaseweb.key})
    assert refused.status_code == 403
    assert leaseweb.key not in refused.content.decode()
    assert len(leaseweb.journal) == 0


def test_api_key_new_refuses_other_methods(browser: Client) -> None:
    assert browser.put(URL).status_code == 405


@pytest.mark.parametrize("role", ["viewer", "auditor", "operator"])
def test_api_key_new_is_for_those_who_manage_keys(
    client_of: ClientOf, leaseweb: Simulator, role: str, request: pytest.FixtureRequest
) -> None:
    browser = client_of(request.getfixturevalue(role))
    assert browser.get(URL).status_code == 403
    assert browser.post(URL, {"name": "Main", "key": leaseweb.key}).status_code == 403
    assert not ApiKey.objects.exists()


def test_api_key_new_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, team: Team, leaseweb: Simulator
) -> None:
    assert client_of(outsider).post(URL, {"name": "Main", "key": leaseweb.key}).status_code == 404
    assert not ApiKey.objects.filter(team=team).exists()
