import pytest
from django.test import Client

from teams.models import Membership, Team, User
from teams.permissions import Role
from tests.cast import ClientOf, MakePerson


def test_home_leads_to_the_team(viewer: User, team: Team, client_of: ClientOf) -> None:
    assert client_of(viewer).get("/")["Location"] == "/t/north-ops/"


def test_home_leads_to_the_team_that_was_open_last(
    viewer: User, team: Team, other_team: Team, client_of: ClientOf
) -> None:
    Membership.objects.create(team=other_team, user=viewer, role=Role.VIEWER)
    assert client_of(viewer).get("/")["Location"] == "/t/north-ops/"
    User.objects.filter(pk=viewer.pk).update(last_team=other_team)
    assert client_of(viewer).get("/")["Location"] == "/t/south-ops/"


def test_home_forgets_a_team_that_was_left(viewer: User, other_team: Team, client_of: ClientOf) -> None:
    User.objects.filter(pk=viewer.pk).update(last_team=other_team)
    assert client_of(viewer).get("/")["Location"] == "/t/north-ops/"


def test_home_without_a_team_says_what_to_do(make_person: MakePerson, client_of: ClientOf) -> None:
    response = client_of(make_person("Nina Nowhere")).get("/")
    page = response.content.decode()
    assert response.status_code == 200
    assert "You belong to no team" in page
    assert "nina.nowhere@example.com" in page


def test_home_asks_for_a_login(client: Client, db: None) -> None:
    assert client.get("/")["Location"] == "/accounts/login/?next=/"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_home_only_reads(method: str, viewer: User, client_of: ClientOf) -> None:
    assert getattr(client_of(viewer), method)("/").status_code == 405
