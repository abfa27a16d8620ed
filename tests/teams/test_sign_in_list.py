"""What happened to the accounts of a team's members, for its owners: nothing about anybody else."""

import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

import audit.log
from audit.actions import AuditAction
from audit.log import Target
from audit.models import INSTALLATION, AuditEvent, Outcome
from audit.origin import Actor
from teams import services
from teams.models import Membership, Team, User
from tests.cast import ClientOf, MakePerson, QueriesOf
from tests.support.pages import text_of


@pytest.fixture
def address(team: Team) -> str:
    return reverse("teams:sign_in_list", args=[team.slug])


def enter(action: AuditAction, who: User | None, whose: User | None, **fields: Any) -> AuditEvent:
    actor = Actor(who.pk if who else None, ip="203.0.113.9", user_agent="Firefox 150")
    target = Target("user", str(whose.pk) if whose else "")
    with transaction.atomic():
        return audit.log.record(action, chain=INSTALLATION, actor=actor, target=target, **fields)


def numbers(client: Client, address: str) -> list[int]:
    page = client.get(address).content.decode()
    return [int(number) for number in re.findall(r"aria-label=\"Entry (\d+)\"", page)]


@pytest.mark.req("X1")
@pytest.mark.parametrize("person", ["viewer", "operator", "auditor", "admin"])
def test_sign_ins_are_for_owners(
    person: str, request: pytest.FixtureRequest, address: str, client: Client, client_of: ClientOf
) -> None:
    assert client.get(address)["Location"] == f"/accounts/login/?next={address}"
    visitor = client_of(request.getfixturevalue(person))
    assert [visitor.get(each).status_code for each in (address, f"{address}1/")] == [403, 403]
    assert address not in visitor.get("/t/north-ops/members/").content.decode()


def test_sign_ins_only_read(owner: User, outsider: User, address: str, client_of: ClientOf) -> None:
    assert client_of(owner).post(address).status_code == 405
    assert client_of(owner).post(f"{address}1/").status_code == 405
    assert client_of(outsider).get(address).status_code == 404


def test_owner_sees_what_happened_to_the_accounts_of_members(
    owner: User, operator: User, address: str, client_of: ClientOf
) -> None:
    assert "No entry yet" in client_of(owner).get(address).content.decode()
    enter(AuditAction.LOGIN, operator, operator)
    enter(AuditAction.LOGIN_FAIL, None, operator, outcome=Outcome.REFUSED)
    enter(AuditAction.PASSWORD_RESET, None, operator)
    services.profile_change(
        user=operator, name="Ota", time_zone="UTC", theme="dark", actor=Actor(operator.pk)
    )
    client = client_of(owner)
    assert address in client.get("/t/north-ops/members/").content.decode()
    text = text_of(client.get(address).content)
    for shown in (
        "Otto Operator otto.operator@example.com signed in 203.0.113.9 Firefox 150",
        "somebody failed to sign in Ota otto.operator@example.com 203.0.113.9 Firefox 150 refused",
        "the panel reset a password Ota",
        "Ota otto.operator@example.com changed their profile",
    ):
        assert shown in text
    assert numbers(client, f"{address}?person={operator.pk}&action=login.fail") == [2]
    assert "203.0.113.9" in text_of(client.get(f"{address}2/").content)


@pytest.mark.req("X2")
def test_owner_sees_nobody_elses_account(
    owner: User,
    operator: User,
    outsider: User,
    address: str,
    client_of: ClientOf,
    make_person: MakePerson,
) -> None:
    """Neither of other teams nor of nobody, nor what belongs to the installation, nor of somebody who left."""
    left = make_person("Quentin Quit")
    foreign = [
        enter(AuditAction.LOGIN, outsider, outsider),
        enter(AuditAction.LOGIN_FAIL, None, None, outcome=Outcome.REFUSED),
        enter(AuditAction.LOGIN_FAIL, None, outsider, outcome=Outcome.REFUSED),
        enter(AuditAction.LOGIN_FAIL, outsider, operator, outcome=Outcome.REFUSED),
        enter(AuditAction.LOGIN, left, left),
        enter(AuditAction.INSTALLATION_ADMIN_ADD, None, operator),
        enter(AuditAction.USER_CREATE, outsider, operator),
    ]
    own = enter(AuditAction.LOGIN, operator, operator)
    client = client_of(owner)
    assert numbers(client, address) == [own.sequence]
    for query in (f"person={outsider.pk}", f"person={left.pk}", "person=panel", "action=user.create"):
        assert numbers(client, f"{address}?{query}") == [own.sequence], query
    assert [client.get(f"{address}{each.sequence}/").status_code for each in foreign] == [404] * 7
    entry = client.get(f"{address}{own.sequence}/").content.decode()
    assert 'rel="prev"' not in entry
    page = client.get(address).content.decode() + entry
    assert not re.search(r"Una|Quentin|/installation/", page)


def test_who_leaves_is_not_shown_any_more(
    owner: User, operator: User, address: str, client_of: ClientOf
) -> None:
    enter(AuditAction.LOGIN, operator, operator)
    assert numbers(client_of(owner), address) == [1]
    Membership.objects.filter(user=operator).delete()
    assert numbers(client_of(owner), address) == []
    assert client_of(owner).get(f"{address}1/").status_code == 404


@pytest.mark.req("A10")
def test_names_like_those_of_current_members_are_marked(
    owner: User, operator: User, outsider: User, address: str, client_of: ClientOf
) -> None:
    User.objects.filter(pk=outsider.pk).update(name="Olive Owner")
    enter(AuditAction.LOGIN, operator, operator)
    enter(AuditAction.LOGIN, owner, owner)
    client = client_of(owner)
    assert "looks like" not in client.get(address).content.decode(), "a stranger is no business of this team"
    User.objects.filter(pk=operator.pk).update(name="0live Owner")
    assert text_of(client.get(address).content).count("looks like 0live Owner") == 1


def test_sign_ins_take_as_many_queries_for_30_entries_as_for_one(
    owner: User, team: Team, address: str, client_of: ClientOf, make_person: MakePerson, queries_of: QueriesOf
) -> None:
    client = client_of(owner)
    enter(AuditAction.LOGIN, owner, owner)
    one = queries_of(client, address)
    for number in range(30):
        member = make_person(f"Member {number}", team)
        enter(AuditAction.LOGIN, member, member)
    assert queries_of(client, address) == one <= 11
