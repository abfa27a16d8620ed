"""Acts on people and teams: each done whole, with its entry, or not at all."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from audit import persons
from audit.census import verify_all
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.origin import Actor
from audit.verify import verify
from teams import services
from teams.models import Membership, SetupLink, Team, User
from teams.permissions import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
BY = Actor(ip="192.0.2.1")


def make_owner(**changes: str) -> tuple[User, Team]:
    values = {"email": "ann@example.com", "password": PASSWORD, "team_name": "North Ops", "name": "Ann"}
    return services.owner_create(actor=BY, **{**values, **changes})


def actions(chain: int) -> list[str]:
    return list(AuditEvent.objects.filter(chain=chain).order_by("sequence").values_list("action", flat=True))


# --- Accounts ---------------------------------------------------------------------------------------------------


def test_owner_create_makes_account_team_and_membership_with_entries() -> None:
    user, team = make_owner()
    assert user.check_password(PASSWORD)
    assert Membership.objects.get(user=user, team=team).role == Role.OWNER
    assert (actions(INSTALLATION), actions(team.pk)) == (
        ["user.create", "installation_admin.add", "team.create"],
        ["team.create", "member.add"],
    )
    assert persons.called_now(user.pk) == persons.Known(user.pk, "Ann", "ann@example.com", genuine=True)
    assert verify(INSTALLATION).intact
    assert verify(team.pk).intact


@pytest.mark.req("A3")
def test_trail_of_the_installation_begins_in_an_empty_database_only() -> None:
    AuditHead.objects.all().delete()
    services.trail_begin()
    assert verify(INSTALLATION).intact
    services.trail_begin()
    make_owner()
    AuditHead.objects.filter(pk=INSTALLATION).update(mac="0" * 64)
    with pytest.raises(ProtectedError):
        AuditHead.objects.all().delete()
    AuditHead.objects.filter(pk=INSTALLATION)._raw_delete("default")
    services.trail_begin()
    assert not AuditHead.objects.filter(pk=INSTALLATION).exists(), "one that was taken away stays missed"
    transaction.set_rollback(True)


def test_account_is_one_whatever_the_case_of_its_address() -> None:
    user, _ = make_owner(email="Ann@Example.COM")
    assert user.email == "ann@example.com"
    with pytest.raises(ValidationError, match="already"):
        services.user_create(email="ANN@example.com", password=PASSWORD, actor=BY)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "@example.com", "a b@example.com", "ann@example.com\n", "a@b\x00.com"]
)
def test_account_needs_a_good_address(email: str) -> None:
    with pytest.raises(ValidationError):
        make_owner(email=email)
    assert not User.objects.exists()
    assert not Team.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("field", ["email", "name", "team_name"])
def test_text_longer_than_its_column_is_refused_and_not_cut(field: str) -> None:
    too_long = f"{'x' * 250}@example.com" if field == "email" else "x" * 300
    with pytest.raises(ValidationError):
        make_owner(**{field: too_long})
    assert not User.objects.exists()


@pytest.mark.req("X7")
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too short"),
        ("elevenchars", "too short"),
        ("password1234", "too common"),
        ("ann@example.com", "too similar"),
        ("x9" * 65, "128 characters at most"),
    ],
)
def test_poor_password_is_refused_and_leaves_nothing(password: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as refused:
        make_owner(password=password)
    assert "password" in refused.value.message_dict
    assert password == "" or password not in str(refused.value)
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["x9" * 64, "пароль из слов", "😀" * 12, "  spaces count too  "])
def test_unusual_password_is_taken_as_it_is(password: str) -> None:
    user, _ = make_owner(password=password)
    assert user.check_password(password)
    assert not user.check_password(password.strip() + " ")


def test_password_reset_signs_out_everywhere_and_is_audited(client: Client) -> None:
    user, _ = make_owner()
    client.force_login(user)
    assert client.get("/profile/").status_code == 200
    services.password_reset(user=user, password="another good sentence", actor=BY)
    assert client.get("/profile/").status_code == 302
    assert actions(INSTALLATION)[-1] == "password.reset"
    assert user.check_password("another good sentence")


def test_poor_password_resets_nothing() -> None:
    user, _ = make_owner()
    with pytest.raises(ValidationError, match="too short"):
        services.password_reset(user=user, password="short", actor=BY)
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert "password.reset" not in actions(INSTALLATION)


def test_profile_change_keeps_the_new_name_beside_the_trail() -> None:
    user, _ = make_owner()
    services.profile_change(user=user, name="Ann B", time_zone="Asia/Tokyo", theme="dark", actor=BY)
    assert (user.name, user.time_zone, user.theme) == ("Ann B", "Asia/Tokyo", "dark")
    assert persons.called_now(user.pk) == persons.Known(user.pk, "Ann B", "ann@example.com", genuine=True)
    entry = AuditEvent.objects.filter(chain=INSTALLATION).latest("sequence")
    was, is_now = entry.before.pop("person"), entry.after.pop("person")
    assert (entry.before, entry.after) == (
        {"time_zone": "UTC", "theme": "system"},
        {"time_zone": "Asia/Tokyo", "theme": "dark"},
    )
    known = persons.known([was, is_now])
    assert (known[was].name, known[is_now].name) == ("Ann", "Ann B")
    assert "Ann" not in str(AuditEvent.objects.values().latest("pk"))


def test_request_that_began_before_a_new_name_does_not_write_the_old_one_back() -> None:
    user, own = make_owner()
    before = User.objects.get(pk=user.pk)
    services.profile_change(user=user, name="Bob", time_zone="Asia/Tokyo", theme="light", actor=BY)
    services.profile_change(user=before, theme="dark", actor=BY)
    user.refresh_from_db()
    assert (user.name, user.time_zone, user.theme) == ("Bob", "Asia/Tokyo", "dark")
    assert persons.called_now(user.pk) == persons.Known(user.pk, "Bob", user.email, genuine=True)
    assert actions(own.pk).count("profile.change") == 1


@pytest.mark.parametrize(
    "name", ["the panel", "The Panel", "the p\N{CYRILLIC SMALL LETTER A}nel", "Somebody", "some\u200bbody"]
)
def test_what_stands_for_no_person_is_nobodys_name(name: str) -> None:
    user, _ = make_owner()
    with pytest.raises(ValidationError) as refused:
        services.profile_change(user=user, name=name, theme="dark", actor=BY)
    assert "name" in refused.value.message_dict
    with pytest.raises(ValidationError):
        services.user_create(email="bo@example.com", password=PASSWORD, name=name, actor=BY)
    assert list(User.objects.values_list("name", "theme")) == [("Ann", "system")]


@pytest.mark.req("A8")
def test_new_name_is_an_entry_of_every_team_of_that_person(team: Team) -> None:
    user, own = make_owner()
    services.member_add(team=team, user=user, role=Role.VIEWER, actor=BY)
    services.profile_change(user=user, name="Bob", time_zone="UTC", theme="dark", actor=BY)
    services.profile_change(user=user, name="Bob", time_zone="UTC", theme="light", actor=BY)
    for chain, times in ((own.pk, 1), (team.pk, 1), (INSTALLATION, 2)):
        assert actions(chain).count("profile.change") == times


@pytest.mark.req("A3")
def test_head_of_the_installation_is_taken_after_that_of_the_team(team: Team) -> None:
    """As everywhere, so that no two writers wait for each other."""
    services.member_add_new(
        team=team, email="bob@example.org", password=PASSWORD, name="Bob", role=Role.VIEWER, actor=BY
    )
    written = AuditEvent.objects.order_by("pk").values_list("chain_id", flat=True)
    assert list(written) == [team.pk, INSTALLATION]


@pytest.mark.req("A10")
def test_forgotten_person_leaves_a_number_and_an_intact_trail() -> None:
    ann, team = make_owner()
    bob = services.user_create(email="bob@example.org", password=PASSWORD, name="Bob Xerxes", actor=BY)
    services.member_add(team=team, user=bob, role=Role.OWNER, actor=BY)
    bob_acts = Actor(bob.pk, "owner", on_behalf_of=bob.pk)
    services.profile_change(user=bob, name="Bob Yoyo", time_zone="UTC", theme="dark", actor=bob_acts)
    bob.known_addresses.create(network="203.0.113.77", used_at=timezone.now())
    services.person_forget(user=bob, actor=BY)
    assert everything_kept().isdisjoint({"Xerxes", "Yoyo", "bob@example.org", "203.0.113.77"})
    assert [found for found in verify_all({team.pk}) if not found.intact] == []
    assert (actions(team.pk)[-1], actions(INSTALLATION)[-1]) == ("person.forget", "person.forget")
    assert list(team.users.all()) == [ann]
    assert not User.objects.get(pk=bob.pk).is_active


def everything_kept() -> set[str]:
    """Every word of every row of every table."""
    words = set[str]()
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  (our own names)
            words |= set(re.findall(r"[\w@.-]+", str(cursor.fetchall())))
    return words


@pytest.mark.req("A10")
def test_names_that_vanish_without_an_entry_are_missed() -> None:
    ann, team = make_owner()
    services.profile_change(user=ann, name="Ann B", time_zone="UTC", theme="dark", actor=Actor(ann.pk))
    persons.forget(ann.pk)
    assert {found.chain for found in verify_all({team.pk}) if not found.intact} == {INSTALLATION, team.pk}


def test_only_owner_of_a_team_cannot_be_forgotten() -> None:
    ann, team = make_owner()
    with pytest.raises(ValidationError, match=f"the only owner of {team.name}"):
        services.person_forget(user=ann, actor=BY)
    assert persons.called_now(ann.pk)


# --- Teams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("North Ops", "north-ops"),
        ("Zürich & Co.", "zurich-co"),
        ("運用チーム", "team"),
        ("💥", "team"),
        ("--- ___", "team"),
        ("new", "new-team"),
        ("Setup", "setup-team"),
        ("static", "static-team"),
        ("x" * 80, "x" * 40),
    ],
)
def test_slug_is_readable_and_leads_to_the_team(name: str, slug: str) -> None:
    _, team = make_owner(team_name=name)
    assert (team.name, team.slug) == (name, slug)
    assert resolve(f"/t/{team.slug}/").kwargs == {"team": slug}


def test_slugs_of_teams_called_alike_are_numbered() -> None:
    user, _ = make_owner()
    names = ["North Ops", "north ops", "NORTH-OPS", "North Ops 2", "North"]
    slugs = [services.team_create(name=name, owner=user, actor=BY).slug for name in names]
    assert slugs == ["north-ops-2", "north-ops-3", "north-ops-4", "north-ops-2-2", "north"]


@pytest.mark.parametrize("name", ["", "   "])
def test_team_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        make_owner(team_name=name)
    assert not Team.objects.exists()
    assert not User.objects.exists()


def test_member_is_added_once_and_keeps_the_role(team: Team) -> None:
    user = services.user_create(email="bo@example.com", password=PASSWORD, actor=BY)
    services.member_add(team=team, user=user, role=Role.VIEWER, actor=BY)
    with pytest.raises(ValidationError, match="a member of North Ops already, as viewer"):
        services.member_add(team=team, user=user, role=Role.OWNER, actor=BY)
    assert Membership.objects.get(user=user).role == Role.VIEWER
    assert actions(team.pk) == ["member.add"]
    assert AuditEvent.objects.get(chain=team.pk).after == {"role": "viewer"}


# --- The set-up link --------------------------------------------------------------------------------------------


def complete(token: str, **changes: str) -> tuple[User, Team]:
    values = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann", "team_name": "North Ops"}
    return services.setup_complete(token=token, actor=BY, **{**values, **changes})


def fresh_token() -> str:
    token = services.setup_link_create()
    assert token
    return token


def test_setup_link_makes_the_owner_and_is_kept_only_as_a_hash() -> None:
    token = fresh_token()
    assert token not in str(list(SetupLink.objects.values()))
    user, team = complete(token)
    assert Membership.objects.get(team=team, user=user).role == Role.OWNER
    assert actions(INSTALLATION) == [
        "setup_link.create",
        "user.create",
        "installation_admin.add",
        "team.create",
        "setup.complete",
    ]


def test_setup_link_works_once() -> None:
    token = fresh_token()
    complete(token)
    assert not services.setup_link_valid(token)
    with pytest.raises(ValidationError, match="used already"):
        complete(token, email="bo@example.com")
    assert User.objects.count() == 1


def test_setup_link_survives_a_poor_password() -> None:
    token = fresh_token()
    with pytest.raises(ValidationError, match="too short"):
        complete(token, password="short")
    assert services.setup_link_valid(token)
    assert complete(token)


def test_newer_setup_link_replaces_the_older_one() -> None:
    old, new = fresh_token(), fresh_token()
    assert (services.setup_link_valid(old), services.setup_link_valid(new)) == (False, True)


def test_setup_link_is_too_old_after_its_time() -> None:
    token = fresh_token()
    link = SetupLink.objects.get()
    SetupLink.objects.update(created_at=link.created_at - services.SETUP_LINK_LIVES - timedelta(seconds=1))
    assert not services.setup_link_valid(token)
    with pytest.raises(ValidationError, match="too old"):
        complete(token)


ACCOUNTS: dict[str, Callable[[], object]] = {
    "by command": lambda: make_owner(email="bo@example.com"),
    "without a team": lambda: services.user_create(email="bo@example.com", password=PASSWORD, actor=BY),
}


@pytest.mark.parametrize("how", ACCOUNTS)
def test_setup_link_is_dead_once_there_is_an_account(how: str) -> None:
    token = fresh_token()
    ACCOUNTS[how]()
    assert not services.setup_link_valid(token)
    with pytest.raises(ValidationError):
        complete(token)
    assert services.setup_link_create() is None
    assert not User.objects.filter(email="ann@example.com").exists()


@pytest.mark.parametrize("token", ["", "guess", "x" * 5000, "é\x00"])
def test_made_up_token_is_refused(token: str) -> None:
    fresh_token()
    assert not services.setup_link_valid(token)
    with pytest.raises(ValidationError):
        complete(token)


@pytest.mark.django_db(transaction=True)
def test_two_people_with_the_setup_link_at_once_make_one_owner() -> None:
    token, refused = fresh_token(), []
    start = threading.Barrier(4)

    def visitor(number: int) -> None:
        start.wait(timeout=120)
        try:
            complete(token, email=f"visitor{number}@example.com", team_name=f"Team {number}")
        except ValidationError as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=visitor, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (User.objects.count(), Team.objects.count(), len(refused)) == (1, 1, 3)
    assert verify(INSTALLATION).intact
