"""What an open page is told: nothing when nothing is new, else exactly what changed."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from jobs import live
from jobs.models import Job
from servers import details
from servers.models import ApiKey, Server, ServerReading, Snapshot
from teams.cursor import bump
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeJob, MakeReading, MakeServer, MakeSnapshot
from tests.support.pages import text_of
from tests.support.proof import prove

URL = "/t/north-ops/changes/"


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    """Somebody who may open every page there is to follow."""
    return prove(client_of(admin), admin)


def place(content: bytes) -> tuple[str, bool]:
    """Where a page or an answer says to ask next, and whether something moves."""
    found = re.search(rb'<div id="live" data-url="([^"]+)" data-moving="(yes|no)"', content)
    assert found
    return found[1].decode().replace("&amp;", "&"), found[2] == b"yes"


def replaced(content: bytes) -> set[str]:
    """The ids that an answer replaces."""
    tags = re.findall(r"<[^>]*hx-swap-oob=\"true\"[^>]*>", content.decode())
    return {re.search(r'id="([^"]+)"', tag)[1] for tag in tags}  # type: ignore[index]


def change(row: Job | Server | Snapshot, **fields: object) -> None:
    """A visible change as the engine and the sync make it."""
    type(row)._default_manager.filter(pk=row.pk).update(changed_seq=bump(row.team_id), **fields)


# --- The questions of every view -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", live.PAGES)
def test_changes_without_news_is_empty_and_cheap(
    browser: Client,
    team: Team,
    make_server: MakeServer,
    make_job: MakeJob,
    make_snapshot: MakeSnapshot,
    make_reading: MakeReading,
    page: str,
) -> None:
    job = make_job(make_server(team))
    shown_id = make_snapshot(job.server).pk if page == "snapshot" else job.server_id
    for subject in details.SOURCES:
        make_reading(job.server, subject, asked_at=timezone.now())
    team.refresh_from_db()
    for shown in ("", live.READING):
        Server.objects.update(refresh_asked_at=timezone.now())
        ApiKey.objects.update(refresh_asked_at=timezone.now())
        query = {"since": team.cursor, "page": page, "ids": f"{shown_id}", "shown": shown}
        with CaptureQueriesContext(connection) as seen:
            answer = browser.get(URL, query)
        assert (answer.status_code, answer.content) == (204, b"")
        assert len(seen) <= 5


ADDRESSES = {
    "overview": "",
    "servers": "servers/",
    "server": "servers/{server}/",
    "traffic": "servers/{server}/traffic/",
    "credentials": "servers/{server}/credentials/",
    "of_server": "servers/{server}/snapshots/",
    "snapshot": "servers/{server}/snapshots/{snapshot}/",
    "snapshots": "snapshots/",
    "templates": "servers/{waiting}/jobs/new/reinstall/",
    "jobs": "jobs/",
    "job": "jobs/{job}/",
    "keys": "api-keys/",
    "verification": "audit/verify/",
}


@dataclass
class Scene:
    """Something of everything that a page follows; `waiting` is a server that no job holds."""

    server: Server
    waiting: Server
    snapshot: Snapshot
    job: Job

    def address(self, page: str) -> str:
        ids = {name: row.pk for name, row in vars(self).items()}
        return f"/t/north-ops/{ADDRESSES[page].format(**ids)}"

    def moves_on(self) -> None:
        """Whatever page is open, there is news for it, and nothing is awaited any more."""
        change(self.job, status="unknown", deadline_at=timezone.now())
        change(self.server, state="STOPPED")
        change(self.snapshot, state="ERROR")
        ServerReading.objects.update(asked_at=None)


@pytest.fixture
def scene(team: Team, make_server: MakeServer, make_job: MakeJob, make_snapshot: MakeSnapshot) -> Scene:
    server, waiting = make_server(team), make_server(team)
    return Scene(server, waiting, make_snapshot(server), make_job(server, "reboot", "observing"))


@pytest.mark.parametrize("page", live.PAGES)
def test_page_asks_for_changes_of_its_own_kind(browser: Client, scene: Scene, page: str) -> None:
    where, _ = place(browser.get(scene.address(page)).content)
    assert parse_qs(urlsplit(where).query)["page"] == [page]


@pytest.mark.parametrize("page", live.PAGES)
def test_changes_replace_only_what_the_page_has(browser: Client, scene: Scene, page: str) -> None:
    """Every id in the answer is an id of the page that asked, or else it would lead nowhere."""
    opened = browser.get(scene.address(page)).content
    scene.moves_on()
    ids = replaced(browser.get(place(opened)[0]).content)
    assert len(ids) >= 2
    assert "live" in ids
    assert {name for name in ids if f'id="{name}"'.encode() not in opened} == set()


@pytest.mark.parametrize("page", live.PAGES)
def test_changes_are_told_once(browser: Client, scene: Scene, page: str) -> None:
    opened = browser.get(scene.address(page)).content
    scene.moves_on()
    news = browser.get(place(opened)[0])
    assert news.status_code == 200
    assert browser.get(place(news.content)[0]).status_code == 204


@pytest.mark.parametrize(
    "query", ["", "since=1", "page=servers", "since=1&page=secrets", "since=x&page=jobs"]
)
def test_changes_of_no_page_is_404(browser: Client, query: str) -> None:
    assert browser.get(f"{URL}?{query}").status_code == 404


@pytest.mark.parametrize("page", live.PAGES)
@pytest.mark.parametrize("ids", ["", "x,y", "0", "999999", "99999999999999999999", "1," * 900])
def test_changes_survive_any_ids(browser: Client, team: Team, page: str, ids: str) -> None:
    bump(team.pk)
    assert browser.get(URL, {"since": 0, "page": page, "ids": ids}).status_code == 200


def test_changes_refuse_other_methods(browser: Client) -> None:
    assert browser.post(f"{URL}?since=0&page=jobs").status_code == 405


def test_changes_do_not_exist_for_an_outsider(client_of: ClientOf, outsider: User, team: Team) -> None:
    assert client_of(outsider).get(f"{URL}?since=0&page=jobs").status_code == 404


@pytest.mark.parametrize("page", live.PAGES)
def test_changes_tell_nothing_of_another_team(
    browser: Client,
    team: Team,
    foreign_server: Server,
    make_job: MakeJob,
    make_snapshot: MakeSnapshot,
    make_reading: MakeReading,
    page: str,
) -> None:
    job = make_job(foreign_server, status="observing")
    snapshot = make_snapshot(foreign_server, "foreign", "REVERTING")
    for subject in ("snapshots", "templates"):
        make_reading(foreign_server, subject, asked_at=timezone.now())
    bump(team.pk)
    ids = f"{foreign_server.pk},{job.pk},{snapshot.pk}"
    answer = browser.get(URL, {"since": 0, "page": page, "ids": ids})
    assert answer.status_code == 200
    assert "foreign" not in text_of(answer.content)
    assert not place(answer.content)[1]


@pytest.mark.req("X9")
def test_changes_change_nothing(browser: Client, team: Team, make_server: MakeServer) -> None:
    make_server(team)
    for page in live.PAGES:
        browser.get(URL, {"since": 0, "page": page})
    team.refresh_from_db()
    assert (team.cursor, AuditEvent.objects.count()) == (1, 0)


# --- Page by page ----------------------------------------------------------------------------------------------


def test_changes_of_the_server_list_hold_the_rows_that_changed(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    still, moved, held = make_server(team), make_server(team), make_server(team)
    where, moving = place(browser.get("/t/north-ops/servers/").content)
    assert not moving
    change(moved, state="STOPPED")
    make_job(held, "power_off", "queued")
    answer = browser.get(where)
    assert replaced(answer.content) == {f"server-row-{moved.pk}", f"server-row-{held.pk}", "live"}
    assert "Power off: queued" in text_of(answer.content)
    where, moving = place(answer.content)
    assert moving
    assert parse_qs(urlsplit(where).query)["ids"] == [f"{still.pk},{moved.pk},{held.pk}"]


def test_changes_of_the_server_list_stop_moving_with_the_last_job(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), status="observing")
    where, moving = place(browser.get("/t/north-ops/servers/").content)
    assert moving
    change(job, status="succeeded", finished_at=timezone.now())
    assert not place(browser.get(where).content)[1]


def test_changes_bring_the_first_servers_by_loading_the_list_anew(
    browser: Client, team: Team, make_api_key: MakeApiKey, make_server: MakeServer
) -> None:
    key = make_api_key(team, health=ApiKey.Health.UNTRIED)
    where, moving = place(browser.get("/t/north-ops/servers/").content)
    assert moving
    assert browser.get(where).status_code == 204
    ApiKey.objects.filter(pk=key.pk).update(health=ApiKey.Health.WORKING)
    make_server(team)
    answer = browser.get(where)
    assert b'data-reload="yes"' in answer.content
    assert not place(answer.content)[1]


def test_changes_tell_a_list_with_servers_that_a_reading_is_done(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    make_server(team)
    ApiKey.objects.update(refresh_asked_at=timezone.now())
    where, _ = place(browser.get("/t/north-ops/servers/").content)
    ApiKey.objects.update(refresh_asked_at=None)
    answer = browser.get(where)
    assert replaced(answer.content) == {"server-news", "live"}
    assert "The reading is done." in text_of(answer.content)
    assert b"data-reload" not in answer.content


def test_changes_of_a_server_end_with_its_reading_even_if_nothing_changed(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    server = make_server(team, refresh_asked_at=timezone.now())
    where, moving = place(browser.get(f"/t/north-ops/servers/{server.pk}/").content)
    assert moving
    assert browser.get(where).status_code == 204
    Server.objects.update(refresh_asked_at=None)
    answer = browser.get(where)
    assert b"reading\xe2\x80\xa6" not in answer.content
    assert not place(answer.content)[1]


def test_changes_of_a_job_bring_the_form_when_it_needs_a_person(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "observing", requested_by=operator)
    where, moving = place(browser.get(f"/t/north-ops/jobs/{job.pk}/").content)
    assert moving
    change(job, status="unknown", deadline_at=timezone.now())
    answer = browser.get(where)
    assert f"job-settle-{job.pk}" in replaced(answer.content)
    assert b"<textarea" in answer.content
    assert b"csrfmiddlewaretoken" in answer.content


def test_changes_of_a_job_leave_a_form_alone_that_somebody_types_into(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "unknown", requested_by=operator)
    where, _ = place(browser.get(f"/t/north-ops/jobs/{job.pk}/").content)
    change(job)
    answer = browser.get(where)
    assert replaced(answer.content) == {
        *(f"job-{part}-{job.pk}" for part in ("now", "story", "facts")),
        "live",
    }


def test_changes_of_the_overview_show_how_things_are_now(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team, shown_name="web-01"), "reboot", "observing")
    where, _ = place(browser.get("/t/north-ops/").content)
    change(job, status="unknown", deadline_at=timezone.now())
    answer = browser.get(where)
    assert replaced(answer.content) == {f"overview-now-{team.pk}", "live"}
    assert "Needs a person" in text_of(answer.content)


def test_changes_of_the_keys_are_for_those_who_manage_them(
    browser: Client, client_of: ClientOf, operator: User, team: Team, api_key: ApiKey
) -> None:
    bump(team.pk)
    query = {"since": 0, "page": "keys", "ids": str(api_key.pk)}
    assert api_key.fingerprint in text_of(browser.get(URL, query).content)
    answer = client_of(operator).get(URL, query)
    assert answer.status_code == 403
    assert api_key.fingerprint.encode() not in answer.content


def test_changes_of_the_snapshot_list_hold_the_rows_that_changed(
    browser: Client, team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot
) -> None:
    still, moved = make_snapshot(make_server(team)), make_snapshot(make_server(team))
    where, moving = place(browser.get("/t/north-ops/snapshots/").content)
    assert not moving
    change(moved, state="REVERTING")
    answer = browser.get(where)
    assert replaced(answer.content) == {f"snapshot-row-{moved.pk}", "live"}
    assert "being restored" in text_of(answer.content)
    ids = parse_qs(urlsplit(place(answer.content)[0]).query)["ids"][0].split(",")
    assert set(ids) == {str(still.pk), str(moved.pk)}


@pytest.mark.parametrize("address", ["snapshots/", "snapshots/{snapshot}/"])
def test_changes_of_snapshots_end_with_their_reading(
    browser: Client, team: Team, make_server: MakeServer, make_snapshot: MakeSnapshot, address: str
) -> None:
    server = make_server(team)
    snapshot = make_snapshot(server)
    page = f"/t/north-ops/servers/{server.pk}/{address.format(snapshot=snapshot.pk)}"
    where, moving = place(browser.get(page).content)
    assert moving
    assert browser.get(where).status_code == 204
    ServerReading.objects.update(asked_at=None)
    answer = browser.get(where)
    assert b"reading\xe2\x80\xa6" not in answer.content
    assert not place(answer.content)[1]


def test_changes_bring_the_first_systems_by_loading_the_form_anew(
    browser: Client, team: Team, make_server: MakeServer
) -> None:
    server = make_server(team)
    where, moving = place(browser.get(f"/t/north-ops/servers/{server.pk}/jobs/new/reinstall/").content)
    assert moving
    assert browser.get(where).status_code == 204
    ServerReading.objects.update(asked_at=None)
    answer = browser.get(where)
    assert b'data-reload="yes"' in answer.content
    assert not place(answer.content)[1]
