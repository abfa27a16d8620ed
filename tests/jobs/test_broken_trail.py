"""A team whose audit trail is broken: nothing is sent or decided for it, all can be read, and it goes on later."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audit import heads
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.verify import verify
from jobs import checkpoints, engine
from jobs.engine import reading
from jobs.models import Job
from servers.models import ApiKey
from teams.models import Team, User
from tests.cast import ClientOf
from tests.support.engine_room import EngineRoom
from tests.support.pages import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.req("A2"), pytest.mark.req("A7")]
BROKEN = "The audit trail of this team is broken"
HOUR = timedelta(hours=1)


def break_trail(team: Team) -> None:
    """The database's owner changes the head; nobody has noticed yet."""
    AuditHead.objects.filter(pk=team.pk).update(row_hash="0" * 64)


def recover(chain: int) -> None:
    call_command(
        "recover_audit", "--chain", str(chain), "--reason", "found and settled", stdout=io.StringIO()
    )


def stood(team: Team, duration: timedelta) -> None:
    AuditHead.objects.filter(pk=team.pk).update(broken_at=timezone.now() - duration)


def marked(team: Team) -> bool:
    return AuditHead.objects.get(pk=team.pk).broken_at is not None


def test_nothing_is_sent_and_every_deadline_stands_still_until_it_is_settled(
    room: EngineRoom, team: Team
) -> None:
    queued, server = room.click("reboot"), room.server("STOPPED")
    watched = room.submit(room.request(server))
    break_trail(team)
    queued = room.submit(queued)
    assert (queued.status, marked(team)) == ("queued", True)
    stood(team, 2 * HOUR)
    room.pass_time_of([queued, watched], 2 * HOUR)
    Job.objects.update(next_poll_at=timezone.now(), lease_until=None)
    rings = engine.tick()
    assert (rings.submits, rings.polls) == ((), ())
    assert [room.submit(queued).status, room.poll(watched).status] == ["queued", "observing"]
    assert len(room.sends(queued.server)) == 0
    recover(team.pk)
    engine.tick()
    assert [room.submit(queued).status, room.follow(watched).status] == ["observing", "succeeded"]
    assert verify(team.pk).intact


def test_answer_in_flight_is_logged_and_its_job_becomes_uncertain(
    room: EngineRoom, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    job = room.click("reboot")

    def meanwhile(place: str, _: int) -> None:
        if place == "status_line":
            break_trail(team)

    checkpoints.listeners.append(meanwhile)
    try:
        job = room.submit(job)
    finally:
        checkpoints.listeners.remove(meanwhile)
    assert (job.status, len(room.sends(job.server))) == ("sending", 1)
    assert "answer not recorded" in caplog.text
    recover(team.pk)
    Job.objects.update(lease_until=timezone.now() - HOUR)
    engine.tick()
    job = room.fresh(job)
    assert (job.status, job.receipt) == ("observing", "uncertain")
    assert len(room.sends(job.server)) == 1


def test_other_teams_go_on(
    room: EngineRoom, team: Team, other_team: Team, outsider: User, make_job: Any
) -> None:
    theirs = make_job(other_team.servers.first(), expires_at=timezone.now() - HOUR)
    ours = room.click("reboot")
    Job.objects.filter(pk=ours.pk).update(expires_at=timezone.now() - HOUR)
    break_trail(team)
    engine.tick()
    assert (room.fresh(theirs).status, room.fresh(ours).status, marked(team)) == ("expired", "queued", True)


def test_reading_that_has_something_to_record_waits(room: EngineRoom, team: Team) -> None:
    server = room.server()
    break_trail(team)
    room.set_state(server, "STOPPED")
    ApiKey.objects.update(next_sync_at=timezone.now() - HOUR)
    assert reading.read_key(room.api_key.pk)
    server.refresh_from_db()
    assert (server.state, marked(team)) == ("RUNNING", True)


def test_pages_say_so_and_stay_readable(
    room: EngineRoom, team: Team, admin: User, viewer: User, client_of: ClientOf
) -> None:
    server, url = room.server(), f"/t/{team.slug}/"
    browser = client_of(admin)
    assert BROKEN not in text_of(browser.get(url).content)
    heads.mark_broken(team.pk, "entry 4 is missing")
    for person in (admin, viewer):
        page = client_of(person).get(url)
        assert (page.status_code, BROKEN in text_of(page.content)) == (200, True)
    assert "entry 4 is missing" in text_of(browser.get(f"{url}servers/{server.pk}/").content).lower()
    assert browser.get(f"{url}audit/").status_code == 200


def test_act_that_cannot_be_recorded_is_not_done_and_says_why(
    room: EngineRoom, team: Team, admin: User, viewer: User, client_of: ClientOf
) -> None:
    server, browser = room.server(), client_of(admin)
    break_trail(team)
    note = f"/t/{team.slug}/servers/{server.pk}/note/"
    answer = browser.post(note, {"note": "kept?"})
    assert (answer.status_code, marked(team)) == (503, True)
    assert "the head of the chain was changed" in text_of(answer.content)
    server.refresh_from_db()
    assert server.note == ""
    assert client_of(viewer).post(note, {"note": "kept?"}).status_code == 403


def test_sign_in_works_and_says_that_the_installations_trail_is_broken(
    team: Team, viewer: User, caplog: pytest.LogCaptureFixture
) -> None:
    viewer.set_password("a long walk along the canal")
    viewer.save()
    AuditHead.objects.filter(pk=INSTALLATION).update(row_hash="0" * 64)
    client = Client()
    wrong = {"login": viewer.email, "password": "not it at all"}
    assert client.post("/accounts/login/", wrong).status_code == 200
    right = {"login": viewer.email, "password": "a long walk along the canal"}
    page = client.post("/accounts/login/", right, follow=True)
    assert "recover_audit --chain 0" in text_of(page.content)
    assert caplog.text.count("not recorded") == 2
    assert client.post("/accounts/logout/").status_code == 302
    assert not AuditEvent.objects.filter(chain=INSTALLATION).exists()
