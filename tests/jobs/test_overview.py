"""The first page of a team."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from audit.actions import AuditAction
from audit.models import AuditEvent
from servers.models import ApiKey
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeExternal, MakeJob, MakeServer
from tests.support.pages import HOSTILE, same_queries, text_of

URL = "/t/north-ops/"


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


def test_overview_says_how_far_the_first_pass_came(
    browser: Client, team: Team, make_api_key: MakeApiKey
) -> None:
    make_api_key(team, synced_at=None, pass_offset=350, pass_total=10_000)
    page = browser.get(URL)
    assert "350 of 10,000 so far" in text_of(page.content)
    assert "Needs a person" not in text_of(page.content)


def test_overview_counts_servers_by_state_and_leads_to_them(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    for state in ("RUNNING", "RUNNING", "STOPPED", "UNKNOWN"):
        make_server(team, state=state)
    make_server(team, gone_at=timezone.now())
    page = browser.get(URL)
    assert {stat.state: stat.count for stat in page.context["stats"]} == {
        "running": 2,
        "stopped": 1,
        "unknown": 1,
        "gone": 1,
    }
    assert b'href="/t/north-ops/servers/?state=RUNNING"' in page.content
    assert b'href="/t/north-ops/servers/?gone=yes"' in page.content


def test_overview_shows_what_is_in_flight_and_what_is_over(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    live = make_job(make_server(team), "reboot", "observing")
    over = make_job(make_server(team), "power_on", "succeeded")
    page = browser.get(URL)
    assert [row.job for row in page.context["in_flight"]] == [live]
    assert [row.job for row in page.context["over"]] == [over]
    assert b'data-moving="yes"' in page.content


def test_overview_puts_unknown_jobs_before_people(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team, shown_name="web-01"), "reboot", "unknown", deadline_at=timezone.now())
    page = browser.get(URL)
    assert "Needs a person Reboot of web-01 : outcome unknown" in text_of(page.content)
    assert f"/t/north-ops/jobs/{job.pk}/".encode() in page.content
    assert page.context["in_flight"] == []
    assert b'data-moving="no"' in page.content


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"health": "refused"}, "Leaseweb refuses the API key “Main”."),
        ({"health": "reads_only"}, "it seems to be for reading only."),
        ({"health": "failing"}, "The last reading with the API key “Main” failed."),
        ({"next_sync_at": datetime(2026, 3, 10, tzinfo=UTC)}, "The API key “Main” is not being read."),
    ],
)
def test_overview_puts_keys_in_trouble_before_people(
    browser: Client, team: Team, make_api_key: MakeApiKey, fields: dict[str, object], words: str
) -> None:
    make_api_key(team, name="Main", **fields)
    assert words in text_of(browser.get(URL).content)


def test_overview_has_nothing_for_people_when_all_is_well(browser: Client, api_key: ApiKey) -> None:
    shown = text_of(browser.get(URL).content)
    assert "Needs a person" not in shown
    assert "Nothing is going on." in shown


def test_overview_without_key_shows_the_way_to_the_first(client_of: ClientOf, admin: User) -> None:
    page = client_of(admin).get(URL).content
    assert "North Ops has no API key yet" in text_of(page)
    assert b"/t/north-ops/api-keys/new/" in page


def test_overview_without_key_sends_others_to_an_admin(browser: Client) -> None:
    page = browser.get(URL).content
    assert "Ask an admin or owner of North Ops." in text_of(page)
    assert b"api-keys" not in page


def test_overview_follows_the_first_reading(browser: Client, team: Team, make_api_key: MakeApiKey) -> None:
    make_api_key(team, health=ApiKey.Health.UNTRIED)
    page = browser.get(URL).content
    assert "servers are being read" in text_of(page)
    assert b"shown=reading" in page


@pytest.mark.parametrize(
    ("role", "sees"),
    [("viewer", False), ("operator", False), ("auditor", True), ("admin", True), ("owner", True)],
)
def test_overview_shows_the_trail_to_those_who_may_read_it(
    client_of: ClientOf, team: Team, api_key: ApiKey, role: str, sees: bool, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(role)
    AuditEvent.objects.create(
        chain_id=team.pk,
        sequence=1,
        at=timezone.now(),
        action=AuditAction.API_KEY_ADD,
        target_label="The one",
    )
    shown = text_of(client_of(person).get(URL).content)
    assert ("added an API key: The one" in shown) is sees
    assert ("Last activity" in shown) is sees


def test_overview_refuses_other_methods(browser: Client) -> None:
    assert browser.post(URL).status_code == 405


def test_overview_does_not_exist_for_an_outsider(client_of: ClientOf, outsider: User, team: Team) -> None:
    assert client_of(outsider).get(URL).status_code == 404


def test_overview_holds_nothing_of_another_team(
    browser: Client, outsider: User, foreign_server: object, make_job: MakeJob
) -> None:
    make_job(foreign_server, status="observing")  # type: ignore[arg-type]
    assert "foreign" not in text_of(browser.get(URL).content)


def test_overview_takes_the_same_queries_for_any_number_of_rows(
    client_of: ClientOf, owner: User, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    make_job(make_server(team), status="unknown", deadline_at=timezone.now(), requested_by=owner)

    def more() -> None:
        for number in range(30):
            make_job(
                make_server(team), status=("observing", "failed", "unknown")[number % 3], requested_by=owner
            )

    same_queries(client_of(owner), URL, more)


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_overview_escapes_names(
    client_of: ClientOf, owner: User, team: Team, make_server: MakeServer, make_job: MakeJob, text: str
) -> None:
    server = make_server(team, shown_name=text[:200])
    make_job(server, status="failed", message=text[:600])
    make_job(server, status="unknown", deadline_at=timezone.now())
    AuditEvent.objects.create(
        chain_id=team.pk, sequence=1, at=timezone.now(), action="job.request", target_label=text[:200]
    )
    page = client_of(owner).get(URL).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page


@pytest.mark.parametrize(("role", "card"), [("viewer", True), ("operator", True), ("auditor", False)])
def test_overview_shows_external_changes_to_those_who_have_no_trail_to_see_them_in(
    client_of: ClientOf,
    team: Team,
    make_server: MakeServer,
    make_external: MakeExternal,
    role: str,
    card: bool,
    request: pytest.FixtureRequest,
) -> None:
    make_external(make_server(team, shown_name="web-01"))
    shown = text_of(client_of(request.getfixturevalue(role)).get(URL).content)
    assert ("external web-01 state: running → stopped" in shown) is card


def test_overview_counts_contracts_that_end_soon(
    client_of: ClientOf, owner: User, team: Team, make_server: MakeServer
) -> None:
    assert "within 30 days" not in text_of(client_of(owner).get(URL).content)
    make_server(team, contract_ends_on=timezone.localdate())
    assert "1 contract ends within 30 days" in text_of(client_of(owner).get(URL).content)
