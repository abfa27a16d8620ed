import re

import pytest
from django.urls import reverse

from teams import queries
from teams.models import Team, User
from teams.permissions import PERMISSION_TEXT, ROLE_PERMISSIONS, ROLE_TEXT, SUBJECT_TEXT, Permission, Role
from tests.cast import ClientOf


@pytest.fixture
def address(team: Team) -> str:
    return reverse("teams:role_list", args=[team.slug])


@pytest.mark.parametrize("person", ["viewer", "auditor", "operator", "admin", "owner"])
def test_role_list_is_for_every_member(
    person: str, request: pytest.FixtureRequest, address: str, client_of: ClientOf
) -> None:
    response = client_of(request.getfixturevalue(person)).get(address)
    assert response.status_code == 200
    assert re.search(rf"<h2>{person.capitalize()} <span[^>]*>you</span></h2>", response.content.decode())


def test_role_list_shows_the_table_that_decides(owner: User, address: str, client_of: ClientOf) -> None:
    page = client_of(owner).get(address).content.decode()
    for permission in Permission:
        row = re.search(rf"<code class=\"muted\">{permission}</code></th>(.*?)</tr>", page, re.DOTALL)
        assert row is not None, permission
        marks = re.findall(r"visually-hidden\">(yes|no)<", row[1])
        assert marks == ["yes" if permission in ROLE_PERMISSIONS[role] else "no" for role in Role]


def test_every_permission_stands_in_the_table_once() -> None:
    shown = [row.permission for _, rows in queries.permission_table() for row in rows]
    assert sorted(shown) == sorted(Permission)
    assert all(rows for _, rows in queries.permission_table())


def test_every_role_permission_and_subject_has_its_text() -> None:
    assert set(ROLE_TEXT) == set(Role)
    assert set(PERMISSION_TEXT) == set(Permission)
    assert set(SUBJECT_TEXT) == {permission.partition(":")[0] for permission in Permission}


def test_role_list_is_not_for_outsiders(outsider: User, address: str, client_of: ClientOf) -> None:
    assert client_of(outsider).get(address).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_role_list_only_reads(method: str, owner: User, address: str, client_of: ClientOf) -> None:
    assert getattr(client_of(owner), method)(address).status_code == 405
