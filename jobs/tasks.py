"""The bells. A message carries an id and nothing else; losing one, or getting it twice, changes nothing (G6, K6).

They are acknowledged early, have no result, no retry and no countdown: the database remembers what is due.
"""

import structlog
from celery import Task, shared_task
from kombu.exceptions import OperationalError

import audit.verification
from audit.checkpoints import making
from jobs import engine
from jobs.engine import reading

log = structlog.get_logger()
HINT_SECONDS = 10


@shared_task
def submit_job(job_id: int) -> None:
    engine.submit(job_id, ring_submit)


@shared_task
def poll_key(api_key_id: int) -> None:
    engine.poll(api_key_id)


@shared_task
def sync_key(api_key_id: int) -> None:
    reading.read_key(api_key_id)


@shared_task
def refresh_server(server_id: int) -> None:
    reading.read_server(server_id)


@shared_task
def refresh_snapshot(snapshot_id: int) -> None:
    reading.read_snapshot(snapshot_id)


@shared_task
def read_detail(reading_id: int) -> None:
    reading.read_detail(reading_id)


@shared_task
def read_details(api_key_id: int) -> None:
    reading.read_details(api_key_id)


@shared_task
def verify_chain(chain_id: int) -> None:
    audit.verification.run(chain_id)


@shared_task
def sign_checkpoint(checkpoint_id: int) -> None:
    making.sign_next(checkpoint_id)


@shared_task
def tick() -> None:
    rings = engine.tick()
    for task, ids in by_task(rings):
        for each in ids:
            task.apply_async((each,), expires=HINT_SECONDS)


def by_task(rings: engine.Rings) -> tuple[tuple[Task[[int], None], tuple[int, ...]], ...]:
    """Which task each of the rings means."""
    return (
        (submit_job, rings.submits),
        (poll_key, rings.polls),
        (refresh_server, rings.refreshes),
        (refresh_snapshot, rings.snapshots),
        (sync_key, rings.syncs),
        (read_detail, rings.details),
        (read_details, rings.turns),
        (verify_chain, rings.verifications),
        (sign_checkpoint, rings.checkpoints),
    )


def ring_submit(job_id: int) -> None:
    """Tell a worker about a new job at once; without a broker the next tick does it."""
    try:
        submit_job.apply_async((job_id,), expires=HINT_SECONDS)
    except OperationalError:
        log.warning("no broker; the next tick will ring", job=job_id)
