import zoneinfo
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import INSTALLATION, AuditEvent
from teams.forms import zone_choices
from teams.models import Team, User
from tests.cast import ClientOf

PROFILE = "/profile/"
GOOD = {"name": "Vera V", "time_zone": "Europe/Amsterdam", "theme": "dark"}


def changes() -> int:
    return AuditEvent.objects.filter(chain=INSTALLATION, action="profile.change").count()


def test_profile_keeps_what_was_entered(viewer: User, client_of: ClientOf) -> None:
    client = client_of(viewer)
    response = client.post(PROFILE, GOOD)
    assert (response.status_code, response["Location"]) == (302, PROFILE)
    viewer.refresh_from_db()
    assert (viewer.name, viewer.time_zone, viewer.theme) == ("Vera V", "Europe/Amsterdam", "dark")
    page = client.get(PROFILE).content.decode()
    assert 'data-theme="dark"' in page
    assert "Times in Europe/Amsterdam" in page
    assert "Your profile was saved." in page
    assert changes() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("theme", "neon"),
        ("name", "x" * 101),
        ("name", "the panel"),
        ("theme", ""),
    ],
)
def test_profile_refuses_nonsense_and_keeps_what_was_typed(
    field: str, value: str, viewer: User, client_of: ClientOf
) -> None:
    response = client_of(viewer).post(PROFILE, {**GOOD, field: value})
    assert response.status_code == 422
    page = response.content.decode()
    assert 'class="errors"' in page
    if field != "name":
        assert 'value="Vera V"' in page
    viewer.refresh_from_db()
    assert (viewer.name, viewer.theme) == ("Vera Viewer", "system")
    assert changes() == 0


@pytest.mark.req("X18")
def test_profile_takes_its_own_fields_alone(viewer: User, outsider: User, client_of: ClientOf) -> None:
    client = client_of(viewer)
    before = User.objects.values().get(pk=viewer.pk)
    foreign = {
        "email": "evil@example.com",
        "is_active": "",
        "password": "x",
        "role": "owner",
        "user": outsider.pk,
        "pk": outsider.pk,
    }
    client.post(PROFILE, {**GOOD, **foreign})
    after = User.objects.values().get(pk=viewer.pk)
    assert {name for name in after if after[name] != before[name]} == {"name", "time_zone", "theme"}
    outsider.refresh_from_db()
    assert outsider.name == "Una Outsider"


def test_profile_that_arrives_without_its_name_keeps_it(viewer: User, client_of: ClientOf) -> None:
    """An empty name is a wish, a missing one is none."""
    answer = client_of(viewer).post(PROFILE, {"time_zone": "UTC", "theme": "dark"})
    assert answer.status_code == 422
    viewer.refresh_from_db()
    assert (viewer.name, viewer.theme) == ("Vera Viewer", "system")


def test_profile_without_a_name_falls_back_to_the_address(viewer: User, client_of: ClientOf) -> None:
    page = client_of(viewer).post(PROFILE, {**GOOD, "name": ""}, follow=True).content.decode()
    assert "<strong>vera.viewer@example.com</strong>" in page


def test_profile_needs_a_login(client: Client, db: None) -> None:
    assert client.get(PROFILE)["Location"] == "/accounts/login/?next=/profile/"
    assert client.post(PROFILE, GOOD).status_code == 302
    assert changes() == 0


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_profile_knows_no_other_method(method: str, viewer: User, client_of: ClientOf) -> None:
    assert getattr(client_of(viewer), method)(PROFILE).status_code == 405


