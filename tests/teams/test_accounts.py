"""Signing in and out: no way in but the login, every try in the installation's chain, and no address that lies."""

import re
from collections.abc import Callable
from copy import copy
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

import audit.origin
from audit import persons
from audit.models import INSTALLATION, AuditEvent, AuditHead, AuditPerson, Outcome
from audit.origin import Actor
from audit.verify import verify
from teams import services
from teams.models import User
from teams.sessions import SessionStore

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
OTHER = "another good sentence"
LOGIN, PROFILE = "/accounts/login/", "/profile/"


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ann@example.com", PASSWORD, name="Ann")


def sign_in(client: Client, *, login: str = "ann@example.com", password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": login, "password": password}, **more)


def entries() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=INSTALLATION).order_by("sequence"))


# --- The trail --------------------------------------------------------------------------------------------------


def test_login_is_audited_with_where_it_came_from(client: Client, person: User) -> None:
    response = sign_in(client, headers={"User-Agent": "Firefox/140"}, REMOTE_ADDR="198.51.100.7")
    assert (response.status_code, response["Location"]) == (302, "/")
    (entry,) = entries()
    assert (entry.action, entry.outcome, entry.actor_id) == ("login.succeed", Outcome.DONE, person.pk)
    assert (entry.ip, entry.user_agent, entry.target_id) == ("198.51.100.7", "Firefox/140", str(person.pk))
    assert response["X-Request-ID"] == entry.request_id


@pytest.mark.req("A10")
def test_name_that_was_taken_away_or_replaced_stands_beside_no_further_act(person: User) -> None:
    for attack in (AuditPerson.objects.all().delete, lambda: AuditPerson.objects.update(name="Mallory")):
        attack()
        sign_in(Client())
        digest = entries()[-1].actor_digest
        assert persons.known([digest])[digest] == persons.Known(person.pk, "Ann", person.email, genuine=True)


@pytest.mark.req("A8")
@pytest.mark.parametrize("changed", [{"name": "Bob"}, {"email": "bob@example.com"}], ids=list)
def test_name_or_address_changed_past_the_panel_is_told_of_once(changed: dict[str, str]) -> None:
    user, team = services.owner_create(
        email="ann@example.com", password=PASSWORD, team_name="North", name="Ann", actor=Actor()
    )
    broken = services.team_create(name="South", owner=user, actor=Actor())
    sign_in(Client())
    AuditHead.objects.filter(pk=broken.pk).update(sequence=1)
    User.objects.filter(pk=user.pk).update(**changed)
    for _ in range(2):
        assert sign_in(Client(), login=changed.get("email", user.email)).status_code == 302
    told = AuditEvent.objects.filter(action="profile.change").order_by("-chain")
    assert [(each.chain_id, each.actor_id, each.target_id) for each in told] == [
        (team.pk, None, str(user.pk)),
        (INSTALLATION, None, str(user.pk)),
    ]
    before, after = (known_by(each["person"]) for each in (told[0].before, told[0].after))
    assert (before, after) == (
        ("Ann", "ann@example.com"),
        (changed.get("name", "Ann"), changed.get("email", "ann@example.com")),
    )
    assert AuditHead.objects.get(pk=broken.pk).broken_at


def known_by(digest: str) -> tuple[str, str]:
    known = persons.known([digest])[digest]
    return known.name, known.email


def test_case_of_the_address_does_not_matter(client: Client, person: User) -> None:
    assert sign_in(client, login="ANN@Example.com").status_code == 302
    assert entries()[0].actor_id == person.pk


@pytest.mark.req("X8")
def test_login_gives_a_new_session_and_logout_ends_it(client: Client, person: User) -> None:
    client.get(LOGIN)
    planted = client.session
    planted["planted"] = "by an attacker"
    planted.save()
    sign_in(client)
    assert client.session.session_key != planted.session_key
    used = client.session.session_key
    client.post("/accounts/logout/")
    assert not any(SessionStore().exists(key) for key in (used, planted.session_key))
    assert [entry.action for entry in entries()] == ["login.succeed", "login.end"]
    assert entries()[1].actor_id == person.pk


def test_logout_needs_a_post(client: Client, person: User) -> None:
    client.force_login(person)
    client.get("/accounts/logout/")
    assert client.get("/profile/").status_code == 200
    assert entries() == []


