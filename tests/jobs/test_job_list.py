"""The list of jobs."""

import pytest
from django.test import Client

from jobs.states import JobStatus
from jobs.words import SHORT
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer
from tests.support.pages import HOSTILE, queries_of, same_queries, text_of

URL = "/t/north-ops/jobs/"


@pytest.fixture
def browser(client_of: ClientOf, viewer: User) -> Client:
    return client_of(viewer)


@pytest.mark.parametrize("status", JobStatus.values)
def test_job_list_shows_jobs_in_every_status(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob, status: str
) -> None:
    job = make_job(make_server(team, shown_name="web-01"), "reboot", status, requested_by=operator)
    shown = text_of(browser.get(URL).content)
    assert f"Reboot #{job.pk} web-01 {SHORT[status]}" in shown
    assert "Otto Operator" in shown
    assert "1 of 1 job, newest first" in shown


def test_job_list_follows_what_moves(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team), status="succeeded")
    assert b'data-moving="no"' in browser.get(URL).content
    make_job(make_server(team), status="queued")
    assert b'data-moving="yes"' in browser.get(URL).content


def test_job_list_filters_by_the_url(
    client_of: ClientOf, operator: User, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team, shown_name="web-01")
    mine = make_job(server, "reboot", "failed", requested_by=operator)
    make_job(make_server(team), "power_on", "failed")
    browser = client_of(operator)
    for query in ("?mine=on", "?kind=reboot", f"?server={server.pk}", f"?person={operator.pk}"):
        page = browser.get(URL + query)
        assert [row.job for row in page.context["rows"]] == [mine], query
    assert "Only those of web-01" in text_of(browser.get(f"{URL}?server={server.pk}").content)


def test_job_list_turns_pages_both_ways(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team)
    jobs = [make_job(server, status="succeeded") for _ in range(51)]
    first = browser.get(f"{URL}?status=over")
    assert "50 of 51 jobs" in text_of(first.content)
    second = browser.get(URL + first.context["next_url"])
    assert [row.job for row in second.context["rows"]] == [jobs[0]]
    back = browser.get(URL + second.context["previous_url"])
    assert [row.job for row in back.context["rows"]] == [row.job for row in first.context["rows"]]


def test_job_list_without_a_match_offers_to_clear(browser: Client) -> None:
    shown = text_of(browser.get(f"{URL}?status=failed").content)
    assert "No job matches" in shown
    assert "Clear the filters" in shown


def test_job_list_without_jobs_says_what_makes_them(browser: Client) -> None:
    page = browser.get(URL).content
    assert "No jobs yet" in text_of(page)
    assert b"/t/north-ops/servers/" in page


def test_job_list_keeps_jobs_of_people_who_left(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team), status="failed", requested_by=operator)
    operator.delete()
    assert "somebody who left" in text_of(browser.get(URL).content)


def test_job_list_refuses_other_methods(browser: Client) -> None:
    assert browser.post(URL).status_code == 405


def test_job_list_does_not_exist_for_an_outsider(client_of: ClientOf, outsider: User, team: Team) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_job_list_holds_nothing_of_another_team(
    browser: Client, foreign_server: object, make_job: MakeJob
) -> None:
    make_job(foreign_server)  # type: ignore[arg-type]
    assert browser.get(f"{URL}?server={foreign_server.pk}").context["rows"] == []  # type: ignore[attr-defined]
    assert "foreign" not in text_of(browser.get(URL).content)


def test_job_list_takes_the_same_queries_for_any_number_of_rows(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team), status="failed", requested_by=operator)
    same_queries(
        browser,
        URL,
        lambda: [make_job(make_server(team), status="failed", requested_by=operator) for _ in range(60)],
    )
    assert queries_of(browser, URL) <= 8


@pytest.mark.parametrize(
    "query", ["after=x&before=y", "status=1&kind=2&server=3", "person=%00", "mine=maybe"]
)
def test_job_list_survives_any_query(browser: Client, query: str) -> None:
    assert browser.get(f"{URL}?{query}").status_code == 200


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_job_list_escapes_names(
    browser: Client, team: Team, make_person: object, make_server: MakeServer, make_job: MakeJob, text: str
) -> None:
    person = User.objects.create_user("x@example.com", name=text[:100])
    make_job(
        make_server(team, shown_name=text[:200]), status="failed", message=text[:600], requested_by=person
    )
    page = browser.get(URL).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
