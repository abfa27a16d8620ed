"""Jobs from the click to the outcome, against the simulator over a real socket."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from audit.models import AuditEvent
from audit.verify import verify
from jobs import checkpoints, engine
from jobs.engine.leasing import with_lease
from jobs.kinds import KINDS
from jobs.models import Job
from jobs.services import JobRefused, job_create
from jobs.states import LIVE, JobStatus, Receipt
from servers.leaseweb.simulator.faults import Fault
from servers.models import ApiKey, Server
from servers.services import api_key_remove
from teams.models import Membership
from tests.support.engine_room import EngineRoom

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
# What must not come yet is a hundred times as far away, so that no slow machine gets there.
UNHURRIED = 0.01


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("power_on", "STOPPED", "RUNNING"),
        ("power_off", "RUNNING", "STOPPED"),
        ("reboot", "RUNNING", "RUNNING"),
    ],
)
def test_job_ends_succeeded_after_two_agreeing_readings(
    room: EngineRoom, kind: str, start: str, end: str
) -> None:
    server = room.server(start)
    job = room.submit(room.request(server, kind))
    assert (job.status, job.receipt) == (JobStatus.OBSERVING, Receipt.ACCEPTED)
    job = room.follow(job, every=timedelta(seconds=2))
    assert job.status == JobStatus.SUCCEEDED
    assert Server.objects.get(pk=server.pk).state == end
    assert len(room.sends(server)) == 1


def test_one_reading_is_not_enough(room: EngineRoom) -> None:
    job = room.submit(room.request(room.server("STOPPED")))
    job = room.poll(room.pass_time(job, MINUTE))
    assert job.status == JobStatus.OBSERVING
    assert room.poll(room.pass_time(job, timedelta(seconds=3))).status == JobStatus.SUCCEEDED


@pytest.mark.parametrize(("kind", "state"), [("power_on", "RUNNING"), ("power_off", "STOPPED")])
def test_job_is_skipped_when_the_fresh_reading_shows_it_done(room: EngineRoom, kind: str, state: str) -> None:
    server = room.server(state)
    job = room.submit(room.request(server, kind))
    assert (job.status, job.code) == (JobStatus.SKIPPED, "already")
    assert room.sends(server) == []


@pytest.mark.parametrize("state", ["STOPPED", "STARTING", "STOPPING", "UNKNOWN"])
def test_reboot_fails_unsent_when_the_server_does_not_run(room: EngineRoom, state: str) -> None:
    server = room.server("RUNNING")
    room.set_state(server, state)
    job = room.submit(room.request(server, "reboot"))
    assert (job.status, job.code) == (JobStatus.FAILED, "precondition")
    assert room.sends(server) == []


@pytest.mark.req("G3")
def test_quick_reboot_ends_unverified_and_not_succeeded(room: EngineRoom) -> None:
    server = room.server("RUNNING")
    room.sim.world.behaviour = type(room.sim.world.behaviour)(quick_reboot=True)
    job = room.submit(room.request(server, "reboot"))
    job = room.poll(room.pass_time(job, MINUTE))
    assert job.status == JobStatus.OBSERVING
    job = room.poll(room.pass_time(job, 3 * MINUTE))
    assert job.status == JobStatus.UNVERIFIED
    assert "never showed" in job.message


@pytest.mark.req("G3")
def test_reboot_without_an_answer_never_ends_unverified(room: EngineRoom) -> None:
    server = room.server("RUNNING")
    room.sim.faults.add(Fault.RESET_BEFORE_READ, operation="reboot")
    job = room.submit(room.request(server, "reboot"))
    assert (job.status, job.receipt) == (JobStatus.OBSERVING, Receipt.UNCERTAIN)
    job = room.poll(room.pass_time(job, 4 * MINUTE))
    job = room.poll(room.pass_time(job, MINUTE))
    assert job.status == JobStatus.OBSERVING
    engine.tick()
    assert room.run_out_of_time([job], 6 * MINUTE)[0].status == JobStatus.UNKNOWN


@pytest.mark.req("G2")
@pytest.mark.parametrize(
    "fault",
    [Fault.RESET_AFTER_EXECUTE, Fault.CLOSE_AFTER_EXECUTE, Fault.HTML_504, Fault.UNAVAILABLE_UNDOCUMENTED],
)
def test_ambiguous_answer_is_never_sent_again_and_settled_by_watching(room: EngineRoom, fault: Fault) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(fault, operation="powerOn", execute=True, times=1)
    job = room.submit(room.request(server))
    assert (job.status, job.receipt) == (JobStatus.OBSERVING, Receipt.UNCERTAIN)
    engine.tick()
    assert room.submit(job).status == JobStatus.OBSERVING
    job = room.follow(job)
    assert job.status == JobStatus.SUCCEEDED
    assert "may have been somebody else" in job.message
    assert len(room.sends(server)) == 1


@pytest.mark.req("G2")
@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.UNAVAILABLE])
def test_documented_refusal_unread_is_sent_again_later(room: EngineRoom, settings: Any, fault: Fault) -> None:
    settings.TIME_SCALE = UNHURRIED
    server = room.server("STOPPED")
    room.sim.faults.add(fault, operation="powerOn", times=1, seconds=30)
    job = room.submit(room.request(server))
    assert job.status == JobStatus.QUEUED
    assert room.submit(job).status == JobStatus.QUEUED, "the wait must be honoured"
    job = room.submit(room.pass_time(job, MINUTE / UNHURRIED))
    assert (job.status, job.attempts) == (JobStatus.OBSERVING, 2)


def test_send_is_given_up_after_five_proven_failures(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(Fault.UNAVAILABLE, operation="powerOn")
    job = room.request(server)
    for _ in range(5):
        Job.objects.filter(pk=job.pk).update(not_before=job.created_at)
        ApiKey.objects.filter(pk=room.api_key.pk).update(budget_tokens=10)
        job = room.submit(job)
    assert (job.status, job.code, job.attempts) == (JobStatus.FAILED, "not_sent", 5)
    assert not any(entry.executed for entry in room.sends(server))


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (Fault.EMPTY_401, {}),
        (Fault.REFUSE, {"status": 403}),
        (Fault.REFUSE, {"status": 404}),
        (Fault.REFUSE, {"status": 409}),
        (Fault.REFUSE, {"status": 400}),
    ],
)
def test_refused_action_fails_in_leasewebs_words(
    room: EngineRoom, fault: Fault, options: dict[str, int]
) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(fault, operation="powerOn", **options)
    job = room.submit(room.request(server))
    assert (job.status, job.code) == (JobStatus.FAILED, "refused")
    assert job.message
    assert job.upstream_status in {400, 401, 403, 404, 409}


@pytest.mark.req("G7")
def test_unsent_job_expires_and_is_not_sent_afterwards(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    job = room.pass_time(room.request(server), 6 * MINUTE)
    assert room.submit(job).status == JobStatus.QUEUED
    engine.tick()
    assert room.fresh(job).status == JobStatus.EXPIRED
    assert room.submit(job).status == JobStatus.EXPIRED
    assert room.sends(server) == []


@pytest.mark.req("G7")
@pytest.mark.parametrize("how", ["removed", "demoted", "disabled"])
def test_job_of_somebody_who_lost_the_right_is_not_sent(room: EngineRoom, how: str) -> None:
    server = room.server("STOPPED")
    job = room.request(server)
    membership = Membership.objects.filter(user=room.access.user)
    if how == "removed":
        membership.delete()
    elif how == "demoted":
        membership.update(role="viewer")
    else:
        type(room.access.user).objects.filter(pk=room.access.user.pk).update(is_active=False)
    job = room.submit(job)
    assert (job.status, job.code) == (JobStatus.FAILED, "not_allowed")
    assert room.sends(server) == []


def test_server_that_is_gone_upstream_fails_the_job_unsent(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    room.sim.world.remove(server.upstream_id)
    job = room.submit(room.request(server))
    assert (job.status, job.code) == (JobStatus.FAILED, "gone")
    assert Server.objects.get(pk=server.pk).gone_at is not None


@pytest.mark.parametrize(
    "fault", [Fault.HTML_504, Fault.NOT_JSON, Fault.HALF_BODY, Fault.CLOSE_AFTER_EXECUTE]
)
def test_failed_reading_before_the_send_lets_the_job_wait(room: EngineRoom, fault: Fault) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(fault, operation="getServer", times=1)
    job = room.submit(room.request(server))
    assert job.status == JobStatus.QUEUED
    assert job.waiting_for
    assert room.submit(room.pass_time(job, MINUTE)).status == JobStatus.OBSERVING
    assert len(room.sends(server)) == 1


def test_404_of_a_gateway_lets_the_job_wait(room: EngineRoom) -> None:
    room.sim.faults.add(Fault.REFUSE, operation="getServer", times=1, status=404, body="<h1>Not found</h1>")
    job = room.submit(room.request(room.server("STOPPED")))
    assert (job.status, job.server.gone_at) == (JobStatus.QUEUED, None)
    assert room.submit(room.pass_time(job, MINUTE)).status == JobStatus.OBSERVING


def test_key_refused_by_the_fresh_reading_fails_the_job_and_marks_the_key(room: EngineRoom) -> None:
    """By the readings of two servers: one refusal may be a slip, and must not lock all servers of the key."""
    room.sim.faults.add(Fault.EMPTY_401, operation="getServer")
    for health in (ApiKey.Health.FAILING, ApiKey.Health.REFUSED):
        job = room.submit(room.request(room.server("STOPPED")))
        assert (job.status, job.code) == (JobStatus.FAILED, "key_refused")
        assert ApiKey.objects.get(pk=room.api_key.pk).health == health


def test_key_that_may_only_read_is_shown_so_after_two_servers(room: EngineRoom) -> None:
    room.sim.faults.add(Fault.REFUSE, operation="powerOn", status=403)
    first, second = room.server("STOPPED"), None
    room.submit(room.request(first))
    assert ApiKey.objects.get(pk=room.api_key.pk).health == ApiKey.Health.WORKING
    second = room.server("STOPPED")
    assert second.pk != first.pk
    room.submit(room.request(second))
    assert ApiKey.objects.get(pk=room.api_key.pk).health == ApiKey.Health.READS_ONLY


@pytest.mark.req("G5")
def test_job_without_evidence_ends_unknown_and_keeps_the_server(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(Fault.ACCEPT_AND_IGNORE, operation="powerOn", times=1)
    job = room.submit(room.request(server))
    job = room.poll(room.pass_time(job, 11 * MINUTE))
    engine.tick()
    job = room.fresh(job)
    assert job.status == JobStatus.UNKNOWN
    assert job.status in LIVE


@pytest.mark.req("G3")
def test_late_evidence_settles_an_unknown_job(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(Fault.ACCEPT_AND_IGNORE, operation="powerOn", times=1)
    job = room.submit(room.request(server))
    room.run_out_of_time([job], 11 * MINUTE)
    room.set_state(server, "RUNNING")
    job = room.poll(room.pass_time(job, 2 * MINUTE))
    assert job.status == JobStatus.UNKNOWN
    assert room.poll(room.pass_time(job, 2 * MINUTE)).status == JobStatus.SUCCEEDED


def test_unknown_job_is_no_longer_read_after_a_day(room: EngineRoom) -> None:
    job = room.submit(room.request(room.server("STOPPED")))
    room.sim.faults.add(Fault.HTML_504, operation="reads")
    room.run_out_of_time([job], 11 * MINUTE)
    Job.objects.filter(pk=job.pk).update(next_poll_at=job.created_at)
    assert engine.tick().polls == (room.api_key.pk,)
    room.pass_time(job, timedelta(hours=25))
    assert engine.tick().polls == ()


@pytest.mark.req("G8")
def test_sender_that_vanished_is_watched_and_never_sent_again(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    job = room.request(server)
    Job.objects.filter(pk=job.pk).update(
        status=JobStatus.SENDING,
        epoch=1,
        lease_until=job.created_at,
        sent_at=job.created_at,
        deadline_at=job.expires_at,
    )
    engine.tick()
    job = room.fresh(job)
    assert (job.status, job.receipt, job.code) == (JobStatus.OBSERVING, Receipt.UNCERTAIN, "sender_vanished")
    assert room.submit(job).status == JobStatus.OBSERVING
    assert room.sends(server) == []


@pytest.mark.req("G3")
@pytest.mark.parametrize("sent", [True, False])
def test_job_found_past_its_deadline_after_a_pause_is_read_before_it_is_given_up(
    room: EngineRoom, sent: bool
) -> None:
    """The process stood still for an hour: in the middle of watching, or of sending."""
    job = room.submit(room.request(room.server("STOPPED")))
    if not sent:
        Job.objects.filter(pk=job.pk).update(
            status=JobStatus.SENDING, receipt=Receipt.NONE, next_poll_at=None
        )
        Job.objects.filter(pk=job.pk).update(lease_until=F("sent_at"))
    room.pass_time(job, 60 * MINUTE)
    assert engine.tick().polls == (room.api_key.pk,)
    assert room.fresh(job).status == JobStatus.OBSERVING
    for pause in (timedelta(0), MINUTE):
        job = room.pass_time(job, pause)
        engine.tick()
        engine.poll(room.api_key.pk)
    assert room.fresh(job).status == JobStatus.SUCCEEDED


@pytest.mark.req("G5")
def test_job_that_nobody_can_read_after_a_pause_is_given_up_all_the_same(room: EngineRoom) -> None:
    job = room.submit(room.request(room.server("STOPPED")))
    room.pass_time(job, 60 * MINUTE)
    engine.tick()
    room.pass_time(job, 2 * MINUTE)
    engine.tick()
    assert room.fresh(job).status == JobStatus.UNKNOWN


def test_job_that_kills_three_workers_is_parked(room: EngineRoom) -> None:
    job = room.request(room.server("STOPPED"))
    Job.objects.filter(pk=job.pk).update(lost_leases=3, lease_until=job.created_at)
    engine.tick()
    job = room.fresh(job)
    assert (job.status, job.code) == (JobStatus.FAILED, "not_sent")


def test_lost_bell_is_rung_again_by_the_tick(room: EngineRoom, settings: Any) -> None:
    settings.TIME_SCALE = UNHURRIED
    job = room.request(room.server("STOPPED"))
    assert engine.tick().submits == ()
    room.pass_time(job, timedelta(seconds=10) / UNHURRIED)
    assert engine.tick().submits == (job.pk,)
    assert engine.tick().submits == (), "not in every tick"


def test_job_of_a_newer_version_is_left_alone(room: EngineRoom) -> None:
    job = room.pass_time(room.request(room.server("STOPPED")), 6 * MINUTE)
    Job.objects.filter(pk=job.pk).update(machine_version=99)
    engine.tick()
    assert room.fresh(job).status == JobStatus.QUEUED


@pytest.mark.req("G9")
def test_every_step_has_exactly_one_event_and_one_audit_entry(room: EngineRoom) -> None:
    job = room.follow(room.submit(room.request(room.server("STOPPED"))))
    steps = [
        (event.from_status, event.to_status)
        for event in job.events.all()
        if event.from_status != event.to_status
    ]
    assert steps == [
        ("", "queued"),
        ("queued", "sending"),
        ("sending", "observing"),
        ("observing", "succeeded"),
    ]
    entries = AuditEvent.objects.filter(chain=job.team_id, job_id=job.pk).order_by("sequence")
    assert [entry.after.get("status") for entry in entries] == ["queued", "sending", "observing", "succeeded"]
    assert verify(job.team_id).intact


def test_several_jobs_of_a_key_are_answered_by_one_list_pass(room: EngineRoom) -> None:
    jobs = [room.submit(room.request(room.server("STOPPED"))) for _ in range(3)]
    before = len(room.sim.journal)
    for job in jobs:
        Job.objects.filter(pk=job.pk).update(next_poll_at=job.created_at)
    engine.poll(room.api_key.pk)
    assert [entry.operation for entry in list(room.sim.journal)[before:]] == ["listServers"]


def test_server_that_cannot_be_read_does_not_keep_others_from_being_judged(room: EngineRoom) -> None:
    broken, fine = (room.submit(room.request(room.server("STOPPED"))) for _ in range(2))
    ApiKey.objects.update(server_count=5000)  # so many pages that each job's server is read by itself
    room.sim.faults.add(Fault.HTML_504, operation="getServer", server=broken.server.upstream_id)
    for _ in range(2):
        broken = room.pass_time(broken, MINUTE)
        Job.objects.update(next_poll_at=broken.created_at)
        engine.poll(room.api_key.pk)
    assert room.fresh(fine).status == JobStatus.SUCCEEDED
    assert room.fresh(broken).status == JobStatus.OBSERVING


def test_job_given_up_unsent_does_not_claim_to_have_been_sent(room: EngineRoom) -> None:
    server = room.server("STOPPED")
    room.sim.faults.add(Fault.UNAVAILABLE, operation="powerOn")
    job = room.request(server)
    Job.objects.filter(pk=job.pk).update(attempts=4)
    job = room.submit(job)
    assert (job.code, job.sent_at, job.receipt) == ("not_sent", None, Receipt.NONE)


def test_lease_that_ran_out_is_not_released_by_the_one_who_had_it(room: EngineRoom) -> None:
    def slow(api_key: ApiKey) -> None:
        later = api_key.poll_lease_until + MINUTE  # somebody else took it meanwhile
        ApiKey.objects.update(poll_lease_until=later, poll_lease_by="somebody else")

    assert with_lease(room.api_key.pk, slow)
    assert ApiKey.objects.get().poll_lease_until is not None
    assert not with_lease(room.api_key.pk, slow)


@pytest.mark.req("G7")
@pytest.mark.parametrize("what", ["key", "right"])
def test_what_is_taken_away_during_the_fresh_reading_stops_the_send(room: EngineRoom, what: str) -> None:
    server = room.server("STOPPED")

    def take_away(place: str, _: int) -> None:
        if place != "read_before_sending":
            return
        if what == "key":
            api_key_remove(room.access, room.api_key)
        else:
            Membership.objects.filter(user=room.access.user).update(role="viewer")

    checkpoints.listeners.append(take_away)
    try:
        job = room.submit(room.request(server))
    finally:
        checkpoints.listeners.remove(take_away)
    assert job.status == JobStatus.QUEUED
    assert room.sends(server) == []
    assert room.submit(room.pass_time(job, 2 * MINUTE)).status == JobStatus.FAILED


def test_token_of_one_job_asks_for_no_other(room: EngineRoom) -> None:
    first, second = room.server("STOPPED"), Server.objects.latest("pk")
    job = room.request(first)
    with pytest.raises(JobRefused, match="another job"):
        job_create(room.access, second, KINDS["power_off"], client_token=job.client_token)
