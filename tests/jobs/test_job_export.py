"""The list of jobs as a file."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from jobs.models import Job
from servers.models import Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer
from tests.support.exports import (
    download,
    exports,
    lines,
    nothing_leaves_without_an_entry,
    same_queries_of_download,
)

URL = "/t/north-ops/jobs.csv"
LIST = "/t/north-ops/jobs/"


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


AT = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
FILLED = {
    "params": {"name": "before the upgrade"},
    "code": "refused",
    "message": "=1+1",
    "requested_role": "operator",
    "created_at": AT,
    "sent_at": AT,
    "finished_at": AT,
    "upstream_status": 409,
    "upstream_job_id": "cs01.1",
    "correlation_id": "c0ffee",
}
COLUMNS = {
    "what is done to which server": {
        "server": "web-01",
        "server_leaseweb_id": "222903",
        "kind": "snapshot_create",
        "about": "before the upgrade",
    },
    "who asked": {"asked_by": "Otto Operator", "asked_as": "operator"},
    "when": dict.fromkeys(("asked_at", "sent_at", "finished_at"), "2026-03-01T10:30:00+00:00"),
    "how it ended": {"status": "failed", "code": "refused", "resolution": "", "message": "'=1+1"},
    "what to quote to Leaseweb": {
        "http_status": "409",
        "leaseweb_job": "cs01.1",
        "correlation_id": "c0ffee",
    },
}


@pytest.fixture
def filled(team: Team, operator: User, make_server: MakeServer, make_job: MakeJob) -> Job:
    server = make_server(team, shown_name="web-01", upstream_id="222903")
    return make_job(server, "snapshot_create", "failed", requested_by=operator, **FILLED)


@pytest.mark.parametrize("told", COLUMNS.values(), ids=COLUMNS)
def test_job_export_tells_machines(browser: Client, filled: Job, told: dict[str, str]) -> None:
    (line,) = lines(browser, URL)
    assert {name: line[name] for name in told} == told


def test_job_export_has_these_columns_and_no_other(browser: Client, filled: Job) -> None:
    (line,) = lines(browser, URL)
    assert (line["job"], line["server_panel_id"]) == (str(filled.pk), str(filled.server_id))
    assert set(line) == {"job", "server_panel_id"}.union(*COLUMNS.values())


def test_job_export_is_the_list_with_the_same_query(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team)
    make_job(server, "reboot", "failed", requested_by=operator)
    make_job(server, "power_on", "succeeded")
    make_job(make_server(team), "power_off", "queued")
    queries = ("", "?status=over", "?status=live", "?kind=reboot", "?mine=on", f"?server={server.pk}")
    for query in (*queries, "?status=nonsense"):
        page = browser.get(LIST + query)
        shown = [str(row.job.pk) for row in page.context["rows"]]
        assert [line["job"] for line in lines(browser, page.context["export_url"])] == shown


@pytest.mark.req("X14")
def test_job_export_is_in_the_trail_with_its_filters(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team))
    download(browser, f"{URL}?status=live&mine=on")
    (entry,) = exports(team)
    assert (entry.actor_id, entry.target_type, entry.target_id) == (operator.pk, "list", "jobs")
    assert entry.after == {"status": "live", "person": operator.pk, "most_rows": 50_000}


@pytest.mark.req("A2")
def test_job_export_keeps_everything_back_when_the_trail_fails(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team))
    nothing_leaves_without_an_entry(browser, team, URL)


def test_job_export_takes_the_same_queries_for_any_number_of_rows(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    def more(count: int = 30) -> None:
        for _ in range(count):
            make_job(make_server(team), status="failed", requested_by=operator)

    more(1)
    same_queries_of_download(browser, URL, more)


def test_job_export_is_refused_to_a_viewer_and_the_list_says_why(
    client_of: ClientOf, viewer: User, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team))
    browser = client_of(viewer)
    assert browser.get(URL).status_code == 403
    page = browser.get(LIST).content.decode()
    assert "jobs.csv" not in page
    assert "it does not include “Export lists”" in page
    assert exports(team) == []


@pytest.mark.parametrize("method", ["post", "head", "put", "delete"])
def test_job_export_refuses_other_methods(browser: Client, team: Team, method: str) -> None:
    assert getattr(browser, method)(URL).status_code == 405
    assert exports(team) == []


def test_job_export_does_not_exist_for_an_outsider(client_of: ClientOf, outsider: User, team: Team) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_job_export_holds_nothing_of_another_team(
    browser: Client, foreign_server: Server, make_job: MakeJob
) -> None:
    make_job(foreign_server)
    assert lines(browser, f"{URL}?server={foreign_server.pk}") == []
    assert lines(browser, URL) == []