def test_wrong_password_is_audited_against_the_account(client: Client, person: User) -> None:
    response = sign_in(client, password="not the password")
    assert "_auth_user_id" not in client.session
    (entry,) = entries()
    assert (entry.action, entry.outcome, entry.actor_id) == ("login.fail", Outcome.REFUSED, None)
    assert entry.target_id == str(person.pk)
    assert "not the password" not in response.content.decode()


@pytest.mark.req("A9")
@pytest.mark.parametrize("typed", ["hunter2@my.password", "canary-address@example.org"])
def test_address_that_is_no_account_is_stored_nowhere(
    client: Client, person: User, caplog: pytest.LogCaptureFixture, typed: str
) -> None:
    """People type their password into the wrong field."""
    sign_in(client, login=typed, password="canary-password")
    (entry,) = entries()
    assert (entry.action, entry.target_id) == ("login.fail", "")
    row = str(AuditEvent.objects.values().get())
    sessions = "".join(str(each.get_decoded()) for each in Session.objects.all())
    for where in (row, sessions, caplog.text):
        assert typed not in where
        assert "canary-password" not in where


@pytest.mark.req("X6")
def test_login_tells_nobody_which_addresses_have_accounts(person: User) -> None:
    def answer(login: str) -> tuple[int, str]:
        response = sign_in(Client(), login=login, password="not the password")
        body = response.content.decode().replace(login, "")
        return response.status_code, re.sub(r"[A-Za-z0-9]{64}|[0-9a-f-]{36}", "", body)

    assert answer("ann@example.com") == answer("bob@example.com")


def test_disabled_account_cannot_sign_in(client: Client, person: User) -> None:
    User.objects.update(is_active=False)
    sign_in(client)
    assert "_auth_user_id" not in client.session
    assert client.get("/profile/").status_code == 302


def test_password_change_is_audited_and_ends_other_sessions(client: Client, person: User) -> None:
    elsewhere = Client()
    for browser in (client, elsewhere):
        sign_in(browser)
    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": OTHER, "password2": OTHER},
    )
    person.refresh_from_db()
    assert person.check_password(OTHER)
    assert client.get("/profile/").status_code == 200
    assert elsewhere.get("/profile/").status_code == 302
    last = entries()[-1]
    assert (last.action, last.actor_id) == ("password.change", person.pk)
    assert verify(INSTALLATION).intact


@pytest.mark.parametrize(
    "changes", [{"oldpassword": "wrong"}, {"password2": "differs from it"}, {"password1": "short"}]
)
def test_password_that_cannot_be_changed_stays(client: Client, person: User, changes: dict[str, str]) -> None:
    client.force_login(person)
    fields = {"oldpassword": PASSWORD, "password1": OTHER, "password2": OTHER}
    client.post(reverse("account_change_password"), {**fields, **changes})
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert "password.change" not in [entry.action for entry in entries()]


def test_fresh_proof_takes_the_password_of_an_account_made_by_us(client: Client, person: User) -> None:
    client.force_login(person)
    address = reverse("account_reauthenticate")
    assert client.post(address, {"password": "not the password"}).status_code == 200
    assert client.post(address, {"password": PASSWORD}).status_code == 302


@pytest.mark.req("X5")
@pytest.mark.parametrize(
    ("name", "field"), [("account_change_password", "oldpassword"), ("account_reauthenticate", "password")]
)
def test_open_session_gets_no_more_tries_than_the_sign_in(
    client: Client, person: User, name: str, field: str, settings: Any
) -> None:
    """Each wrong one is in the trail; after five of them the right one does not help either."""
    own = {"change_password": "100/m/user", "reauthenticate": "100/m/user"}
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, **own}
    client.force_login(person)
    for _ in range(5):
        client.post(reverse(name), {field: "a guess", "password1": OTHER, "password2": OTHER})
    assert [(entry.action, entry.actor_id) for entry in entries()] == [("login.fail", person.pk)] * 5
    client.post(reverse(name), {field: PASSWORD, "password1": OTHER, "password2": OTHER})
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert len(entries()) == 5


