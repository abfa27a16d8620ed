"""The table of transitions, asked in full: what is in it happens, what is not in it raises and changes nothing."""

from itertools import product

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from jobs.engine import IllegalTransition, Note, StaleWriter, advance
from jobs.models import Job
from jobs.states import FINAL, LIVE, TRANSITIONS, JobStatus
from teams.models import Team
from tests.cast import MakeJob, MakeServer

pytestmark = pytest.mark.django_db
PAIRS = list(product(JobStatus, JobStatus))


def test_every_status_can_be_reached_and_final_ones_not_left() -> None:
    assert {to for _, to in TRANSITIONS} == set(JobStatus)
    assert not [pair for pair in TRANSITIONS if pair[0] in FINAL]
    assert {start for start, _ in TRANSITIONS} == set(LIVE)


@pytest.mark.parametrize(("start", "to"), sorted(TRANSITIONS))
def test_transition_in_the_table_happens(
    make_job: MakeJob, make_server: MakeServer, team: Team, start: JobStatus, to: JobStatus
) -> None:
    job = make_job(make_server(team), status=start)
    advance(job, to, note=Note("because"))
    job.refresh_from_db()
    assert (job.status, job.message) == (to, "because")
    assert (job.finished_at is not None) == (to in FINAL)


@pytest.mark.parametrize(("start", "to"), [pair for pair in PAIRS if pair not in TRANSITIONS])
def test_transition_outside_the_table_raises(
    make_job: MakeJob, make_server: MakeServer, team: Team, start: JobStatus, to: JobStatus
) -> None:
    job = make_job(make_server(team), status=start)
    with pytest.raises(IllegalTransition):
        advance(job, to)
    assert Job.objects.get(pk=job.pk).status == start


@pytest.mark.req("G3")
@pytest.mark.parametrize("start", FINAL)
def test_database_refuses_to_leave_a_final_status(
    make_job: MakeJob, make_server: MakeServer, team: Team, start: JobStatus
) -> None:
    job = make_job(make_server(team), status=start)
    with pytest.raises(DatabaseError, match="final status"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED)


@pytest.mark.req("G8")
def test_writer_whose_epoch_is_over_changes_nothing(
    make_job: MakeJob, make_server: MakeServer, team: Team
) -> None:
    job = make_job(make_server(team), status=JobStatus.SENDING)
    Job.objects.filter(pk=job.pk).update(epoch=job.epoch + 1)
    with pytest.raises(StaleWriter):
        advance(job, JobStatus.FAILED)
    job.refresh_from_db()
    assert job.status == JobStatus.SENDING
    assert not job.events.exclude(to_status=JobStatus.SENDING).exists()


@pytest.mark.req("G8")
def test_writer_that_was_overtaken_changes_nothing(
    make_job: MakeJob, make_server: MakeServer, team: Team
) -> None:
    job = make_job(make_server(team))
    advance(Job.objects.get(pk=job.pk), JobStatus.CANCELLED)
    with pytest.raises(StaleWriter):
        advance(job, JobStatus.SENDING, changes={"sent_at": timezone.now()})
    assert Job.objects.get(pk=job.pk).sent_at is None
