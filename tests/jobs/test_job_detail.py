"""The page of one job: the outcome in plain words, the story with its evidence, and the ways on."""

from itertools import product

import pytest
from django.test import Client
from django.utils import timezone

from jobs.job_page import support_text
from jobs.models import Job, JobEvent
from jobs.states import FINAL, JobStatus, Receipt
from jobs.words import of_job
from teams.models import Team, User
from tests.cast import ClientOf, MakeJob, MakeServer
from tests.support.pages import HOSTILE, same_queries, text_of


@pytest.fixture
def browser(client_of: ClientOf, operator: User) -> Client:
    return client_of(operator)


def url(job: Job) -> str:
    return f"/t/north-ops/jobs/{job.pk}/"


@pytest.mark.parametrize(("status", "receipt"), [*product(JobStatus.values, Receipt.values)])
def test_job_detail_says_first_what_is_known_and_what_to_do(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob, status: str, receipt: str
) -> None:
    job = make_job(make_server(team), "reboot", status, receipt=receipt)
    shown = text_of(browser.get(url(job)).content)
    said = of_job(job)
    assert f"{said.title} {said.sentence} What to do: {said.advice}" in shown


def test_job_detail_tells_the_story_with_its_evidence(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "observing", requested_by=operator, requested_role="operator")
    JobEvent.objects.create(
        job=job,
        from_status="sending",
        to_status="observing",
        message="Leaseweb accepted the request; the server is being watched.",
        evidence={
            "status": 202,
            "reason": "accepted",
            "upstream_job_id": "cs01.77",
            "correlation_id": "39e0-11",
        },
    )
    JobEvent.objects.create(
        job=job,
        from_status="observing",
        to_status="observing",
        message="Leaseweb shows the server as STOPPING.",
        evidence={"state": "STOPPING", "template": "Debian 12", "at": "2026-03-10T12:00:00+00:00"},
    )
    shown = text_of(browser.get(url(job)).content)
    parts = [
        "Otto Operator otto.operator@example.com as operator",
        "Leaseweb answered HTTP 202: accepted",
        "cs01.77",
        "39e0-11",
    ]
    parts += ["still observing", "stopping Debian 12 read 10 Mar 2026, 12:00"]
    assert [part for part in parts if part not in shown] == []


@pytest.mark.req("A10")
def test_job_detail_marks_a_name_like_that_of_another_member(
    browser: Client, team: Team, operator: User, viewer: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "observing", requested_by=operator)
    assert "looks like" not in browser.get(url(job)).content.decode()
    User.objects.filter(pk=viewer.pk).update(name="0tto Operator")
    shown = text_of(browser.get(url(job)).content)
    assert shown.count("looks like 0tto Operator") == 2, "beside who asked, and in the story"


def test_job_detail_shows_every_reading_of_a_verdict(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "succeeded", receipt="accepted")
    samples = [
        {"state": "STOPPING", "template": "", "at": ""},
        {"state": "RUNNING", "template": "", "at": "x"},
    ]
    JobEvent.objects.create(
        job=job, to_status="succeeded", evidence={"readings": samples, "receipt": "accepted"}
    )
    page = browser.get(url(job)).content
    assert b'class="state state-stopping"' in page
    assert b'class="state state-running"' in page


def test_job_detail_survives_evidence_of_another_version(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "reboot", "succeeded")
    JobEvent.objects.create(
        job=job, to_status="succeeded", evidence={"readings": [{}], "status": "odd", "new": []}
    )
    assert browser.get(url(job)).status_code == 200


def test_job_detail_gives_a_text_for_leasewebs_support(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(
        make_server(team, upstream_id="218000"),
        "reboot",
        "unknown",
        upstream_status=202,
        upstream_job_id="cs01.77",
        correlation_id="39e0-11",
    )
    text = support_text(job)
    assert text.splitlines()[:2] == ["Virtual server: 218000", "Action: reboot"]
    assert text.splitlines()[3:] == ["HTTP status: 202", "Leaseweb job: cs01.77", "Correlation id: 39e0-11"]
    assert text in browser.get(url(job)).content.decode()


def test_job_detail_has_no_text_for_support_before_anything_was_sent(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team))
    assert support_text(job) == ""
    assert "support" not in text_of(browser.get(url(job)).content)


@pytest.mark.parametrize("status", JobStatus.values)
def test_job_detail_offers_what_fits_the_status(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob, status: str
) -> None:
    server = make_server(team)
    job = make_job(server, "reboot", status, requested_by=operator)
    page = browser.get(url(job)).content.decode()
    assert (f'action="{url(job)}cancel/"' in page) is (status == "queued")
    assert (f'action="{url(job)}settle/"' in page) is (status == "unknown")
    again = f'href="/t/north-ops/servers/{server.pk}/jobs/new/reboot/?again={job.pk}"'
    assert (again in page) is (status in FINAL)
    assert ('data-moving="yes"' in page) is (status in ("queued", "sending", "observing"))


def test_job_detail_says_why_somebody_may_not(
    client_of: ClientOf, viewer: User, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    queued, unknown = make_job(make_server(team)), make_job(make_server(team), status="unknown")
    shown = text_of(client_of(viewer).get(url(queued)).content)
    assert "does not include “Cancel anybody's queued jobs”" in shown
    page = client_of(viewer).get(url(unknown)).content
    assert "does not include “Settle" in text_of(page)
    assert b"<textarea" not in page


def test_job_detail_of_somebody_elses_job_offers_an_operator_no_cancel(
    browser: Client, team: Team, admin: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), requested_by=admin)
    page = browser.get(url(job)).content
    assert b"/cancel/" not in page
    assert "Cancel anybody's queued jobs" in text_of(page)


