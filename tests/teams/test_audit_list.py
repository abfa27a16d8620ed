import re

import pytest
from django.test import Client
from django.urls import reverse

from audit import persons
from audit.actions import AuditAction
from audit.log import Change, Target
from audit.models import AuditPerson, Outcome
from audit.origin import Actor
from teams import services
from teams.models import Membership, Team, User
from tests.cast import ClientOf, MakeEntries, QueriesOf
from tests.support.pages import text_of

HOSTILE = "<script>alert(1)</script> ‮gro.live"


@pytest.fixture
def address(team: Team) -> str:
    return reverse("teams:audit_list", args=[team.slug])


def numbers(client: Client, address: str) -> list[int]:
    page = client.get(address).content.decode()
    return [int(number) for number in re.findall(r"aria-label=\"Entry (\d+)\"", page)]


def links(client: Client, address: str) -> dict[str, str]:
    """Where the buttons below the list lead, by their relation."""
    page = client.get(address).content.decode()
    found = re.findall(r'href="(\?[^"]*)" rel="(next|prev)"', page)
    return {relation: url.replace("&amp;", "&") for url, relation in found}


def test_audit_list_shows_who_did_what_newest_first(
    auditor: User, operator: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(
        team,
        operator,
        target=Target("server", "7", "web-07"),
        change=Change({"status": "queued"}, {"status": "sending"}),
    )
    make_entries(team, None, action=AuditAction.JOB_TRANSITION, reason="It came back.")
    page = client_of(auditor).get(address)
    assert page.status_code == 200
    text = page.content.decode()
    for shown in (
        "Otto Operator",
        "requested a job",
        "web-07",
        "status: queued → sending",
        "the panel",
        "It came back.",
    ):
        assert shown in text
    assert numbers(client_of(auditor), address) == [2, 1]


@pytest.mark.req("A10")
def test_audit_list_shows_whose_name_somebody_wore(
    auditor: User, operator: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    """An operator takes the auditor's name, acts, and takes the old one back."""
    for name in ("Aude Auditor", "Otto Operator"):
        services.profile_change(
            user=operator, name=name, time_zone="UTC", theme="dark", actor=Actor(operator.pk)
        )
        make_entries(team, operator, reason=f"as {name}")
    text = text_of(client_of(auditor).get(address).content)
    worn = "Aude Auditor otto.operator@example.com looks like Aude Auditor"
    assert f"{worn} operator requested a job as Aude Auditor" in text
    assert "Otto Operator otto.operator@example.com operator requested a job as Otto Operator" in text
    assert text.count("looks like") == 2, "the rename itself and the act; not what Otto did as himself"
    renamed = "person: Otto Operator (otto.operator@example.com) → Aude Auditor (otto.operator@example.com)"
    assert renamed in text
    entry = text_of(client_of(auditor).get(f"{address}2/").content)
    assert f"{worn} person {operator.pk}" in entry


@pytest.mark.req("A10")
def test_audit_list_shows_no_name_that_somebody_put_beside_an_act(
    auditor: User, operator: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, operator)
    AuditPerson.objects.filter(person_id=operator.pk).update(name="Mallory")
    text = text_of(client_of(auditor).get(address).content)
    assert "Mallory" not in text
    assert f"person {operator.pk} name replaced" in text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_audit_list_only_reads(method: str, auditor: User, address: str, client_of: ClientOf) -> None:
    assert getattr(client_of(auditor), method)(address).status_code == 405


def test_audit_list_is_not_for_outsiders(outsider: User, address: str, client_of: ClientOf) -> None:
    assert client_of(outsider).get(address).status_code == 404


@pytest.mark.parametrize("person", ["viewer", "operator"])
def test_audit_list_is_not_for_everybody(
    person: str, request: pytest.FixtureRequest, address: str, client_of: ClientOf
) -> None:
    response = client_of(request.getfixturevalue(person)).get(address)
    assert response.status_code == 403
    assert "Read the audit trail" in response.content.decode()


def test_audit_list_asks_for_a_login(client: Client, address: str) -> None:
    response = client.get(address)
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={address}")


def test_audit_list_never_shows_another_team(
    owner: User,
    outsider: User,
    team: Team,
    other_team: Team,
    client_of: ClientOf,
    make_entries: MakeEntries,
    address: str,
) -> None:
    make_entries(other_team, outsider, target=Target("server", "1", "secret-of-south"))
    page = client_of(owner).get(address).content.decode()
    assert "secret-of-south" not in page
    assert numbers(client_of(owner), f"{address}?server=1") == []


def test_audit_list_pages_by_sequence(
    owner: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, owner, 120)
    client = client_of(owner)
    assert numbers(client, address) == list(range(120, 70, -1))
    assert links(client, address).keys() == {"next"}
    second = address + links(client, address)["next"]
    assert numbers(client, second) == list(range(70, 20, -1))
    third = address + links(client, second)["next"]
    assert numbers(client, third) == list(range(20, 0, -1))
    assert "Entries 20 to 1, newest first" in client.get(third).content.decode()
    assert links(client, third).keys() == {"prev"}
    assert numbers(client, address + links(client, third)["prev"]) == list(range(70, 20, -1))


def test_audit_list_keeps_its_filters_when_paging(
    owner: User, operator: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, operator, 60)
    make_entries(team, owner, 60)
    client, filtered = client_of(owner), f"{address}?actor={operator.pk}"
    assert numbers(client, address + links(client, filtered)["next"]) == list(range(10, 0, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("action=server.refresh", [2]),
        ("outcome=refused", [3]),
        ("server=7", [3, 1]),
        ("server=7&outcome=done", [1]),
        ("actor=panel", [4]),
        ("", [4, 3, 2, 1]),
        ("action=no.such", [4, 3, 2, 1]),
        ("actor=999999999999999999999999", [4, 3, 2, 1]),
        ("server=abc", [4, 3, 2, 1]),
        ("server=99999999999999999999999999", [4, 3, 2, 1]),
        ("after=-1", [4, 3, 2, 1]),
        ("before=99999999999999999999999999", [4, 3, 2, 1]),
        ("after=3", [4, 3, 2, 1]),
        ("actor=%00", [4, 3, 2, 1]),
    ],
)
def test_audit_list_filters_by_its_address(
    query: str,
    expected: list[int],
    owner: User,
    team: Team,
    address: str,
    client_of: ClientOf,
    make_entries: MakeEntries,
) -> None:
    make_entries(team, owner, target=Target("server", "7", "web-07"))
    make_entries(team, owner, action=AuditAction.SERVER_REFRESH, target=Target("server", "8", "web-08"))
    make_entries(team, owner, target=Target("server", "7", "web-07"), outcome=Outcome.REFUSED)
    make_entries(team, None, action=AuditAction.JOB_TRANSITION, target=Target("api_key", "7", "Key"))
    assert numbers(client_of(owner), f"{address}?{query}") == expected


def test_audit_list_finds_somebody_who_left(
    owner: User, operator: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, operator)
    make_entries(team, owner)
    Membership.objects.filter(user=operator).delete()
    assert numbers(client_of(owner), f"{address}?actor={operator.pk}") == [1]


def test_audit_list_without_a_match_says_what_to_do(
    owner: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, owner)
    page = client_of(owner).get(f"{address}?outcome=failed").content.decode()
    assert "No entry matches" in page
    assert f'<a class="button primary" href="{address}">' in page


def test_audit_list_escapes_what_is_foreign(
    owner: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    persons.remember(owner.pk, HOSTILE, owner.email)
    make_entries(team, owner, target=Target("server", "7", HOSTILE), reason=HOSTILE + "x" * 10_000)
    make_entries(team, owner, change=Change({}, {"name": HOSTILE}))
    page = client_of(owner).get(f"{address}?server=7").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert len(page) < 60_000


def test_audit_list_takes_as_many_queries_for_30_entries_as_for_one(
    owner: User,
    operator: User,
    team: Team,
    address: str,
    client_of: ClientOf,
    make_entries: MakeEntries,
    queries_of: QueriesOf,
) -> None:
    client = client_of(owner)
    make_entries(team, owner, target=Target("server", "7", "web-07"))
    one = queries_of(client, address)
    for person in (owner, operator) * 15:
        make_entries(team, person, target=Target("server", "7", "web-07"))
    assert queries_of(client, address) == one <= 9
