"""The installation's trail, as its administrators read it; for everybody else there is no such page."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

import audit.log
from audit import persons, triggers
from audit.actions import AuditAction
from audit.checkpoints import making
from audit.log import Target
from audit.models import INSTALLATION, AuditEvent, AuditHead, Outcome, Verification
from audit.origin import Actor
from audit.verify import verify
from jobs import engine
from teams.models import Team, User
from tests.cast import ClientOf, QueriesOf
from tests.support.pages import text_of

HOSTILE = "<script>alert(1)</script>"
LIST = "/installation/"
VERIFY = "/installation/verify/"
PAGES = (LIST, "/installation/1/", VERIFY, "/installation/changes/", "/installation/checkpoints/")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> None:
    """The file of checkpoints belongs to one database."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def keeper(viewer: User) -> User:
    """Looks after the installation, and is no more than a viewer in a team."""
    User.objects.filter(pk=viewer.pk).update(is_installation_admin=True)
    return User.objects.get(pk=viewer.pk)


def enter(
    action: AuditAction, who: User | None = None, whose: User | None = None, **fields: Any
) -> AuditEvent:
    actor = Actor(who.pk if who else None, ip="203.0.113.9", user_agent="Firefox 150")
    target = Target("user", str(whose.pk) if whose else "")
    with transaction.atomic():
        return audit.log.record(action, chain=INSTALLATION, actor=actor, target=target, **fields)


def failed(whose: User | None = None) -> AuditEvent:
    return enter(AuditAction.LOGIN_FAIL, whose=whose, outcome=Outcome.REFUSED)


def numbers(client: Client, address: str) -> list[int]:
    page = client.get(address).content.decode()
    return [int(number) for number in re.findall(r"aria-label=\"Entry (\d+)\"", page)]


# --- Who may come in --------------------------------------------------------------------------------------------


@pytest.mark.req("X1")
@pytest.mark.parametrize("address", PAGES)
def test_page_is_there_for_installation_administrators_alone(
    address: str, keeper: User, owner: User, client: Client, client_of: ClientOf
) -> None:
    failed()
    assert client.get(address)["Location"] == f"/accounts/login/?next={address}"
    refused, unknown = client_of(owner).get(address), client_of(owner).get("/no/such/page/")
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert text_of(refused.content) == text_of(unknown.content)
    assert client_of(keeper).get(address).status_code in (200, 204)
    assert client_of(keeper).put(address).status_code == 405


def test_verification_is_asked_for_by_installation_administrators_alone(
    keeper: User, owner: User, client_of: ClientOf
) -> None:
    assert client_of(owner).post(VERIFY).status_code == 404
    assert not Verification.objects.exists()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(keeper)
    assert strict.post(VERIFY).status_code == 403
    assert not Verification.objects.exists()


def test_way_there_is_shown_to_installation_administrators_alone(
    keeper: User, owner: User, client_of: ClientOf
) -> None:
    there = f'href="{reverse("teams:installation_list")}"'
    assert there in client_of(keeper).get("/profile/").content.decode()
    assert there not in client_of(owner).get("/profile/").content.decode()


def test_looking_after_the_installation_gives_no_right_in_a_team(
    keeper: User, other_team: Team, client_of: ClientOf
) -> None:
    assert client_of(keeper).get("/t/north-ops/audit/").status_code == 403
    assert client_of(keeper).get("/t/south-ops/audit/").status_code == 404


# --- The list and an entry --------------------------------------------------------------------------------------


def test_list_shows_sign_ins_and_tries_and_where_they_came_from(
    keeper: User, operator: User, team: Team, client_of: ClientOf
) -> None:
    client = client_of(keeper)
    enter(AuditAction.LOGIN, operator, operator)
    failed(operator)
    failed()
    enter(AuditAction.PASSWORD_RESET, None, operator)
    text = text_of(client.get(LIST).content)
    where = "203.0.113.9 Firefox 150"
    for shown in (
        f"Otto Operator otto.operator@example.com signed in {where}",
        f"somebody failed to sign in Otto Operator otto.operator@example.com {where} refused",
        f"somebody failed to sign in unknown account {where} refused",
        f"the panel reset a password Otto Operator otto.operator@example.com {where}",
    ):
        assert shown in text