@pytest.mark.req("X9")
def test_profile_needs_the_token_of_the_form(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    assert client.post(PROFILE, GOOD).status_code == 403
    assert changes() == 0


# --- The switch of the top bar ----------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_theme_switch_changes_the_theme_alone(theme: str, viewer: User, client_of: ClientOf) -> None:
    client = client_of(viewer)
    User.objects.filter(pk=viewer.pk).update(time_zone="Asia/Tokyo", theme="dark")
    client.post(PROFILE, {"theme": theme})
    viewer.refresh_from_db()
    assert (viewer.name, viewer.time_zone, viewer.theme) == ("Vera Viewer", "Asia/Tokyo", theme)
    assert f'data-theme="{theme}"' in client.get(PROFILE).content.decode()


def test_theme_switch_changes_nothing_for_nonsense(viewer: User, client_of: ClientOf) -> None:
    assert client_of(viewer).post(PROFILE, {"theme": "neon"}).status_code == 302
    viewer.refresh_from_db()
    assert viewer.theme == "system"
    assert changes() == 0


@pytest.mark.req("X16")
@pytest.mark.parametrize(
    ("referer", "target"),
    [
        ("http://testserver/t/north-ops/roles/?a=b", "/t/north-ops/roles/?a=b"),
        ("", PROFILE),
        ("https://evil.example/t/north-ops/", PROFILE),
        ("//evil.example", PROFILE),
        ("http://testserver@evil.example/", PROFILE),
        ("http://testserver.evil.example/", PROFILE),
        ("javascript:alert(1)", PROFILE),
        ("http:///evil.example", PROFILE),
        ("http://testserver//evil.example/", "/evil.example/"),
    ],
)
def test_theme_switch_leads_back_and_never_elsewhere(
    referer: str, target: str, viewer: User, client_of: ClientOf
) -> None:
    response = client_of(viewer).post(PROFILE, {"theme": "dark"}, headers={"Referer": referer})
    assert (response.status_code, response["Location"]) == (302, target)


def test_theme_switch_stands_in_the_top_bar(viewer: User, team: Team, client_of: ClientOf) -> None:
    page = client_of(viewer).get(reverse("teams:role_list", args=[team.slug])).content.decode()
    assert f'<form method="post" action="{PROFILE}" data-theme-form>' in page
    assert 'value="system" aria-pressed="true"' in page
    assert page.count('aria-pressed="false"') == 2


# --- Zones ------------------------------------------------------------------------------------------------------


def test_every_zone_that_is_offered_exists() -> None:
    offered: list[Any] = [
        each for region in zone_choices() for each in ([region] if isinstance(region[1], str) else region[1])
    ]
    names = [name for name, _ in offered]
    assert len(names) == len(set(names)) > 300
    assert set(names) <= zoneinfo.available_timezones()
    assert ("Europe/Amsterdam", "Amsterdam") in offered
    assert ("America/Argentina/Buenos_Aires", "Argentina, Buenos Aires") in offered


def test_times_are_shown_in_the_zone_of_the_person(
    owner: User, team: Team, client_of: ClientOf, make_entries: Any
) -> None:
    (event,) = make_entries(team, owner)
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    page = client_of(owner).get(reverse("teams:audit_detail", args=[team.slug, 1])).content.decode()
    tokyo = event.at.astimezone(zoneinfo.ZoneInfo("Asia/Tokyo"))
    assert f'datetime="{tokyo.isoformat(timespec="seconds")}"' in page
    assert "JST (UTC+09:00)" in page


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "/etc/passwd", "a\u00e9", "Europe", ""])
def test_time_zone_that_the_machine_does_not_know_is_utc_and_said(
    zone: str, viewer: User, team: Team, client_of: ClientOf
) -> None:
    """It was known where it was chosen: another machine, an older list of zones."""
    User.objects.filter(pk=viewer.pk).update(time_zone=zone)
    client = client_of(viewer)
    for page in (PROFILE, reverse("jobs:overview", args=[team.slug])):
        response = client.get(page)
        assert response.status_code == 200
        assert response.context["unknown_time_zone"] == zone
        text = response.content.decode()
        assert "Times in UTC" in text
        assert ("does not know your time zone" in text) is bool(zone)
    assert client.post(PROFILE, GOOD).status_code == 302
    response = client.get(PROFILE)
    assert response.context["unknown_time_zone"] == ""
    assert "Times in Europe/Amsterdam" in response.content.decode()
