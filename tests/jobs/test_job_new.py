"""The page between the click and the deed."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from jobs.kinds import KINDS, POWER_KINDS
from jobs.models import Job
from servers.models import ApiKey, Server
from teams.models import Team, User
from teams.permissions import PERMISSION_TEXT
from tests.cast import ClientOf, MakeJob, MakeServer
from tests.support.pages import HOSTILE, text_of
from tests.support.reach import OBSTACLES, Obstacle, disabled_refresh, out_of_reach

STATE_FOR = {"power_on": "STOPPED", "power_off": "RUNNING", "reboot": "RUNNING"}
POWER = [kind.name for kind in POWER_KINDS]


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


@pytest.fixture
def server(team: Team, make_server: MakeServer) -> Server:
    return make_server(team, shown_name="web-01", upstream_id="218000", state="RUNNING")


def url(server: Server, kind: str = "reboot") -> str:
    return f"/t/north-ops/servers/{server.pk}/jobs/new/{kind}/"


def token() -> dict[str, str]:
    return {"client_token": str(uuid.uuid4())}


@pytest.mark.parametrize("kind", POWER)
def test_job_new_says_what_will_happen_to_which_server(
    browser: Client, team: Team, make_server: MakeServer, kind: str
) -> None:
    server = make_server(team, shown_name="web-01", upstream_id="218000", state=STATE_FOR[kind])
    Server.objects.update(seen_at=timezone.now() - timedelta(minutes=90))
    page = browser.get(url(server, kind))
    shown = text_of(page.content)
    for part in ("web-01", "218000", server.ips[0]["ip"], "AMS-01", "as of 1 h ago", KINDS[kind].consequence):
        assert part in shown
    assert f"{KINDS[kind].label} web-01" in shown
    assert (b"button danger" in page.content) is KINDS[kind].interrupts
    assert not Job.objects.exists()


def test_job_new_takes_the_click(browser: Client, operator: User, server: Server) -> None:
    page = browser.post(url(server), token(), follow=True)
    job = Job.objects.get()
    assert page.redirect_chain == [(f"/t/north-ops/jobs/{job.pk}/", 302)]
    assert "Reboot of web-01 was asked for." in text_of(page.content)
    assert (job.server, job.kind, job.requested_by, job.status) == (server, "reboot", operator, "queued")
    assert AuditEvent.objects.get(action="job.request").job_id == job.pk


@pytest.mark.req("G4")
def test_job_new_twice_with_one_token_is_one_job(browser: Client, server: Server) -> None:
    sent = token()
    first, second = browser.post(url(server), sent), browser.post(url(server), sent)
    assert first["Location"] == second["Location"]
    assert Job.objects.count() == 1


@pytest.mark.req("G4")
def test_job_new_twice_with_two_tokens_names_the_job_in_flight(browser: Client, server: Server) -> None:
    browser.post(url(server), token())
    page = browser.post(url(server, "power_off"), token())
    assert page.status_code == 409
    assert "“Reboot” is in flight on this server." in text_of(page.content)
    assert f"/t/north-ops/jobs/{Job.objects.get().pk}/".encode() in page.content


def test_job_new_while_an_outcome_is_unknown_asks_to_settle_it(
    browser: Client, server: Server, make_job: MakeJob
) -> None:
    unknown = make_job(server, "power_off", "unknown")
    page = browser.post(url(server), token())
    assert page.status_code == 409
    assert "Settle that job first." in text_of(page.content)
    assert f"/t/north-ops/jobs/{unknown.pk}/".encode() in page.content


@pytest.mark.parametrize("sent", [{}, {"client_token": ""}, {"client_token": "x"}])
def test_job_new_without_its_token_is_shown_again(
    browser: Client, server: Server, sent: dict[str, str]
) -> None:
    page = browser.post(url(server), sent)
    assert page.status_code == 422
    assert "incomplete" in text_of(page.content)
    assert b'name="client_token" value="' in page.content
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("state", "kind", "reason"),
    [
        ("RUNNING", "power_on", "The server is running already."),
        ("STOPPED", "power_off", "The server is stopped already."),
        ("STOPPED", "reboot", "power it on instead"),
        ("STARTING", "reboot", "wait until it runs"),
    ],
)
def test_job_new_in_the_wrong_state_offers_a_reading_instead(
    browser: Client, team: Team, make_server: MakeServer, state: str, kind: str, reason: str
) -> None:
    server = make_server(team, state=state)
    page = browser.get(url(server, kind))
    assert reason in text_of(page.content)
    assert b"client_token" not in page.content
    assert f'action="/t/north-ops/servers/{server.pk}/refresh/"'.encode() in page.content


def test_job_new_in_the_wrong_state_leaves_the_decision_to_a_fresh_reading(
    browser: Client, server: Server
) -> None:
    Server.objects.update(state="STOPPED")
    assert browser.post(url(server), token()).status_code == 302
    assert Job.objects.get().status == "queued"


def test_job_new_beside_a_live_job_links_it(browser: Client, server: Server, make_job: MakeJob) -> None:
    live = make_job(server, "power_off", "observing")
    page = browser.get(url(server)).content
    assert "“Power off” is in flight on this server" in text_of(page)
    assert f'href="/t/north-ops/jobs/{live.pk}/"'.encode() in page
    assert b"client_token" not in page


@pytest.mark.parametrize("name", ["gone", "no key"])
def test_job_new_on_a_server_that_no_key_sees_is_refused(browser: Client, server: Server, name: str) -> None:
    obstacle = OBSTACLES[name]
    obstacle.put(server)
    assert obstacle.reason in text_of(browser.get(url(server)).content)
    page = browser.post(url(server), token())
    assert page.status_code == 409
    assert obstacle.reason in text_of(page.content)
    assert not Job.objects.exists()


@out_of_reach
def test_job_new_out_of_reach_shows_why_there_is_no_refresh(
    browser: Client, server: Server, obstacle: Obstacle
) -> None:
    obstacle.put(server)
    page = browser.get(url(server)).content
    assert disabled_refresh(page, obstacle.reason, "Refresh this server")
    assert text_of(page).count(obstacle.reason) == 1, "said once, with what to do about it"
    assert "refresh if it may have changed" not in text_of(page)


def test_job_new_warns_when_the_key_seems_to_read_only(browser: Client, server: Server) -> None:
    ApiKey.objects.update(health=ApiKey.Health.READS_ONLY)
    page = browser.get(url(server)).content
    assert "may be refused, too" in text_of(page)
    assert b"client_token" in page


def test_job_new_again_says_which_job_it_repeats(browser: Client, server: Server, make_job: MakeJob) -> None:
    first = make_job(server, "reboot", "unverified")
    page = browser.get(f"{url(server)}?again={first.pk}")
    assert f"This repeats job #{first.pk}" in text_of(page.content)
    browser.post(url(server), {**token(), "again": str(first.pk)})
    assert Job.objects.get(status="queued").again_of == first


@pytest.mark.parametrize("again", ["x", "0", "999999", "99999999999999999999"])
def test_job_new_again_of_no_job_is_a_new_one(browser: Client, server: Server, again: str) -> None:
    assert browser.get(f"{url(server)}?again={again}").status_code == 200
    assert browser.post(url(server), {**token(), "again": again}).status_code in (302, 422)
    assert not Job.objects.exclude(again_of=None).exists()


def test_job_new_again_of_a_job_of_another_team_is_a_new_one(
    browser: Client, server: Server, foreign_server: Server, make_job: MakeJob
) -> None:
    foreign = make_job(foreign_server, "reboot", "failed")
    browser.post(url(server), {**token(), "again": str(foreign.pk)})
    assert Job.objects.get(server=server).again_of is None


@pytest.mark.req("X18")
def test_job_new_takes_nothing_else_from_the_form(
    browser: Client, server: Server, admin: User, foreign_server: Server
) -> None:
    more = {"status": "succeeded", "server": foreign_server.pk, "requested_by": admin.pk, "kind": "power_off"}
    browser.post(url(server), {**token(), **more})
    job = Job.objects.get()
    assert (job.status, job.server, job.kind, job.requested_by != admin) == ("queued", server, "reboot", True)


@pytest.mark.parametrize("kind", ["explode", "power-on", "POWER_ON"])
def test_job_new_of_no_kind_is_404(browser: Client, server: Server, kind: str) -> None:
    assert browser.get(url(server, kind)).status_code == 404
    assert browser.post(url(server, kind), token()).status_code == 404


def test_job_new_refuses_other_methods(browser: Client, server: Server) -> None:
    assert browser.put(url(server)).status_code == 405


@pytest.mark.parametrize("role", ["viewer", "auditor"])
@pytest.mark.parametrize("kind", KINDS)
def test_job_new_is_not_for_readers(
    client_of: ClientOf, server: Server, role: str, kind: str, request: pytest.FixtureRequest
) -> None:
    browser = client_of(request.getfixturevalue(role))
    for page in (browser.get(url(server, kind)), browser.post(url(server, kind), token())):
        assert page.status_code == 403
        assert PERMISSION_TEXT[KINDS[kind].permission] in text_of(page.content)
    assert not Job.objects.exists()
    assert AuditEvent.objects.filter(action="permission.deny").count() == 2


def test_job_new_does_not_exist_for_an_outsider(client_of: ClientOf, outsider: User, server: Server) -> None:
    assert client_of(outsider).get(url(server)).status_code == 404
    assert client_of(outsider).post(url(server), token()).status_code == 404
    assert not Job.objects.exists()


def test_job_new_on_a_server_of_another_team_is_404(browser: Client, foreign_server: Server) -> None:
    assert browser.post(url(foreign_server), token()).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.req("X9")
def test_job_new_wants_the_csrf_token(operator: User, server: Server) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    assert strict.post(url(server), token()).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_job_new_escapes_names(browser: Client, team: Team, make_server: MakeServer, text: str) -> None:
    page = browser.get(url(make_server(team, shown_name=text[:200], data_center=text[:64]))).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page
