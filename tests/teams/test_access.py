"""The one gate: who is let in, who is told what, and that a right lost is lost at the next request."""

import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from audit.models import AuditEvent, Outcome
from audit.verify import verify
from lswpanel.urls import urlpatterns as panel_urls
from servers.models import Server
from teams.access import Access, MemberRequest, holds, person_view, public_view, team_view
from teams.models import Membership, Team, User
from teams.permissions import Permission, Role
from tests.cast import ClientOf, MakeServer
from tests.support.engine_room import access_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
LOGIN = "/accounts/login/"


@team_view(Permission.SERVERS_POWER)
def probe(request: MemberRequest, number: int) -> HttpResponse:
    return HttpResponse(f"{request.access.team.slug} {request.access.user.pk} {number}")


@person_view
def own_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("own")


@public_view
def open_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


urlpatterns = [
    path("t/<slug:team>/probe/<int:number>/", probe),
    path("own/", own_page),
    path("open/", open_page),
    path("", include(panel_urls)),
]
PROBE = "/t/north-ops/probe/7/"
HTMX = {
    "HX-Request": "true",
    "HX-Current-URL": "http://testserver/t/north-ops/servers/?state=RUNNING&sort=age",
}


def refusals(team: Team) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain=team.pk, action="permission.deny").order_by("sequence"))


def without_noise(response: HttpResponse) -> str:
    """A page without tokens and ids, which are new in each answer, and without the address that was asked for."""
    page = response.content.decode().replace(response.wsgi_request.path, "")  # type: ignore[attr-defined]
    return re.sub(r"[A-Za-z0-9]{64}|[0-9a-f-]{36}", "", page)


# --- Who is let in ----------------------------------------------------------------------------------------------


def test_member_with_the_right_gets_the_page_and_their_access(operator: User, client_of: ClientOf) -> None:
    response = client_of(operator).get(PROBE)
    assert response.content.decode() == f"north-ops {operator.pk} 7"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.req("X1")
@pytest.mark.parametrize("address", [PROBE, "/own/", "/t/no-such-team/probe/7/"])
def test_anonymous_is_sent_to_the_login_and_back(client: Client, team: Team, address: str) -> None:
    response = client.get(address, {"q": "a b"})
    assert response.status_code == 302
    assert response["Location"] == f"{LOGIN}?next={address}%3Fq%3Da%2Bb"


def test_fragment_of_an_anonymous_is_answered_with_a_real_move(client: Client, team: Team) -> None:
    """Back to the page that was open, with its whole query."""
    response = client.get(PROBE, headers=HTMX)
    assert response.status_code == 200
    assert response["HX-Redirect"] == f"{LOGIN}?next=/t/north-ops/servers/%3Fstate%3DRUNNING%26sort%3Dage"


@pytest.mark.req("X16")
@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/t/north-ops/jobs/7/?a=b", "/t/north-ops/jobs/7/%3Fa%3Db"),
        ("https://evil.example/t/north-ops/jobs/7/", "/"),
        ("", "/"),
    ],
)
def test_anonymous_form_leads_back_to_the_page_it_was_sent_from(
    referer: str, back: str, client: Client, team: Team
) -> None:
    """The address that a form is sent to may answer nothing but forms."""
    response = client.post(PROBE, headers={"Referer": referer})
    assert response["Location"] == f"{LOGIN}?next={back}"


def test_public_page_needs_no_login(client: Client) -> None:
    assert client.get("/open/").content == b"open"


@pytest.mark.req("X2")
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_outsider_cannot_tell_a_foreign_team_from_none(
    outsider: User, team: Team, client_of: ClientOf, headers: dict[str, str]
) -> None:
    client = client_of(outsider)
    foreign = client.get(PROBE, headers=headers)
    unknown = client.get("/t/no-such-team/probe/7/", headers=headers)
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert without_noise(foreign) == without_noise(unknown)
    assert team.name not in foreign.content.decode()
    assert refusals(team) == [], "what outsiders try is none of the team's business and would fill its trail"


