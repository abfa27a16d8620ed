import pytest
from django.urls import reverse

from audit.actions import AuditAction
from audit.log import Change, Target, Upstream
from audit.models import Outcome
from teams.models import Team, User
from tests.cast import ClientOf, MakeEntries


def address(team: Team, sequence: int) -> str:
    return reverse("teams:audit_detail", args=[team.slug, sequence])


def test_audit_detail_shows_everything_that_was_kept(
    auditor: User, operator: User, team: Team, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    (event,) = make_entries(
        team,
        operator,
        target=Target("server", "7", "web-07", job_id=41),
        outcome=Outcome.FAILED,
        change=Change({"status": "queued", "sure": None}, {"status": "sending", "sure": True}),
        reason="Because.",
        upstream=Upstream(503, "job-of-theirs", "corr-1"),
    )
    page = client_of(auditor).get(address(team, 1)).content.decode()
    shown = (
        "Otto Operator",
        "requested a job",
        "job.request",
        "web-07",
        "failed",
        "Because.",
        "HTTP 503",
        "job-of-theirs",
    )
    for text in (
        *shown,
        "corr-1",
        "Job 41",
        "sending",
        "yes",
        "nothing",
        event.row_hash,
        event.prev_hash,
        event.row_mac,
    ):
        assert text in page, text


def test_audit_detail_leads_to_its_neighbours(
    owner: User, team: Team, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, owner, 3)
    first, middle, last = (client_of(owner).get(address(team, n)).content.decode() for n in (1, 2, 3))
    assert (f'href="{address(team, 1)}"' in middle, f'href="{address(team, 3)}"' in middle) == (True, True)
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in last


def test_audit_detail_shows_an_act_that_this_version_does_not_know(
    owner: User, team: Team, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, owner, action="later.invented")
    response = client_of(owner).get(address(team, 1))
    assert response.status_code == 200
    assert "later.invented" in response.content.decode()


@pytest.mark.parametrize("sequence", [0, 2, 10**12, 2**63, 10**30])
def test_audit_detail_of_no_entry_is_404(
    sequence: int, owner: User, team: Team, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, owner)
    assert client_of(owner).get(address(team, sequence)).status_code == 404


def test_audit_detail_stays_within_the_team(
    owner: User, outsider: User, team: Team, other_team: Team, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(other_team, outsider, 5)
    make_entries(team, owner, 2)
    assert client_of(outsider).get(address(team, 1)).status_code == 404
    assert client_of(owner).get(address(team, 4)).status_code == 404


def test_audit_detail_is_not_for_a_viewer(viewer: User, team: Team, client_of: ClientOf) -> None:
    assert client_of(viewer).get(address(team, 1)).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_audit_detail_only_reads(method: str, owner: User, team: Team, client_of: ClientOf) -> None:
    assert getattr(client_of(owner), method)(address(team, 1)).status_code == 405


def test_audit_detail_escapes_what_is_foreign(
    owner: User, team: Team, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    hostile = '"><script>alert(1)</script>'
    make_entries(
        team,
        owner,
        action=AuditAction.API_KEY_RENAME,
        target=Target("api_key", "1", hostile),
        change=Change({hostile: hostile}, {hostile: "b"}),
        reason=hostile,
        upstream=Upstream(500, hostile, hostile),
    )
    page = client_of(owner).get(address(team, 1)).content.decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 5
