"""An older copy of the database is put back: what it would send again is held back until somebody says how to go on."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from audit import heads
from audit.models import AuditEvent
from jobs import checkpoints, engine, services
from jobs.engine import send_counter
from jobs.models import Job, SendCounter
from jobs.states import JobStatus
from lswpanel import keychecks
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.django_db, pytest.mark.req("G7")]


def put_back(job: Job, counter: SendCounter) -> None:
    """As the rows were when the copy was made, before `job` was sent."""
    Job.objects.filter(pk=job.pk).update(
        status=job.status, epoch=job.epoch, attempts=0, lease_until=None, sent_at=None, next_poll_at=None
    )
    SendCounter.objects.update(identity=counter.identity, sends=counter.sends, held_at=counter.held_at)


@pytest.fixture
def sent_before(room: EngineRoom) -> Job:
    """A job that was sent, and is queued again in the copy of the database that was put back."""
    counter, job = send_counter.born(), room.click("reboot")
    assert room.submit(job).status == JobStatus.OBSERVING
    put_back(job, counter)
    return room.fresh(job)


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_copy_of_the_database_put_back_sends_nothing(room: EngineRoom, tmp_path: Path) -> None:
    send_counter.born()
    job = room.click("reboot")
    copy_database(str(connection.settings_dict["NAME"]), str(tmp_path / "copy"))
    room.submit(job)
    assert len(room.sends(job.server)) == 1
    connection.close()
    copy_database(str(tmp_path / "copy"), str(connection.settings_dict["NAME"]))
    Job.objects.update(rung_at=job.created_at)
    assert engine.run_once().submits == ()
    engine.submit(job.pk)
    assert (room.fresh(job).status, len(room.sends(job.server))) == (JobStatus.QUEUED, 1)


def copy_database(source: str, target: str) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def test_send_itself_finds_out_when_nobody_did_before(room: EngineRoom) -> None:
    """Put back while a worker prepares: the number that the database gives out was given out before."""
    room.submit(room.click("reboot"))
    job = room.click("power_on")
    checkpoints.listeners.append(put_back_in_between)
    try:
        room.submit(job)
    finally:
        checkpoints.listeners.remove(put_back_in_between)
    assert (room.fresh(job).status, len(room.sends(job.server))) == (JobStatus.QUEUED, 0)
    assert "older copy" in room.fresh(job).waiting_for
    assert send_counter.held()


def put_back_in_between(place: str, job_id: int) -> None:
    if place == "before_sending_commit":
        SendCounter.objects.update(sends=0)


def test_deadlines_stand_still_and_clicks_are_refused(room: EngineRoom, sent_before: Job) -> None:
    assert engine.tick().submits == ()
    assert room.submit(sent_before).epoch == sent_before.epoch, "nobody takes it up"
    Job.objects.update(expires_at=sent_before.created_at)
    engine.tick()
    assert room.fresh(sent_before).status == JobStatus.QUEUED
    with pytest.raises(services.JobRefused, match="resume"):
        room.click("reboot")


def test_start_says_so(sent_before: Job, capsys: pytest.CaptureFixture[str]) -> None:
    keychecks.register()
    call_command("prepare")
    assert "manage.py resume" in capsys.readouterr().out


def test_resume_drops_what_was_unsent_and_gives_up_what_was_in_flight(
    room: EngineRoom, sent_before: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    sending, observing, kept = (flying(room, status) for status in ("sending", "observing", "queued"))
    call_command("resume", list=True)
    assert f"job {sent_before.pk}: reboot" in capsys.readouterr().out
    call_command("resume", keep=[kept.pk], reason="restored Monday's backup")
    outcomes = [room.fresh(each).status for each in (sent_before, sending, observing, kept)]
    assert outcomes == [JobStatus.EXPIRED, JobStatus.UNKNOWN, JobStatus.UNKNOWN, JobStatus.QUEUED]
    assert not engine.tick().polls
    assert AuditEvent.objects.filter(action="sending.resume", reason="restored Monday's backup").count() == 1
    assert room.submit(kept).status == JobStatus.OBSERVING
    assert room.submit(room.click("power_on")).status == JobStatus.OBSERVING


def flying(room: EngineRoom, status: str) -> Job:
    """A job in that status, taken while nothing was held back."""
    held = SendCounter.objects.values_list("held_at", flat=True).get()
    SendCounter.objects.update(held_at=None)
    job = room.click("reboot")
    Job.objects.filter(pk=job.pk).update(status=status)
    SendCounter.objects.update(held_at=held)
    return job


def test_resume_names_what_has_to_be_done_first(sent_before: Job) -> None:
    """A database that was put back is behind its checkpoints, too."""
    heads.mark_broken(sent_before.team_id, "the trail was cut")
    with pytest.raises(CommandError, match=f"recover_audit --chain {sent_before.team_id} first"):
        call_command("resume")
    assert SendCounter.objects.filter(held_at__isnull=False).exists()


def test_resume_of_a_panel_that_runs_changes_nothing(room: EngineRoom) -> None:
    job = room.click("reboot")
    call_command("resume")
    assert room.fresh(job).status == JobStatus.QUEUED


def test_resume_knows_the_jobs_to_keep(sent_before: Job) -> None:
    with pytest.raises(CommandError, match="999"):
        call_command("resume", keep=[999])


def test_machine_that_sent_nothing_follows_the_others(
    room: EngineRoom, tmp_path: Path, settings: Any
) -> None:
    """Its folder learns of their sends with each tick, so that it notices a database put back by itself."""
    counter = send_counter.born()
    room.submit(room.click("reboot"))
    settings.DATA_DIR = tmp_path
    engine.tick()
    assert send_counter.remembered(counter.identity) == 1


def test_send_is_noted_on_the_disk_before_its_first_byte(room: EngineRoom) -> None:
    counter, noted = send_counter.born(), list[int]()

    def look(place: str, job_id: int) -> None:
        if place == "before_first_byte":
            noted.append(send_counter.remembered(counter.identity))

    checkpoints.listeners.append(look)
    try:
        room.submit(room.click("reboot"))
    finally:
        checkpoints.listeners.remove(look)
    assert noted == [1]


def test_nothing_is_sent_that_cannot_be_noted(room: EngineRoom, tmp_path: Path, settings: Any) -> None:
    (tmp_path / "sends").write_text("a file where the folder should be")
    settings.DATA_DIR = tmp_path
    job = room.submit(room.click("reboot"))
    assert (job.status, job.sent_at, len(room.sends(job.server))) == (JobStatus.QUEUED, None, 0)


def test_file_with_something_else_in_it_sends_nothing(room: EngineRoom, tmp_path: Path) -> None:
    counter = send_counter.born()
    path = Path(settings.DATA_DIR) / send_counter.FOLDER / str(counter.identity)
    path.parent.mkdir(exist_ok=True)
    path.write_text("no number")
    job = room.submit(room.click("reboot"))
    assert (job.status, len(room.sends(job.server))) == (JobStatus.QUEUED, 0)
    assert "data folder" in job.waiting_for
