"""Workers that die or are asked to end, a beat that never came, a database that goes away: real processes."""

import signal

import pytest

from jobs import checkpoints
from jobs.states import JobStatus, Receipt
from servers.leaseweb.simulator.faults import Fault
from tests.support.database import Cut
from tests.support.engine_room import EngineRoom
from tests.support.processes import Processes
from tests.support.stack import Stack
from tests.support.valkey import Valkey
from tests.support.waiting import wait_for

# Less than the lease of a job: who had to wait for that would be too late.
SOON = 60.0


@pytest.mark.processes
@pytest.mark.req("G6")
def test_click_of_a_worker_killed_while_preparing_is_sent_by_the_next_one_although_beat_is_dead(
    stack: Stack, room: EngineRoom, broker: Valkey
) -> None:
    hanging = room.sim.faults.add(Fault.DELAY, operation="getServer", seconds=600.0, times=1)
    worker = stack.worker(LEASEWEB_API_URL=room.sim.base_url)
    worker.wait_for_line("ready.")
    job = room.click("reboot")
    wait_for(lambda: hanging.struck, what="a worker reads before it sends")
    worker.signal(signal.SIGKILL)
    worker.wait()
    # Nobody knows of the job any more but the database: no hint, no beat.
    broker.flush()
    stack.worker(LEASEWEB_API_URL=room.sim.base_url)
    wait_for(lambda: room.fresh(job).status == JobStatus.OBSERVING, what="the job is sent", seconds=SOON)
    assert (len(room.sends(job.server)), room.fresh(job).lost_leases) == (1, 1)


@pytest.mark.processes
def test_engine_finishes_what_it_sends_when_it_is_asked_to_end(
    stack: Stack, processes: Processes, room: EngineRoom
) -> None:
    engine = processes.python(
        "engine", "manage.py", "engine", env={**stack.env, "LEASEWEB_API_URL": room.sim.base_url}
    )
    engine.wait_for_line("begins")
    Cut.others()
    room.sim.faults.add(Fault.DELAY, operation="reboot", seconds=4.0)
    job = room.click("reboot")
    wait_for(lambda: room.fresh(job).status == JobStatus.SENDING, what="the request is under way")
    engine.signal(signal.SIGTERM)
    assert engine.wait() == 0
    assert (room.fresh(job).status, room.fresh(job).receipt) == (JobStatus.OBSERVING, Receipt.ACCEPTED)


@pytest.mark.django_db(transaction=True)
def test_answer_that_cannot_be_written_at_once_is_written_a_moment_later(room: EngineRoom) -> None:
    job, cut = room.click("reboot"), Cut()

    def away_for_a_moment(place: str, job_id: int) -> None:
        if place == "status_line":
            cut.for_a_moment()

    checkpoints.listeners.append(away_for_a_moment)
    try:
        room.submit(job)
    finally:
        checkpoints.listeners.remove(away_for_a_moment)
        cut.over()
    assert (room.fresh(job).status, room.fresh(job).receipt) == (JobStatus.OBSERVING, Receipt.ACCEPTED)
