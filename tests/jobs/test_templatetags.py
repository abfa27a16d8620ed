"""How pages of other apps show jobs."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.snapshot_queries import Summary
from jobs.templatetags import jobs as tags
from servers.models import Server
from servers.queries import listed
from teams.access import Access
from teams.models import Team, User
from tests.cast import MakeExternal, MakeJob, MakeServer, MakeSnapshot
from tests.support.pages import access_of

STORY = (
    "{% happenings server 4 as found %}{% for each in found %}{% if each.job %}{{ each.job.job.pk }} "
    "{{ each.job.job.requested_by }};{% else %}{{ each.external.sentence }};{% endif %}{% endfor %}"
)


@pytest.fixture
def access(team: Team, operator: User) -> Access:
    return access_of(operator, team)


def render(source: str, **context: Any) -> str:
    return Template("{% load jobs %}" + source).render(Context(context))


def test_job_columns_is_one_query_for_all_lines(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    for _ in range(30):
        make_job(make_server(team))
    servers = list(listed(access))
    with CaptureQueriesContext(connection) as seen:
        columns = tags.job_columns(Context({"access": access}), servers)
    assert len(seen) == 1
    assert set(columns.by_server) == {server.pk for server in servers}


def test_job_columns_show_buttons_and_badge(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    held, free = make_server(team), make_server(team)
    job = make_job(held, "reboot", "observing")
    columns = tags.job_columns(Context({"access": access}), [held, free])
    badge = tags.column(columns, held.pk).live
    assert badge is not None
    assert (badge.url, badge.status) == (f"/t/north-ops/jobs/{job.pk}/", "observing")
    reboot = tags.column(columns, free.pk).buttons[-1]
    assert (reboot.url, reboot.why_not) == (f"/t/north-ops/servers/{free.pk}/jobs/new/reboot/", "")
    assert tags.column(columns, free.pk).live is None
    assert "in flight" in tags.column(columns, held.pk).why_none
    assert tags.column(columns, free.pk).why_none == ""


@pytest.mark.parametrize(
    ("status", "moving"),
    [("queued", True), ("sending", True), ("observing", True), ("unknown", False), ("succeeded", False)],
)
def test_job_columns_know_whether_something_moves(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob, status: str, moving: bool
) -> None:
    server = make_server(team)
    make_job(server, status=status)
    assert tags.job_columns(Context({"access": access}), [server]).moving is moving


def test_job_columns_offer_more_only_where_it_is_asked_for(
    access: Access, team: Team, make_server: MakeServer
) -> None:
    """An operator may take snapshots; a reinstall is shown, too, with the reason against it."""
    server = make_server(team)
    context = Context({"access": access})
    assert tags.column(tags.job_columns(context, [server]), server.pk).more == ()
    create, reinstall = tags.column(tags.job_columns(context, [server], more=True), server.pk).more
    assert (create.url, create.why_not) == (f"/t/north-ops/servers/{server.pk}/jobs/new/snapshot_create/", "")
    assert "does not include “Reinstall servers”" in reinstall.why_not


def test_snapshot_summary_counts_what_is_listed(
    access: Access, team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot
) -> None:
    server = make_server(team)
    context = Context({"access": access})
    assert tags.snapshot_summary(context, server) == Summary(0, None, 0, None)
    newest = make_snapshot(server, taken_at=timezone.now())
    make_snapshot(server, state="ERROR")
    make_snapshot(server, gone_at=timezone.now())
    make_snapshot(make_server(team))
    with CaptureQueriesContext(connection) as seen:
        found = tags.snapshot_summary(context, server)
    assert len(seen) == 2
    assert (found.count, found.newest, found.broken) == (2, newest.taken_at, 1)


def test_column_of_a_line_that_is_not_there_is_empty() -> None:
    assert tags.column(tags.Columns(), 7).buttons == ()


def test_happenings_are_jobs_and_external_changes_by_time_in_two_queries(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob, make_external: MakeExternal
) -> None:
    server, now = make_server(team), timezone.now()
    times = [now - timedelta(minutes=minutes) for minutes in range(6)]
    jobs = [
        make_job(server, "reboot", "failed", requested_by=access.user, created_at=at) for at in times[::2]
    ]
    for at in times[1::2]:
        make_external(server, at=at)
    make_job(make_server(team))
    make_external(make_server(team))
    with CaptureQueriesContext(connection) as seen:
        shown = render(STORY, access=access, server=server)
    assert len(seen) == 2
    external = "state: running → stopped;"
    assert shown == f"{jobs[0].pk} Otto Operator;{external}{jobs[1].pk} Otto Operator;{external}"


def test_last_reinstall_is_the_newest_that_may_have_been_received(
    access: Access, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team)
    assert tags.last_reinstall(Context({"access": access}), server) is None
    job = make_job(server, "reinstall", "unverified")
    make_job(server, "reinstall", "expired", sent_at=None)
    make_job(server, "reboot", "succeeded")
    make_job(make_server(team), "reinstall", "succeeded")
    with CaptureQueriesContext(connection) as seen:
        row = tags.last_reinstall(Context({"access": access}), server)
    assert row is not None
    assert (row.job.pk, len(seen)) == (job.pk, 1)


def test_live_tells_where_to_ask(access: Access) -> None:
    access.team.cursor = 41
    shown = render("{% live 'servers' ids moving %}", access=access, ids=[1, 2], moving=True)
    assert 'data-url="/t/north-ops/changes/?since=41&amp;page=servers&amp;ids=1,2&amp;shown="' in shown
    assert 'data-moving="yes"' in shown
    assert "hx-swap-oob" not in shown
    assert "<noscript>" in shown


def test_live_stands_still_without_a_reason_to_move(access: Access) -> None:
    shown = render("{% live 'jobs' ids False '' %}", access=access, ids=Server.objects.none())
    assert 'data-moving="no"' in shown
    assert "<noscript>" not in shown


def test_live_in_an_answer_replaces_itself_alone(access: Access) -> None:
    shown = render("{% live 'servers' ids shown='reading' reload=True %}", access=access, ids=[], oob=True)
    assert 'hx-swap-oob="true"' in shown
    assert 'data-reload="yes"' in shown
    assert "shown=reading" in shown
    assert shown.count("<") == 2
