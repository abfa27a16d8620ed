"""The clock of the database is turned back two hours: what it left ahead counts as due."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db.models import DateTimeField, ExpressionWrapper, F, Model, Value
from django.test import RequestFactory

from jobs import engine
from jobs.engine import backwards
from jobs.engine.backwards import LONGEST, MODELS, THEIRS
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.states import JobStatus
from servers.clock import after
from servers.models import ApiKey, ServerReading
from teams import sign_in
from tests.support.engine_room import EngineRoom

pytestmark = [pytest.mark.django_db, pytest.mark.req("G5")]
TWO_HOURS = timedelta(hours=2)


def turn_back(models: Iterable[type[Model]] = MODELS) -> None:
    """As if the clock had been two hours ahead until now: every moment that was written lies that much later."""
    for model in models:
        names = [each.name for each in model._meta.concrete_fields if isinstance(each, DateTimeField)]
        later = {
            name: ExpressionWrapper(F(name) + Value(TWO_HOURS), output_field=DateTimeField())
            for name in names
            if (model, name) not in THEIRS
        }
        model._default_manager.update(**later)


def test_job_of_a_clock_turned_back_goes_its_way(room: EngineRoom) -> None:
    """Queued, sent, watched and settled, each time with everything two hours ahead."""
    job = room.click("reboot")
    turn_back()
    assert engine.tick().submits == ()
    room.pass_time(job, timedelta(seconds=5))
    assert engine.tick().submits == (job.pk,)
    assert room.submit(job).status == JobStatus.OBSERVING
    turn_back()
    assert room.api_key.pk in engine.tick().polls
    assert room.follow(job).status == JobStatus.SUCCEEDED
    assert len(room.sends(job.server)) == 1


def test_click_of_a_clock_that_was_ahead_for_a_moment_does_not_wait(room: EngineRoom) -> None:
    """Nothing else was written in that moment, so only the job lies ahead."""
    job = room.click("reboot")
    turn_back([Job])
    engine.tick()
    room.pass_time(job, timedelta(seconds=5))
    assert engine.tick().submits == (job.pk,)


def test_readings_go_on_under_a_clock_turned_back(room: EngineRoom) -> None:
    server = room.server("RUNNING")
    ApiKey.objects.update(budget_tokens=0, paused_until=after(timedelta(minutes=4)))
    turn_back()
    room.set_state(server, "STOPPED")
    assert room.api_key.pk in engine.tick().syncs
    ApiKey.objects.update(budget_tokens=10)
    engine.run_once()
    server.refresh_from_db()
    assert server.state == "STOPPED"


@pytest.mark.parametrize("status", ["queued", "sending", "observing"])
def test_lease_and_time_of_a_job_are_its_own_again(room: EngineRoom, status: str) -> None:
    job = room.click("reboot")
    held = {"lease_until": after(timedelta(seconds=80)), "sent_at": after(timedelta(0))}
    Job.objects.filter(pk=job.pk).update(status=status, deadline_at=after(KINDS["reboot"].deadline), **held)
    turn_back()
    engine.tick()
    job = room.fresh(job)
    assert job.status == {"sending": "observing"}.get(status, status)
    assert job.lease_until is None or job.lease_until <= job.created_at
    end = job.expires_at if status == "queued" else job.deadline_at
    assert end is not None
    assert timedelta(minutes=4) < end - job.created_at < timedelta(minutes=20)


def test_account_whose_tries_were_used_up_is_evaluated_again(room: EngineRoom) -> None:
    def sign_in_try() -> None:
        sign_in.use_allowance(RequestFactory().post("/"), email="ann@example.com", ip="192.0.2.7")

    sign_in_try()
    turn_back()
    with pytest.raises(sign_in.TooSoon):
        sign_in_try()
    engine.tick()
    sign_in_try()


def test_what_lies_ahead_as_it_should_stays(room: EngineRoom) -> None:
    """A tenth of a second less than its longest."""
    job = room.click("snapshot_create")
    ApiKey.objects.update(
        paused_until=after(timedelta(minutes=9)), poll_lease_until=after(timedelta(seconds=90))
    )
    before = ApiKey.objects.values().get(), Job.objects.values().get(pk=job.pk)
    backwards.mend()
    assert (ApiKey.objects.values().get(), Job.objects.values().get(pk=job.pk)) == before


def test_what_lies_ahead_as_it_should_stays_while_something_else_is_mended(room: EngineRoom) -> None:
    ServerReading.objects.update(due_at=after(timedelta(hours=24)))
    readings = list(ServerReading.objects.order_by("pk").values())
    ApiKey.objects.update(next_sync_at=after(3 * TWO_HOURS))
    backwards.mend()
    assert ApiKey.objects.filter(next_sync_at__lte=after(timedelta(0))).exists()
    assert list(ServerReading.objects.order_by("pk").values()) == readings


def test_longest_lengths_name_columns_that_there_are() -> None:
    for model, name in (*LONGEST, *THEIRS):
        assert isinstance(model._meta.get_field(name), DateTimeField)
