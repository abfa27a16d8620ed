"""API keys that cannot be right, and a Leaseweb that cannot be asked: each is explained, nothing is kept."""

from html import unescape
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from jobs.engine import reading
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from teams.models import Team, User
from tests.bad_input.conftest import ENDLESS, TROUBLES
from tests.cast import ClientOf
from tests.support.pages import text_of
from tests.support.proof import prove

pytestmark = pytest.mark.django_db
NEW = "/t/north-ops/api-keys/new/"
WRONG_LENGTH = "An API key has 8 to 256 characters."
WRONG_SIGNS = "An API key consists of plain letters, digits and signs, without spaces or line breaks."
NEVER_A_KEY = {
    "empty": ("", "This field is required."),
    "only spaces": ("   ", "This field is required."),
    "short": ("demo-1", WRONG_LENGTH),
    "10 kB": ("demo-" + "x" * 10_000, WRONG_LENGTH),
    "header injected": ("demo-main\r\nX-Evil: yes", WRONG_SIGNS),
    "line break": ("demo-main\ndemo-main", WRONG_SIGNS),
    "not ASCII": ("demo-schlüssel", WRONG_SIGNS),
    "right to left": ("demo-\u202eniam", WRONG_SIGNS),
    "wide digits": ("demo-\uff11\uff12\uff13", WRONG_SIGNS),
    "space inside": ("demo main main", WRONG_SIGNS),
    "tab": ("demo\tmain-main", WRONG_SIGNS),
    "DEL": ("demo-main\x7f", WRONG_SIGNS),
    "NUL": ("demo-main\0more", "Null characters are not allowed."),
}


@pytest.fixture
def admin_client(admin: User, client_of: ClientOf) -> Client:
    return prove(client_of(admin), admin)


@pytest.mark.req("K3")
@pytest.mark.parametrize(("key", "words"), NEVER_A_KEY.values(), ids=NEVER_A_KEY)
def test_impossible_key_is_explained_and_asked_of_nobody(
    key: str, words: str, admin_client: Client, sim: Simulator
) -> None:
    answer = admin_client.post(NEW, {"name": "Main account", "key": key})
    assert answer.status_code == 422
    assert words in text_of(answer.content)
    assert 'value="Main account"' in answer.content.decode()
    assert len(sim.journal) == 0
    assert not ApiKey.objects.exists()
    _shows_nothing_of(key, answer)


def _shows_nothing_of(key: str, answer: Any) -> None:
    if key.strip():
        assert key.strip() not in unescape(answer.content.decode())
        assert "\n" not in answer.headers.get("Location", "")


def test_key_with_a_pasted_line_break_at_its_end_is_taken(admin_client: Client, sim: Simulator) -> None:
    answer = admin_client.post(NEW, {"name": "Main account", "key": f" {sim.key}\r\n"})
    assert answer.status_code == 302
    assert ApiKey.objects.get().unseal() == sim.key


def test_unknown_key_is_refused_in_the_words_of_leaseweb(
    admin_client: Client, sim: Simulator, team: Team
) -> None:
    answer = admin_client.post(NEW, {"name": "Main account", "key": "wrong-but-well-formed"})
    refusal = sim.journal.entries("listServers")[-1]
    assert answer.status_code == 422
    text = text_of(answer.content)
    assert "Leaseweb does not accept this API key." in text
    assert refusal.correlation_id
    assert refusal.correlation_id in text
    assert "wrong-but-well-formed" not in answer.content.decode()
    entry = AuditEvent.objects.get(action="api_key.refused")
    assert (entry.chain_id, entry.target_label, entry.upstream_status) == (team.pk, "Main account", 401)
    assert entry.correlation_id == refusal.correlation_id
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_while_a_key_is_tried_is_explained(
    trouble: str, admin_client: Client, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, words = TROUBLES[trouble]
    if trouble in ENDLESS:
        monkeypatch.setattr("servers.connect.LIVE_CALL_SECONDS", 1.0)
    sim.faults.add(**rule)
    answer = admin_client.post(NEW, {"name": "Main account", "key": sim.key})
    assert answer.status_code == 422
    assert words in text_of(answer.content)
    assert 'value="Main account"' in answer.content.decode()
    assert sim.key not in answer.content.decode()
    assert not ApiKey.objects.exists()
    assert AuditEvent.objects.filter(action="api_key.refused").count() == 1
    monkeypatch.undo()
    sim.faults.clear()
    assert admin_client.post(NEW, {"name": "Main account", "key": sim.key}).status_code == 302


def test_upstream_that_is_not_there_is_explained(admin_client: Client) -> None:
    answer = admin_client.post(NEW, {"name": "Main account", "key": "demo-main"})
    assert answer.status_code == 422
    assert "The panel cannot reach Leaseweb." in text_of(answer.content)


def test_second_click_finds_the_name_taken(admin_client: Client, sim: Simulator) -> None:
    data = {"name": "Main account", "key": sim.key}
    assert admin_client.post(NEW, data).status_code == 302
    again = admin_client.post(NEW, data)
    assert again.status_code == 422
    assert "The team has a key called “Main account” already." in text_of(again.content)
    assert len(sim.journal) == 1, "a name that cannot be used must not cost a call"


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\0b"])
def test_impossible_name_asks_for_the_key_again(name: str, admin_client: Client, sim: Simulator) -> None:
    answer = admin_client.post(NEW, {"name": name, "key": sim.key})
    assert answer.status_code == 422
    assert sim.key not in answer.content.decode()
    assert len(sim.journal) == 0


def test_servers_without_half_their_fields_are_shown(
    admin_client: Client, sim: Simulator, client_of: ClientOf, viewer: User
) -> None:
    sim.faults.add(Fault.MISSING_FIELDS)
    assert admin_client.post(NEW, {"name": "Main account", "key": sim.key}).status_code == 302
    assert reading.read_key(ApiKey.objects.get().pk)
    assert Server.objects.exists()
    pages = ["", "servers/", "servers/?gone=all&sort=-place", "jobs/"]
    pages += [f"servers/{server.pk}/" for server in Server.objects.all()]
    pages += [f"servers/{server.pk}/jobs/new/reboot/" for server in Server.objects.all()]
    for page in pages:
        assert admin_client.get(f"/t/north-ops/{page}").status_code == 200, page
