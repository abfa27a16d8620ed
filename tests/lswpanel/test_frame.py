"""The frame around every page: the way around, the demo ribbon, messages, the settings of htmx, the error pages."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from teams.models import Membership, Team, User
from teams.permissions import Role
from tests.cast import ClientOf, MakePerson, QueriesOf

HTMX = {
    "allowEval": False,
    "includeIndicatorStyles": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "historyCacheSize": 0,
}


@pytest.fixture
def address(team: Team) -> str:
    return reverse("teams:role_list", args=[team.slug])


def links(page: str) -> list[str]:
    """What the navigation of the team offers."""
    nav = re.search(r"<ul class=\"nav\">(.*?)</ul>", page, re.DOTALL)
    assert nav is not None
    return re.findall(r"</svg>([^<]+)</a>", nav[1])


@pytest.mark.parametrize(
    ("person", "more"),
    [
        ("viewer", set()),
        ("operator", set()),
        ("auditor", {"Audit", "Members"}),
        ("admin", {"API keys", "Audit", "Members"}),
        ("owner", {"API keys", "Audit", "Members"}),
    ],
)
def test_navigation_offers_what_the_role_may_open(
    person: str, more: set[str], request: pytest.FixtureRequest, address: str, client_of: ClientOf
) -> None:
    client = client_of(request.getfixturevalue(person))
    page = client.get(address).content.decode()
    assert set(links(page)) == {"Overview", "Servers", "Snapshots", "Jobs", "Traffic", "Roles"} | more
    nav = page[page.index('<ul class="nav">') : page.index("</ul>", page.index('<ul class="nav">'))]
    for target in re.findall(r"href=\"([^\"]+)\"", nav):
        assert client.get(target).status_code == 200, target


def test_navigation_marks_the_open_page(owner: User, address: str, client_of: ClientOf) -> None:
    page = client_of(owner).get(address).content.decode()
    (marked,) = re.findall(r"<a href=\"([^\"]+)\" aria-current=\"page\">", page)
    assert marked == address


def test_team_switcher_is_for_people_in_several_teams(
    viewer: User, other_team: Team, address: str, client_of: ClientOf
) -> None:
    client = client_of(viewer)
    assert "Switch team" not in client.get(address).content.decode()
    Membership.objects.create(team=other_team, user=viewer, role=Role.VIEWER)
    page = client.get(address).content.decode()
    assert "Switch team, now North Ops" in page
    assert '<a href="/t/south-ops/">South Ops</a>' in page
    assert '<a href="/t/north-ops/" aria-current="true">North Ops</a>' in page


def test_teams_stand_as_people_expect(viewer: User, address: str, client_of: ClientOf) -> None:
    for number, name in enumerate(("Zoe", "ops 10", "Änne", "Ops 2")):
        team = Team.objects.create(name=name, slug=f"team-{number}")
        Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    page = client_of(viewer).get(address).content.decode()
    names = re.findall(r'<a href="/t/[a-z0-9-]+/"(?: aria-current="true")?>([^<]+)</a>', page)
    assert names == ["Änne", "North Ops", "Ops 2", "ops 10", "Zoe"]


def test_frame_takes_as_many_queries_for_30_teams_as_for_one(
    viewer: User, address: str, client_of: ClientOf, queries_of: QueriesOf
) -> None:
    client = client_of(viewer)
    one = queries_of(client, address)
    for number in range(30):
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        Membership.objects.create(team=team, user=viewer, role=Role.VIEWER)
    assert queries_of(client, address) == one


def test_names_of_people_and_teams_are_escaped(
    team: Team, other_team: Team, make_person: MakePerson, client_of: ClientOf
) -> None:
    hostile = "<script>alert(1)</script>"
    person = make_person("Eve", team)
    Membership.objects.create(team=other_team, user=person, role=Role.VIEWER)
    User.objects.filter(pk=person.pk).update(name=hostile)
    Team.objects.update(name=hostile)
    page = client_of(person).get(reverse("teams:role_list", args=[team.slug])).content.decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


@pytest.mark.req("S3")
def test_htmx_is_held_back(viewer: User, address: str, client_of: ClientOf) -> None:
    page = client_of(viewer).get(address).content.decode()
    (content,) = re.findall(r"name=\"htmx-config\"\s+content='([^']+)'", page)
    config: dict[str, Any] = json.loads(content)
    assert {name: config[name] for name in HTMX} == HTMX
    answers = {each["code"]: each["swap"] for each in config["responseHandling"]}
    assert (answers["422"], answers["204"], answers["[45].."]) == (True, False, False)


@pytest.mark.req("S4")
def test_requests_of_htmx_carry_the_token(viewer: User, address: str, client_of: ClientOf) -> None:
    page = client_of(viewer).get(address).content.decode()
    (headers,) = re.findall(r"<body[^>]* hx-headers='([^']+)'", page)
    assert len(json.loads(unescape(headers))["X-CSRFToken"]) == 64


@pytest.mark.parametrize("demo", [True, False])
def test_demo_is_marked(demo: bool, viewer: User, address: str, client_of: ClientOf, settings: Any) -> None:
    settings.DEMO = demo
    assert ("Leaseweb is simulated here" in client_of(viewer).get(address).content.decode()) is demo


def test_sign_out_is_a_form_and_no_link(viewer: User, address: str, client_of: ClientOf) -> None:
    page = client_of(viewer).get(address).content.decode()
    assert '<form method="post" action="/accounts/logout/">' in page
    assert 'href="/accounts/logout/"' not in page


# --- Errors -----------------------------------------------------------------------------------------------------


def test_refusal_says_why_and_what_to_do(viewer: User, team: Team, client_of: ClientOf) -> None:
    response = client_of(viewer).get(reverse("teams:audit_list", args=[team.slug]))
    page = unescape(response.content.decode())
    assert response.status_code == 403
    assert "Your role here is viewer; it does not include “Read the audit trail”." in page
    assert reverse("teams:role_list", args=[team.slug]) in page


def test_missing_page_is_explained_to_everybody(viewer: User, client: Client, client_of: ClientOf) -> None:
    for browser in (client, client_of(viewer)):
        response = browser.get("/no/such/page")
        assert response.status_code == 404
        assert "There is no such page" in response.content.decode()


def test_form_without_its_token_is_explained(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)
    response = client.post("/profile/", {"theme": "dark"})
    assert response.status_code == 403
    assert "Nothing was done" in response.content.decode()
    assert "CSRF token" not in response.content.decode()


def test_wrong_host_is_explained_without_a_request(client: Client) -> None:
    response = client.get("/", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "could not read this request" in response.content.decode()