def test_real_sign_ins_of_the_panel_are_there(keeper: User, operator: User, client_of: ClientOf) -> None:
    operator.set_password("a long walk along the canal")
    operator.save()
    visitor, sign_in = Client(), {"login": operator.email, "password": "a long walk along the canal"}
    visitor.post("/accounts/login/", {**sign_in, "password": "wrong"})
    visitor.post("/accounts/login/", sign_in)
    visitor.post("/accounts/logout/")
    client = client_of(keeper)
    page = client.get(f"{LIST}?person={operator.pk}").content.decode()
    done = re.findall(r'data-label="What"><span>([^<]+)<', page)
    assert done == ["signed out", "signed in", "failed to sign in"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [4, 3, 2, 1]),
        ("action=login.fail", [3, 2]),
        ("outcome=done", [4, 1]),
        ("person={operator}", [4, 2, 1]),
        ("person={operator}&outcome=refused", [2]),
        ("person=panel", [4]),
        ("person=99999999999999999999", [4, 3, 2, 1]),
        ("person=%00", [4, 3, 2, 1]),
        ("action=no.such", [4, 3, 2, 1]),
        ("after=-1", [4, 3, 2, 1]),
    ],
)
def test_list_is_filtered_by_its_address(
    query: str, expected: list[int], keeper: User, operator: User, client_of: ClientOf
) -> None:
    enter(AuditAction.LOGIN, operator, operator)
    failed(operator)
    failed()
    enter(AuditAction.PASSWORD_RESET, None, operator)
    assert numbers(client_of(keeper), f"{LIST}?{query.format(operator=operator.pk)}") == expected


def test_list_is_paged_by_number(keeper: User, client_of: ClientOf) -> None:
    for _ in range(60):
        failed()
    client = client_of(keeper)
    page = client.get(LIST)
    assert numbers(client, LIST) == list(range(60, 10, -1))
    assert numbers(client, LIST + page.context["next_url"]) == list(range(10, 0, -1))


def test_list_says_that_nothing_is_there_yet(keeper: User, client_of: ClientOf) -> None:
    text = text_of(client_of(keeper).get(LIST).content)
    assert "No entry yet" in text
    assert "Clear" not in text


def test_list_never_shows_a_team(
    keeper: User, owner: User, team: Team, client_of: ClientOf, make_entries: Any
) -> None:
    make_entries(team, owner, 2, reason="secret of north")
    failed()
    client = client_of(keeper)
    assert numbers(client, LIST) == [1]
    assert client.get("/installation/2/").status_code == 404


def test_entry_shows_where_it_came_from_and_its_neighbours(
    keeper: User, operator: User, client_of: ClientOf
) -> None:
    for _ in range(3):
        failed(operator)
    client = client_of(keeper)
    text = text_of(client.get("/installation/2/").content)
    for shown in ("Entry 2: somebody failed to sign in", "203.0.113.9", "Firefox 150", "Otto Operator"):
        assert shown in text
    page = client.get("/installation/2/").content.decode()
    assert re.findall(r'href="(/installation/\d+/)" rel="(\w+)"', page) == [
        ("/installation/1/", "prev"),
        ("/installation/3/", "next"),
    ]
    assert client.get("/installation/4/").status_code == 404
    assert client.get("/installation/99999999999999999999999/").status_code == 404


