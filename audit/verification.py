"""Verification as a worker's job: somebody asks, a worker walks the chain in steps, and the verdict is an entry (A7).

Whole chains are never walked in a web process. One wish a chain, and one chain at a time, so that eight clicks are one
run and take the time of one thread; a worker that was killed leaves its place to the next one.
"""

import hmac
import json
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from audit import chain as hashing
from audit import heads, keys, leases
from audit.actions import AuditAction
from audit.chain import problem_of_content
from audit.checkpoints.key import place_seal
from audit.log import Change, Target, record
from audit.models import Outcome, Verification
from audit.origin import Actor
from audit.verify import STEP, Place, Step, walk

log = structlog.get_logger()
LEASE = "verification"
LEASE_TIME = timedelta(seconds=15)
# After so long a worker's thread is given back; the next tick rings again.
SECONDS_AT_ONCE = 4.0


def ask(chain: int, actor: Actor) -> bool:
    """Wish for a verification of this chain; False when somebody's wish is still being met."""
    Verification.objects.get_or_create(pk=chain)
    idle = Verification.objects.filter(pk=chain, asked_at=None)
    who = _sealed(chain, asdict(actor))
    return idle.update(number=F("number") + 1, asked_at=Now(), asked_by=who, read=0, entries=0, seal="") == 1


def of_chain(chain: int) -> Verification | None:
    """The wish that waits or was met last, if anybody ever asked. What is no JSON in it spoils `asker()` alone."""
    return Verification.objects.filter(pk=chain).defer("asked_by").first()


def asker(wish: Verification) -> Actor:
    """Who asked, if this panel wrote so; else the panel itself: nothing is filed as the act of somebody else."""
    with suppress(ValueError, LookupError, TypeError):
        who, key_id, mac = (wish.asked_by[name] for name in ("actor", "key_id", "mac"))
        if keys.fits(_who(wish.chain, who), keys.Seal(str(key_id), str(mac))):
            return Actor(**who)
    return Actor()


def _sealed(chain: int, who: dict[str, Any]) -> dict[str, Any]:
    return {"actor": who, **asdict(keys.seal(_who(chain, who)))}


def _who(chain: int, who: Any) -> str:
    return f"asked\n{chain}\n{json.dumps(who, sort_keys=True)}"


def filed_at(wish: Verification) -> datetime | None:
    """When a worker filed what `wish` says of an intact chain; None if no entry with a genuine seal says so.

    The row itself is not sealed, so it is not believed when it says that all is well.
    """
    verdicts = hashing.entries(wish.pk).filter(action=AuditAction.AUDIT_VERIFY).order_by("-sequence")
    last = verdicts.first()
    if last is None or last.outcome != Outcome.DONE or problem_of_content(last):
        return None
    return last.at if last.after.get("entries") == wish.entries else None


def due() -> tuple[int, ...]:
    """The chain whose wish waits longest, unless a worker is busy with one."""
    waiting = Verification.objects.filter(~Q(leases.taken(LEASE)), asked_at__isnull=False)
    return tuple(waiting.order_by("asked_at").values_list("pk", flat=True)[:1])


def run(chain: int) -> None:
    """Walk on for a few seconds from where the last worker stopped; the end, or the first fault, gives the verdict."""
    with leases.held(LEASE, LEASE_TIME) as lease:
        wish = of_chain(chain)
        if lease is not None and wish is not None and wish.asked_at is not None:
            _walk_on(wish, lease)


def _walk_on(wish: Verification, lease: leases.Lease) -> None:
    step, end = Step(_place(wish)), time.monotonic() + SECONDS_AT_ONCE
    while not step.over:
        step = walk(wish.chain, step.place, limit=STEP)
        lease.renew()
        _keep(wish, step.place)
        if time.monotonic() > end:
            break
    if step.over:
        _conclude(wish, step)


def _place(wish: Verification) -> Place | None:
    """Where to go on; at the beginning if the place in the database is not one that a worker left there."""
    kept = Place(wish.read, wish.row_hash, wish.entries)
    return kept if hmac.compare_digest(wish.seal, _seal(wish, kept)) else None


def _seal(wish: Verification, place: Place) -> str:
    return place_seal(wish.chain, place.sequence, place.row_hash)


def _keep(wish: Verification, place: Place | None) -> None:
    if place is not None:
        seal = _seal(wish, place)
        ours = Verification.objects.filter(pk=wish.pk, number=wish.number, asked_at__isnull=False)
        ours.update(read=place.sequence, row_hash=place.row_hash, entries=place.entries, seal=seal)


def _conclude(wish: Verification, step: Step) -> None:
    """Keep the verdict, once for each wish: for the page, as an entry of the chain, and as a mark on a broken one."""
    who = asker(wish)
    try:
        with transaction.atomic():
            if _settle(wish, who, step):
                _record(wish, who, step)
    except (heads.ChainBroken, heads.ChainClosed):
        log.error("verdict not recorded in the chain", chain=wish.pk, problem=step.problem)
        _settle(wish, who, step)
    if step.problem:
        heads.mark_broken(wish.pk, step.problem)


def _settle(wish: Verification, who: Actor, step: Step) -> bool:
    """Write the verdict beside the wish; False when it is not the one that waits any more."""
    verdict = {"entries": step.entries, "first_bad": step.first_bad, "problem": step.problem[:500]}
    ours = Verification.objects.filter(pk=wish.pk, number=wish.number, asked_at__isnull=False)
    return ours.update(asked_at=None, asked_by={}, done_at=Now(), done_by=who.user_id, **verdict) == 1


def _record(wish: Verification, who: Actor, step: Step) -> None:
    intact = not step.problem
    record(
        AuditAction.AUDIT_VERIFY,
        chain=wish.pk,
        actor=who,
        target=Target("audit", str(wish.pk)),
        outcome=Outcome.DONE if intact else Outcome.FAILED,
        change=Change(after={"entries": step.entries, "intact": intact, "first_bad": step.first_bad}),
        reason=step.problem,
    )
