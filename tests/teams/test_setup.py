import pytest
from django.test import Client
from django.urls import reverse

from audit.models import INSTALLATION, AuditEvent
from teams import services
from teams.models import Membership, Team, User

GOOD = {
    "name": "Olive Owner",
    "email": "Olive@Example.com",
    "password": "correct horse battery",
    "team_name": "North Ops",
}


@pytest.fixture
def address(db: None) -> str:
    token = services.setup_link_create()
    assert token
    return reverse("teams:setup", args=[token])


def test_setup_makes_the_owner_and_signs_in(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200
    response = client.post(address, GOOD)
    assert (response.status_code, response["Location"]) == (302, "/t/north-ops/api-keys/new/")
    membership = Membership.objects.select_related("user", "team").get()
    assert (membership.role, membership.user.email, membership.team.name) == (
        "owner",
        "olive@example.com",
        "North Ops",
    )
    assert int(client.session["_auth_user_id"]) == membership.user.pk
    actions = (
        AuditEvent.objects.filter(chain=INSTALLATION).order_by("sequence").values_list("action", flat=True)
    )
    assert list(actions)[1:] == [
        "user.create",
        "installation_admin.add",
        "team.create",
        "setup.complete",
        "login.succeed",
    ]


def test_setup_counts_as_a_fresh_proof(client: Client, address: str) -> None:
    client.post(address, GOOD)
    (proof,) = client.session["account_authentication_methods"]
    assert proof["method"] == "password"


def test_setup_gives_a_new_session(client: Client, address: str) -> None:
    session = client.session
    session["planted"] = "before"
    session.save()
    planted = session.session_key
    client.post(address, GOOD)
    assert client.session.session_key != planted


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "no address", "valid email address"),
        ("password", "short", "at least 12 characters"),
        ("password", "x" * 129, "128 characters at most"),
        ("password", "olive@example.com", "too similar"),
        ("team_name", "", "required"),
        ("name", "", "required"),
        ("name", "x" * 101, "at most 100 characters"),
    ],
)
def test_setup_refuses_what_is_wrong_and_keeps_the_link(
    field: str, value: str, words: str, client: Client, address: str
) -> None:
    response = client.post(address, {**GOOD, field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert GOOD["password"] not in page
    assert (User.objects.count(), Team.objects.count()) == (0, 0)
    if field != "email":
        assert 'value="Olive@Example.com"' in page
    assert client.post(address, GOOD).status_code == 302


def test_setup_never_shows_the_password_again(client: Client, address: str) -> None:
    secret = "a very long secret sentence"
    page = client.post(address, {**GOOD, "password": secret, "email": "wrong"}).content.decode()
    assert secret not in page


def test_used_setup_link_is_gone_and_says_what_to_do(client: Client, address: str) -> None:
    client.post(address, GOOD)
    client.logout()
    for response in (client.get(address), client.post(address, {**GOOD, "email": "eve@example.com"})):
        assert response.status_code == 410
        assert 'href="/accounts/login/"' in response.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("token", ["made-up", "x" * 2000, "<script>", "%00"])
def test_unknown_setup_link_says_how_to_get_one(token: str, client: Client, db: None) -> None:
    response = client.get(f"/setup/{token}/")
    assert response.status_code == 404
    assert "manage.py setup_link" in response.content.decode()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_setup_knows_no_other_method(method: str, client: Client, address: str) -> None:
    assert getattr(client, method)(address).status_code == 405


@pytest.mark.req("X9")
def test_setup_needs_the_token_of_the_form(address: str) -> None:
    assert Client(enforce_csrf_checks=True).post(address, GOOD).status_code == 403
    assert User.objects.count() == 0


@pytest.mark.req("X18")
def test_setup_takes_its_own_fields_alone(client: Client, address: str) -> None:
    client.post(
        address, {**GOOD, "role": "viewer", "is_active": "", "theme": "dark", "slug": "evil", "token": "x"}
    )
    assert (Membership.objects.get().role, User.objects.get().theme, Team.objects.get().slug) == (
        "owner",
        "system",
        "north-ops",
    )
