"""The cast itself: a test that trusts it should not have to check it."""

from django.urls import reverse

from jobs.models import Job
from servers.models import Server
from teams.models import Membership, Team, User
from tests.cast import ClientOf, MakeJob, MakeServer


def test_cast_has_one_person_per_role(
    team: Team, owner: User, admin: User, operator: User, viewer: User, auditor: User
) -> None:
    roles = Membership.objects.filter(team=team).values_list("role", flat=True)
    assert sorted(roles) == ["admin", "auditor", "operator", "owner", "viewer"]


def test_outsider_owns_another_team_with_servers(
    outsider: User, other_team: Team, foreign_server: Server
) -> None:
    assert Membership.objects.get(user=outsider).team == other_team
    assert foreign_server.team == other_team


def test_client_of_is_signed_in(owner: User, client_of: ClientOf) -> None:
    assert client_of(owner).get(reverse("teams:profile")).status_code == 200


def test_make_server_and_make_job_move_the_cursor(
    team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "succeeded")
    team.refresh_from_db()
    assert Job.objects.get().changed_seq == team.cursor == 2
    assert job.finished_at is not None
