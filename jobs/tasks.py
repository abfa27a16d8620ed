"""The bells. A message carries an id and nothing else; losing one, or getting it twice, changes nothing (G6, K6).

They are acknowledged early, have no result, no retry and no countdown: the database remembers what is due.
"""

from celery import Task, shared_task

import audit.verification
from audit.checkpoints import making
from jobs import engine
from jobs.bell import PATIENCE_OF_TICK, Hint, bell
from jobs.engine import reading


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
    bell.heard()
    tick_here()


def tick_here(*, probe: bool = False) -> None:
    """One tick, and the bells for what is due. `probe`: ring even when nothing is, to find out about the broker."""
    hints: list[Hint] = [(task, (pk,)) for task, ids in by_task(engine.tick()) for pk in ids]
    if probe and not hints:
        hints = [(tick, ())]
    if hints:
        bell.ring(hints, patience=PATIENCE_OF_TICK)


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
    bell.ring([(submit_job, (job_id,))])
