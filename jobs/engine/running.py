"""Does what a tick rings in this very process, one after the other: for use without a broker."""

import audit.verification
from audit.checkpoints import making
from jobs.engine import reading
from jobs.engine.observing import poll
from jobs.engine.sending import submit
from jobs.engine.ticking import Rings, tick


def run_once() -> Rings:
    """One tick and all that it rings."""
    rings = tick()
    for job_id in rings.submits:
        submit(job_id)
    for api_key_id in rings.polls:
        poll(api_key_id)
    for server_id in rings.refreshes:
        reading.read_server(server_id)
    for snapshot_id in rings.snapshots:
        reading.read_snapshot(snapshot_id)
    for api_key_id in rings.syncs:
        reading.read_key(api_key_id)
    for reading_id in rings.details:
        reading.read_detail(reading_id)
    for api_key_id in rings.turns:
        reading.read_details(api_key_id)
    for chain in rings.verifications:
        audit.verification.run(chain)
    for number in rings.checkpoints:
        making.sign_next(number)
    return rings
