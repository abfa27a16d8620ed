"""What the pages about jobs find."""

from typing import Any

import pytest
from django.utils import timezone

from jobs import queries
from jobs.models import Job
from jobs.queries import Filters
from jobs.states import JobStatus
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeJob, MakeServer
from tests.support.pages import access_of


@pytest.fixture
def access(team: Team, operator: User) -> Access:
    return access_of(operator, team)


@pytest.fixture
def one_of_each(team: Team, make_server: MakeServer, make_job: MakeJob) -> dict[str, Job]:
    return {status: make_job(make_server(team), "reboot", status) for status in JobStatus.values}


def found(access: Access, **filters: Any) -> set[str]:
    return {job.status for job in queries.job_page(access, Filters(**filters)).rows}


@pytest.mark.parametrize("status", JobStatus.values)
def test_filter_by_one_status(access: Access, one_of_each: dict[str, Job], status: str) -> None:
    assert found(access, status=status) == {status}


def test_filters_by_groups_of_statuses(access: Access, one_of_each: dict[str, Job]) -> None:
    assert found(access, status="live") == {"queued", "sending", "observing"}
    assert found(access, status="attention") == {"unknown"}
    assert found(access, status="trouble") == {"failed", "expired", "unverified"}
    assert found(access, status="over") == {
        *("succeeded", "failed", "unverified", "skipped", "cancelled", "expired", "resolved")
    }


def test_filters_by_kind_server_and_person(
    access: Access, team: Team, admin: User, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team)
    mine = make_job(server, "power_on", "failed", requested_by=operator)
    theirs = make_job(make_server(team), "reboot", "failed", requested_by=admin)
    assert [job.pk for job in queries.job_page(access, Filters(kind="reboot")).rows] == [theirs.pk]
    assert [job.pk for job in queries.job_page(access, Filters(server=server.pk)).rows] == [mine.pk]
    assert [job.pk for job in queries.job_page(access, Filters(person=operator.pk)).rows] == [mine.pk]


def test_jobs_come_newest_first(access: Access, one_of_each: dict[str, Job]) -> None:
    rows = queries.job_page(access, Filters()).rows
    assert [job.pk for job in rows] == sorted((job.pk for job in one_of_each.values()), reverse=True)


def test_live_by_server_knows_the_one_that_holds_it(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    held, free = make_server(team), make_server(team)
    make_job(held, "reboot", "failed")
    job = make_job(held, "power_off", "unknown")
    make_job(free, "reboot", "succeeded")
    assert queries.live_by_server(access, [held, free]) == {held.pk: job}


def test_again_of_takes_ended_jobs_of_the_same_server_only(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    server, other = make_server(team), make_server(team)
    over, live, elsewhere = (
        make_job(server, status="failed"),
        make_job(server),
        make_job(other, status="failed"),
    )
    assert queries.again_of(access, server, over.pk) == over
    assert queries.again_of(access, server, live.pk) is None
    assert queries.again_of(access, server, elsewhere.pk) is None
    assert queries.again_of(access, server, None) is None


def test_state_counts_tell_gone_servers_apart(access: Access, team: Team, make_server: MakeServer) -> None:
    for fields in ({"state": "RUNNING"}, {"state": "RUNNING"}, {"state": "STOPPED"}):
        make_server(team, **fields)
    make_server(team, state="RUNNING", gone_at=timezone.now())
    assert queries.state_counts(access) == {"RUNNING": 2, "STOPPED": 1, "gone": 1}


def test_nothing_of_another_team_is_found(access: Access, foreign_server: Any, make_job: MakeJob) -> None:
    make_job(foreign_server)
    assert queries.job_page(access, Filters()).rows == []
    assert not queries.matching(access, Filters()).exists()
    assert queries.live_by_server(access, [foreign_server]) == {}
    assert queries.in_flight(access) == []
    assert queries.state_counts(access) == {"gone": 0}
