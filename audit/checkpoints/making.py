"""Signs the next checkpoint, once everything that earlier ones say was proven and what is new was walked."""

from datetime import UTC, datetime, timedelta

import structlog
from django.db.models import Q, Sum
from django.db.models.functions import Now

from audit import heads, leases
from audit.checkpoints import file, signed
from audit.checkpoints.key import public_key, signing_key
from audit.checkpoints.proof import Fault, Points, kept, kept_lines, prove
from audit.leases import Lease
from audit.models import AuditEvent, AuditHead, AuditLease, Checkpoint
from audit.verify import walk

log = structlog.get_logger()
LEASE, PAUSE = "checkpoint", "checkpoint pause"
LEASE_TIME = timedelta(minutes=2)
MOST_ENTRIES = 1000
EVERY = timedelta(hours=1)
# Of a new installation: soon, so that there is one to look at.
FIRST_AFTER = timedelta(minutes=1)
# A fault does not go away by itself; it is looked for again, and told again, after a while.
AFTER_FAULT = timedelta(minutes=10)


def latest() -> Checkpoint | None:
    """The checkpoint that was signed last."""
    return kept().order_by("-number").first()


def due() -> tuple[int, ...]:
    """The number of the checkpoint that should be signed now, unless somebody is signing or just could not."""
    free = ~Q(leases.taken(LEASE)) & ~Q(leases.taken(PAUSE))
    written = AuditHead.objects.filter(free).aggregate(total=Sum("sequence"))["total"]
    if not written:
        return ()
    last = kept().order_by("-number").annotate(now=Now()).first()
    if last is None:
        return (1,) if _first_is_due(written) else ()
    number, now = last.number, last.now
    told = signed_by_us(last)
    if told is None:
        return (number + 1,)
    entries, at = told.entries, datetime.fromisoformat(told.at)
    # Fewer entries than before, or a moment still to come, are for the proof to look at.
    quiet = 0 <= written - entries < MOST_ENTRIES and timedelta(0) <= now - at < EVERY
    return () if quiet else (number + 1,)


def signed_by_us(row: Checkpoint) -> signed.Signed | None:
    """What a checkpoint says under its signature, which is all of its row that is believed; None if it has none."""
    try:
        found = signed.read(row.line)
    except signed.BadCheckpointError:
        return None
    return found if found.number == row.number and found.signed_by(public_key()) else None


def _first_is_due(written: int) -> bool:
    first = AuditEvent.objects.order_by("pk").values_list("at", Now()).first()
    return written >= MOST_ENTRIES or first is None or first[1] - first[0] >= FIRST_AFTER


def sign_next(number: int) -> None:
    """Prove, walk and sign; with a fault nothing is signed, and the chain is marked as broken.

    One process does it, under a lease and outside any transaction. Asked for a number that is not the next one, it
    does nothing.
    """
    with leases.held(LEASE, LEASE_TIME) as lease:
        last = latest()
        if lease is None or number != (last.number if last else 0) + 1:
            return
        proof = prove()
        lease.renew()
        seen, faults = ({}, proof.faults) if proof.faults else _walk_new(proof.points, lease)
        if faults:
            leases.pause(PAUSE, AFTER_FAULT)
            tell(faults)
        else:
            _keep(number, proof.points.last, seen, lease)


def begin_anew(reason: str) -> bool:
    """Let checkpoints begin anew after the installation's chain was recovered, or after CHECKPOINT_KEY was replaced.

    Every chain is walked whole. Those that are intact are signed as they are now; of the others stands what earlier
    checkpoints saw last, so that they are found broken until they are recovered, too. `reason` is signed with them.
    Nothing is deleted: the old file is set aside. False while a worker signs.
    """
    with leases.held(LEASE, LEASE_TIME) as lease:
        if lease is None:
            return False
        earlier = prove().points
        seen, faults = _walk_new(Points(), lease)
        tell(faults)
        seen |= {chain: earlier.highest(chain) for chain in earlier.of_chain if chain not in seen}
        last = latest()
        number = max(last.number if last else 0, earlier.number()) + 1
        _keep(number, None, seen, lease, anew=reason)
        return True
    return False


def tell(faults: list[Fault]) -> None:
    """Mark each broken chain, so that its team sees it."""
    for fault in faults:
        heads.mark_broken(fault.chain, fault.problem)


def _walk_new(points: Points, lease: Lease) -> tuple[dict[int, signed.Head], list[Fault]]:
    """Where each chain stands, shown by walking from where the last checkpoint saw it; or what is wrong on the way."""
    seen: dict[int, signed.Head] = {}
    faults = []
    for head in AuditHead.objects.order_by("chain"):
        step = walk(head.chain, points.newest(head.chain))
        while not step.over:
            lease.renew()
            step = walk(head.chain, step.place)
        if step.place and not step.problem and not head.problem:
            seen[head.chain] = (step.place.sequence, step.place.row_hash)
        else:
            faults.append(Fault(head.chain, step.problem or head.problem))
    return seen, faults


def _keep(
    number: int, last: signed.Signed | None, seen: dict[int, signed.Head], lease: Lease, anew: str = ""
) -> None:
    """Into the table first; the log and the file can be brought up to date from there."""
    lease.renew()
    at = AuditLease.objects.values_list(Now(), flat=True).get(pk=LEASE)
    previous = last.digest if last else signed.NOTHING_BEFORE
    moment = at.astimezone(UTC).isoformat(timespec="seconds")
    made = signed.sign(signing_key(), number=number, at=moment, previous=previous, heads=seen, anew=anew)
    Checkpoint.objects.create(
        number=number,
        anew=bool(anew),
        content=made.content,
        signature=made.signature,
    )
    log.info("audit checkpoint", number=number, checkpoint=made.line)
    if anew:
        # Not before: cut off in between, the old file still says that something is wrong.
        file.set_aside()
    file.catch_up(kept_lines())