@pytest.mark.req("A8")
@pytest.mark.req("X1")
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_member_without_the_right_is_told_why_and_it_is_audited(
    viewer: User, team: Team, client_of: ClientOf, headers: dict[str, str]
) -> None:
    client = client_of(viewer)
    response = client.get(
        PROBE, headers={"X-Request-ID": "test-request-1", "User-Agent": "Probe/1", **headers}
    )
    assert response.status_code == 403
    assert "Your role here is viewer" in response.content.decode()
    (entry,) = refusals(team)
    assert (entry.actor_id, entry.actor_role, entry.outcome) == (viewer.pk, "viewer", Outcome.REFUSED)
    assert (entry.target_type, entry.target_id) == ("permission", "servers:power")
    assert (entry.request_id, entry.user_agent, entry.ip) == ("test-request-1", "Probe/1", "127.0.0.1")
    assert "servers:power" in entry.reason
    assert len(entry.session) == 16
    assert entry.session not in client.session.session_key
    assert verify(team.pk).intact


@pytest.mark.req("X3")
def test_removed_member_is_an_outsider_at_the_next_request(operator: User, client_of: ClientOf) -> None:
    client = client_of(operator)
    assert client.get(PROBE).status_code == 200
    Membership.objects.filter(user=operator).delete()
    assert client.get(PROBE).status_code == 404


@pytest.mark.req("X3")
def test_demoted_member_is_refused_at_the_next_request(operator: User, client_of: ClientOf) -> None:
    client = client_of(operator)
    assert client.get(PROBE).status_code == 200
    Membership.objects.filter(user=operator).update(role=Role.AUDITOR)
    assert client.get(PROBE).status_code == 403


@pytest.mark.req("X3")
def test_disabled_person_is_signed_out_at_the_next_request(operator: User, client_of: ClientOf) -> None:
    client = client_of(operator)
    User.objects.filter(pk=operator.pk).update(is_active=False)
    response = client.get(PROBE)
    assert (response.status_code, response["Location"]) == (302, f"{LOGIN}?next={PROBE}")


@pytest.mark.req("X2")
@pytest.mark.parametrize("number", [2**63, 10**30])
def test_absurd_id_is_a_404_and_no_error(operator: User, client_of: ClientOf, number: int) -> None:
    client = client_of(operator)
    assert client.get(f"/t/north-ops/servers/{number}/").status_code == 404
    assert client.get(f"/t/north-ops/jobs/{number}/").status_code == 404


# --- What Access lets through -----------------------------------------------------------------------------------


@pytest.fixture
def access(owner: User, team: Team, make_server: MakeServer, outsider: User) -> Access:
    make_server(team)
    return access_of(owner, team)


@pytest.mark.req("X2")
def test_access_reaches_nothing_of_another_team(access: Access, foreign_server: Server) -> None:
    assert {server.team_id for server in access.servers()} == {access.team.pk}
    assert {key.team_id for key in access.api_keys()} == {access.team.pk}
    assert {each.team_id for each in access.memberships()} == {access.team.pk}
    assert not access.servers().filter(pk=foreign_server.pk).exists()
    assert not access.audit().exclude(chain=access.team.pk).exists()


@pytest.mark.req("X2")
@pytest.mark.parametrize("permission", list(Permission))
def test_owner_can_do_nothing_to_a_server_of_another_team(
    access: Access, foreign_server: Server, permission: Permission
) -> None:
    assert access.can(permission)
    assert access.can(permission, access.servers().get())
    assert not access.can(permission, foreign_server)
    assert access.why_not(permission, foreign_server)


def test_removed_api_key_is_out_of_reach(access: Access) -> None:
    access.api_keys().update(removed_at="2026-01-01T00:00Z")
    assert not access.api_keys().exists()


# --- The engine's question --------------------------------------------------------------------------------------


@pytest.mark.req("G7")
@pytest.mark.parametrize(
    ("role", "held"), [(Role.VIEWER, False), (Role.AUDITOR, False), (Role.OPERATOR, True)]
)
def test_holds_follows_the_role_of_this_moment(operator: User, team: Team, role: Role, held: bool) -> None:
    Membership.objects.filter(user=operator).update(role=role)
    assert holds(operator.pk, team.pk, Permission.SERVERS_POWER) is held


@pytest.mark.req("G7")
def test_holds_is_false_for_strangers_the_disabled_and_nobody(
    operator: User, outsider: User, team: Team, other_team: Team
) -> None:
    power = Permission.SERVERS_POWER
    assert not holds(None, team.pk, power)
    assert not holds(AnonymousUser().pk, team.pk, power)
    assert not holds(outsider.pk, team.pk, power)
    assert not holds(operator.pk, other_team.pk, power)
    assert holds(operator.pk, team.pk, power)
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert not holds(operator.pk, team.pk, power)
