import pytest
from django.urls import reverse

from teams import queries
from teams.models import Team, User
from tests.cast import ClientOf, MakePerson, QueriesOf
from tests.support.pages import access_of


@pytest.fixture
def address(team: Team) -> str:
    return reverse("teams:member_list", args=[team.slug])


def test_member_list_shows_names_addresses_and_roles(
    owner: User, operator: User, auditor: User, address: str, client_of: ClientOf
) -> None:
    page = client_of(auditor).get(address).content.decode()
    for shown in (
        "Olive Owner",
        "olive.owner@example.com",
        "Otto Operator",
        ">operator<",
        "Aude Auditor",
        "you",
    ):
        assert shown in page


def test_member_list_marks_a_disabled_account(
    owner: User, viewer: User, address: str, client_of: ClientOf
) -> None:
    assert "disabled" not in client_of(owner).get(address).content.decode()
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert "disabled" in client_of(owner).get(address).content.decode()


def test_member_list_shows_this_team_alone(
    owner: User, outsider: User, address: str, client_of: ClientOf
) -> None:
    assert "Una Outsider" not in client_of(owner).get(address).content.decode()
    assert client_of(outsider).get(address).status_code == 404


@pytest.mark.parametrize("person", ["viewer", "operator"])
def test_member_list_is_not_for_everybody(
    person: str, request: pytest.FixtureRequest, address: str, client_of: ClientOf
) -> None:
    assert client_of(request.getfixturevalue(person)).get(address).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_member_list_only_reads(method: str, owner: User, address: str, client_of: ClientOf) -> None:
    assert getattr(client_of(owner), method)(address).status_code == 405


def test_member_list_escapes_names(
    owner: User, team: Team, address: str, client_of: ClientOf, make_person: MakePerson
) -> None:
    person = make_person("Eve", team)
    User.objects.filter(pk=person.pk).update(name="<script>alert(1)</script>")
    page = client_of(owner).get(address).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_member_list_takes_as_many_queries_for_30_members_as_for_one(
    owner: User, team: Team, address: str, client_of: ClientOf, make_person: MakePerson, queries_of: QueriesOf
) -> None:
    client = client_of(owner)
    one = queries_of(client, address)
    for number in range(30):
        make_person(f"Member {number}", team)
    assert queries_of(client, address) == one


def test_name_that_looks_like_another_one_is_marked_on_both(
    owner: User, operator: User, address: str, client_of: ClientOf
) -> None:
    User.objects.filter(pk=owner.pk).update(name="0tto Operator")
    page = client_of(owner).get(address).content.decode()
    assert page.count("looks like") == 2
    assert "looks like Otto Operator" in page


@pytest.mark.parametrize(
    "name",
    ["otto.operator@example.com", "Otto Operator (otto.operator@example.com)"],
    ids=["address", "both"],
)
def test_name_that_is_the_address_of_another_one_is_marked(
    name: str, owner: User, operator: User, team: Team
) -> None:
    User.objects.filter(pk=owner.pk).update(name=name)
    owner.refresh_from_db()
    assert queries.teammate_like(owner) == "Otto Operator"
    rows = queries.member_rows(access_of(owner, team))
    assert {row.membership.user_id: row.looks_like for row in rows}[owner.pk] == "Otto Operator"


def test_saving_a_name_like_that_of_a_teammate_says_so(
    owner: User, operator: User, client_of: ClientOf
) -> None:
    values = {"name": "otto operator", "time_zone": "UTC", "theme": "system"}
    saved = client_of(owner).post(reverse("teams:profile"), values, follow=True)
    owner.refresh_from_db()
    assert (owner.name, [str(each.level_tag) for each in saved.context["messages"]]) == (
        "otto operator",
        ["success", "warning"],
    )


def test_members_stand_as_people_expect(owner: User, team: Team, make_person: MakePerson) -> None:
    for name in ("Zoe", "Éva", "anton", "Person 10", "Person 2"):
        make_person(name, team)
    shown = [each.user.name for each in queries.members(access_of(owner, team))]
    assert shown == ["anton", "Éva", "Olive Owner", "Person 2", "Person 10", "Zoe"]
