"""The way on after a break: what is broken stays as evidence, and a new part of the chain names it."""

import secrets
from collections.abc import Collection

from django.db import transaction
from django.db.models import Max

from audit import chain as hashing
from audit import evidence, heads
from audit.actions import AuditAction
from audit.census import beginnings, verdict
from audit.log import Change, Fields, Target, record
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.origin import Actor
from audit.verify import Verdict


class NothingBroken(ValueError):
    """The chain is intact and nobody found otherwise."""


@transaction.atomic
def recover(chain: int, *, reason: str, actor: Actor, teams: Collection[int], above: int = 0) -> AuditEvent:
    """File the break of `chain` and go on behind it; the entry that says so, the first of the new part.

    `teams`: the ids of those that exist now; the chain of any other is closed again. `above`: the highest number
    that is known to have been in use, if more than the database shows (a checkpoint). Nothing is deleted. The
    installation's chain is told, too, so it has to be recovered first. Raises NothingBroken.
    """
    head = AuditHead.objects.select_for_update().filter(pk=chain).first()
    begun = beginnings()
    broken = verdict(chain, teams, begun)
    found = broken.problem or (head.problem if head else "")
    if not head and chain not in {INSTALLATION, *teams, *begun} and not hashing.entries(chain).exists():
        raise NothingBroken(f"There is no chain {chain}.")
    if not found:
        raise NothingBroken(f"The audit trail of {heads.name_of(chain)} is intact.")
    head = _begin_again(head or AuditHead(chain=chain), _last(chain, head, above))
    after = _verdict(broken, found) | {"birth": head.birth, "evidence": evidence.digest(chain, head.start)}
    entry = _file(chain, chain, reason, actor, after)
    if chain == INSTALLATION:
        _name_other_chains(reason, actor)
        return entry
    if chain not in teams:
        heads.close(chain)
    _file(INSTALLATION, chain, reason, actor, after)
    return entry


def _last(chain: int, head: AuditHead | None, above: int) -> int:
    """The highest number that any entry of the broken chain has, or may have had."""
    last = max(head.sequence if head and heads.genuine(head) else 0, above, 1)
    while True:
        near = hashing.entries(chain).filter(sequence__gt=last, sequence__lte=last + evidence.SPAN)
        found = near.aggregate(last=Max("sequence"))["last"]
        if found is None:
            return last
        last = found


def _begin_again(head: AuditHead, start: int) -> AuditHead:
    head.birth, head.start, head.sequence, head.closed = secrets.token_hex(16), start, start, False
    head.row_hash = hashing.genesis(head.chain, head.birth, start)
    head.broken_at, head.problem = None, ""
    heads.sealed(head).save()
    return head


def _verdict(broken: Verdict, found: str) -> Fields:
    return {"entries": broken.entries, "first_bad": broken.first_bad, "problem": found}


def _file(into: int, chain: int, reason: str, actor: Actor, after: Fields) -> AuditEvent:
    return record(
        AuditAction.AUDIT_RECOVER,
        chain=into,
        actor=actor,
        target=Target("audit", str(chain)),
        change=Change(after=after),
        reason=reason,
    )


def _name_other_chains(reason: str, actor: Actor) -> None:
    """The list of all chains was in the broken part; those that are sound are named anew."""
    for head in AuditHead.objects.exclude(pk=INSTALLATION).order_by("chain"):
        if heads.genuine(head):
            _file(INSTALLATION, head.chain, reason, actor, {"birth": head.birth})