def test_pages_escape_what_is_foreign(keeper: User, operator: User, client_of: ClientOf) -> None:
    persons.remember(operator.pk, HOSTILE, operator.email)
    User.objects.filter(pk=operator.pk).update(name=HOSTILE)
    enter(AuditAction.LOGIN, operator, operator)
    with transaction.atomic():
        actor = Actor(operator.pk, user_agent=HOSTILE)
        audit.log.record(AuditAction.LOGOUT, chain=INSTALLATION, actor=actor, reason=HOSTILE)
    for address in (LIST, "/installation/2/"):
        page = client_of(keeper).get(address).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_name_like_that_of_another_account_is_marked(
    keeper: User, operator: User, outsider: User, client_of: ClientOf
) -> None:
    User.objects.filter(pk=outsider.pk).update(name="0tto Operator")
    enter(AuditAction.LOGIN, operator, operator)
    failed(operator)
    text = text_of(client_of(keeper).get(LIST).content)
    assert text.count("looks like 0tto Operator") == 2


def test_list_takes_as_many_queries_for_30_entries_as_for_one(
    keeper: User, owner: User, operator: User, client_of: ClientOf, queries_of: QueriesOf
) -> None:
    client = client_of(keeper)
    enter(AuditAction.PASSWORD_RESET, keeper, owner)
    one = queries_of(client, LIST)
    for person in (owner, operator) * 15:
        enter(AuditAction.LOGIN, person, person)
        failed(person)
    assert queries_of(client, LIST) == one <= 10


# --- The chain --------------------------------------------------------------------------------------------------


@pytest.mark.req("A7")
def test_worker_verifies_the_chain_and_files_its_verdict(keeper: User, client_of: ClientOf) -> None:
    failed()
    failed()
    client = client_of(keeper)
    assert client.post(VERIFY)["Location"] == VERIFY
    Verification.objects.update(read=1)
    page = client.get(VERIFY).content.decode()
    assert "1 of 2 entries" in page
    where = re.search(r'data-url="([^"]+)" data-moving="yes"', page)
    assert where
    assert client.get(where[1]).status_code == 204
    engine.run_once()
    told = client.get(where[1]).content.decode()
    assert "The trail is intact" in told
    assert 'hx-swap-oob="true"' in told
    assert "All 2 entries" in client.get(VERIFY).content.decode()
    event = AuditEvent.objects.filter(chain=INSTALLATION).latest("sequence")
    assert (event.sequence, event.action, event.actor_id) == (3, "audit.verify", keeper.pk)
    assert verify(INSTALLATION).intact


@pytest.mark.req("A7")
def test_entry_that_was_changed_is_named_and_the_pages_say_that_the_chain_is_broken(
    keeper: User, client_of: ClientOf
) -> None:
    for _ in range(3):
        failed()
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=INSTALLATION, sequence=2).update(reason="nothing to see here")
    client = client_of(keeper)
    assert "is broken" not in client.get(LIST).content.decode()
    client.post(VERIFY)
    engine.run_once()
    assert "Entry 2 was changed after it was written" in client.get(VERIFY).content.decode()
    assert AuditHead.objects.get(pk=INSTALLATION).broken_at is not None
    for address in (LIST, "/installation/1/", VERIFY):
        assert "The trail of this installation is broken" in client.get(address).content.decode()


@pytest.mark.parametrize("read", ["", "x", "-1", "9" * 40, "%00"])
def test_progress_survives_any_address(read: str, keeper: User, client_of: ClientOf) -> None:
    failed()
    client = client_of(keeper)
    client.post(VERIFY)
    assert client.get(f"/installation/changes/?read={read}").status_code == 200


def test_checkpoints_are_downloaded_and_that_is_in_the_trail(keeper: User, client_of: ClientOf) -> None:
    failed()
    making.sign_next(1)
    client = client_of(keeper)
    assert "/installation/checkpoints/" in client.get(VERIFY).content.decode()
    answer = client.get("/installation/checkpoints/")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert (answer["Content-Type"], len(lines)) == ("text/plain; charset=utf-8", 1)
    event = AuditEvent.objects.filter(chain=INSTALLATION).latest("sequence")
    assert (event.action, event.actor_id, event.target_id) == (
        "list.export",
        keeper.pk,
        "audit checkpoints",
    )