@pytest.mark.req("X8")
def test_fresh_proof_ends_a_stolen_copy_of_the_session(client: Client, person: User) -> None:
    client.force_login(person)
    thief = Client()
    thief.cookies = copy(client.cookies)
    assert thief.get(PROFILE).status_code == 200
    client.post(reverse("account_reauthenticate"), {"password": "not the password"})
    assert thief.get(PROFILE).status_code == 200
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert thief.get(PROFILE).status_code == 302
    assert client.get(PROFILE).status_code == 200


# --- No other way in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["account_signup", "account_email", "socialaccount_signup", "account_set_password"]
)
def test_page_that_would_let_people_in_is_not_routed(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)
    assert name not in get_resolver().reverse_dict


@pytest.mark.parametrize(
    "address", ["/accounts/signup/", "/accounts/email/", "/accounts/social/signup/", "/admin/"]
)
def test_sign_up_is_closed(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404
    assert client.post(address, {"email": "eve@example.com", "password1": OTHER}).status_code in {403, 404}
    assert not User.objects.exists()


def test_without_a_mail_server_no_mail_is_tried(client: Client, person: User) -> None:
    response = client.post(reverse("account_reset_password"), {"email": person.email})
    assert response.status_code == 302
    assert mail.outbox == []


@pytest.mark.req("X16")
@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil"],
)
def test_login_leads_to_no_other_host(client: Client, person: User, target: str) -> None:
    response = client.post(
        f"{LOGIN}?next={target}", {"login": person.email, "password": PASSWORD, "next": target}
    )
    assert (response.status_code, response["Location"]) == (302, "/")


# --- Where a request comes from ---------------------------------------------------------------------------------

Sees = Callable[..., str]


@pytest.fixture
def sees(settings: Any, rf: Any) -> Sees:
    """`sees(count, forwarded)`: the address that is believed with so many trusted proxies."""

    def ask(count: int, forwarded: str, *, remote: str = "192.0.2.1") -> str:
        settings.TRUSTED_PROXY_COUNT = count
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        return audit.origin.client_ip(rf.get("/", headers=headers, REMOTE_ADDR=remote))

    return ask


@pytest.mark.req("X5")
@pytest.mark.parametrize(
    ("count", "forwarded", "believed"),
    [
        (0, "", "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (1, "spoofed,,203.0.113.9 ", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.3", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "<script>", ""),
        (1, "203.0.113.9:51234", "203.0.113.9"),
        (1, '"203.0.113.9:51234"', "203.0.113.9"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "[2001:db8::9]:443", "2001:db8::9"),
        (1, "[2001:db8::9]", "2001:db8::9"),
        (1, '"[2001:DB8:0::9]:443"', "2001:db8::9"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "[::ffff:203.0.113.9]:443", "203.0.113.9"),
        (1, "::ffff:cb00:7109", "203.0.113.9"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "203.0.113.9:", ""),
        (1, "203.0.113.9:123456", ""),
        (1, "[203.0.113.9", ""),
        (1, "2001:db8::9:443:1:2:3:4:5", ""),
        (1, "203.0.113.9 evil", ""),
        (1, "unknown", ""),
        (1, "_hidden", ""),
    ],
)
def test_address_is_the_one_the_last_trusted_proxy_saw(
    sees: Sees, count: int, forwarded: str, believed: str
) -> None:
    assert sees(count, forwarded) == believed


@pytest.mark.req("X5")
@pytest.mark.parametrize("by", ["address", "account"])
def test_throttled_login_gains_nothing_by_a_spoofed_address(person: User, by: str) -> None:
    """Every try claims to come from somewhere else; no proxy is trusted, so none of that is believed."""
    statuses = []
    for number in range(14):
        login = person.email if by == "account" else f"somebody{number}@example.com"
        spoofed = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"203.0.113.{number}"}
        statuses.append(sign_in(Client(), login=login, password="wrong", headers=spoofed).status_code)
    allowed = 5 if by == "account" else 10
    tried = [entry for entry in entries() if entry.action == "login.fail"]
    assert len(tried) == allowed, statuses
    assert {entry.ip for entry in tried} == {"127.0.0.1"}
    after = Client()
    sign_in(after, headers={"X-Forwarded-For": "203.0.113.99"})
    assert "_auth_user_id" not in after.session