def test_job_detail_links_the_job_that_it_repeats(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team)
    first = make_job(server, status="failed")
    second = make_job(server, again_of=first)
    assert f"Repeats job #{first.pk}" in text_of(browser.get(url(second)).content)


def test_job_detail_refuses_other_methods(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    assert browser.post(url(make_job(make_server(team)))).status_code == 405


def test_job_detail_does_not_exist_for_an_outsider(
    client_of: ClientOf, outsider: User, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    assert client_of(outsider).get(url(make_job(make_server(team)))).status_code == 404


def test_job_detail_of_another_team_is_404(
    browser: Client, foreign_server: object, make_job: MakeJob
) -> None:
    assert browser.get(url(make_job(foreign_server))).status_code == 404  # type: ignore[arg-type]


@pytest.mark.parametrize("job_id", [0, 999_999, 2**63])
def test_job_detail_of_no_job_is_404(browser: Client, job_id: int) -> None:
    assert browser.get(f"/t/north-ops/jobs/{job_id}/").status_code == 404


def test_job_detail_takes_the_same_queries_for_any_number_of_steps(
    browser: Client, team: Team, operator: User, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), requested_by=operator)

    def more() -> None:
        for _ in range(30):
            JobEvent.objects.create(job=job, to_status="queued", actor=operator)

    same_queries(browser, url(job), more)


@pytest.mark.req("X12")
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_job_detail_escapes_everything_foreign(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob, text: str
) -> None:
    job = make_job(
        make_server(team, shown_name=text[:200], upstream_id=text[:64]),
        status="failed",
        message=text[:600],
        correlation_id=text[:100],
        upstream_job_id=text[:100],
        sent_at=timezone.now(),
    )
    evidence = {
        "readings": [{"state": text, "template": text, "at": text}],
        "reason": text,
        "correlation_id": text,
    }
    JobEvent.objects.create(job=job, to_status="failed", message=text[:600], evidence=evidence)
    page = browser.get(url(job)).content
    assert b"<script>alert" not in page
    assert b"<img src=x" not in page


# --- What a job is about, and what comes after it ----------------------------------------------------------------

THEN = {"kind": "snapshot_restore", "params": {"snapshot_id": "s-1", "snapshot_name": "Before upgrade"}}


@pytest.mark.parametrize(
    ("kind", "params", "shows"),
    [
        ("reinstall", {"os_template_name": "Debian 12"}, "System Debian 12"),
        ("snapshot_create", {"name": "Nightly"}, "Snapshot Nightly"),
        ("snapshot_delete", {"snapshot_name": "Nightly"}, "Snapshot Nightly"),
    ],
)
def test_job_detail_names_what_it_is_about(
    browser: Client,
    team: Team,
    make_server: MakeServer,
    make_job: MakeJob,
    kind: str,
    params: dict[str, str],
    shows: str,
) -> None:
    job = make_job(make_server(team), kind, "observing", params=params)
    assert shows in text_of(browser.get(url(job)).content)
    assert shows.split(maxsplit=1)[1] in text_of(browser.get("/t/north-ops/jobs/").content)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (
            "observing",
            "Then: Restore snapshot “ Before upgrade ”, as soon as this has succeeded, and only then.",
        ),
        ("failed", "Not done: Restore snapshot “ Before upgrade ” was to follow only if this succeeded."),
        ("unverified", "Nothing was sent for it, and nothing will be."),
        ("unknown", "Not done: Restore snapshot “ Before upgrade ” was to follow"),
    ],
)
def test_job_detail_says_what_is_to_follow_or_was_dropped(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob, status: str, says: str
) -> None:
    job = make_job(make_server(team), "snapshot_create", status, params={"name": "x"}, follow_up=THEN)
    assert says in text_of(browser.get(url(job)).content)


def test_job_detail_links_the_job_that_followed_and_back(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    server = make_server(team)
    first = make_job(server, "snapshot_create", "succeeded", params={"name": "x"}, follow_up=THEN)
    second = make_job(server, "snapshot_restore", "observing", params=THEN["params"], follows=first)
    shown = browser.get(url(first)).content
    assert "Followed by Restore snapshot: observing" in text_of(shown)
    assert f'href="{url(second)}"'.encode() in shown
    assert f"Follows job #{first.pk}" in text_of(browser.get(url(second)).content)


@pytest.mark.parametrize(("status", "leads"), [("succeeded", True), ("failed", False), ("observing", False)])
def test_job_detail_of_a_reinstall_leads_to_the_new_credentials(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob, status: str, leads: bool
) -> None:
    server = make_server(team)
    page = browser.get(url(make_job(server, "reinstall", status))).content
    assert (f'href="/t/north-ops/servers/{server.pk}/credentials/"'.encode() in page) is leads


def test_job_detail_shows_the_states_of_a_snapshot_among_its_readings(
    browser: Client, team: Team, make_server: MakeServer, make_job: MakeJob
) -> None:
    job = make_job(make_server(team), "snapshot_restore", "observing")
    sample = {"state": "RUNNING", "template": "Debian 12", "snapshot": "REVERTING", "at": ""}
    JobEvent.objects.create(job=job, from_status="observing", to_status="observing", evidence=sample)
    assert "running , snapshot being restored Debian 12" in text_of(browser.get(url(job)).content)
