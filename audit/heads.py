"""The heads of the chains: begun once, checked before each entry, closed or marked as broken (A3)."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Now

from audit import chain as hashing
from audit import keys
from audit.models import AuditHead

log = structlog.get_logger()
HEAD_MISSING = "the head of the chain is missing"


class NotInTransactionError(RuntimeError):
    """An entry must share the transaction of the change that it tells of (A2)."""


class ChainBroken(RuntimeError):
    """Nothing can be written into this chain, since it is not what this panel left. `problem` says what is wrong."""

    def __init__(self, chain: int, problem: str) -> None:
        super().__init__(f"The audit trail of {name_of(chain)} is broken: {problem}.")
        self.chain, self.problem = chain, problem


class ChainClosed(RuntimeError):
    """The chain of a deleted team takes no more entries."""


def name_of(chain: int) -> str:
    return f"team {chain}" if chain else "the installation"


def start_chain(chain: int) -> AuditHead:
    """Begin the chain of a new team, or the installation's own (0) in an empty database.

    Nothing else makes a head. Whoever begins a team's chain records its `birth` in the installation's chain in the
    same transaction, so that no chain can vanish unnoticed. Raises IntegrityError for a chain that was begun before.
    """
    head = AuditHead(chain=chain, birth=secrets.token_hex(16))
    head.row_hash = hashing.genesis(chain, head.birth, head.start)
    sealed(head).save(force_insert=True)
    return head


def locked(chain: int, **also: Any) -> tuple[AuditHead, datetime]:
    """The head of `chain` and the database's time. It is locked to the end, and proven to be what the last entry left.

    `also`: further expressions to read with it, as attributes. Raises ChainBroken, ChainClosed, or
    NotInTransactionError outside `atomic()`.
    """
    if not connection.in_atomic_block:
        raise NotInTransactionError("An audit entry must be recorded inside transaction.atomic().")
    found = AuditHead.objects.select_for_update().annotate(now=Now(), **also).filter(pk=chain)
    head = next(iter(found), None)
    problem = problem_of(head)
    if head is None or problem:
        raise ChainBroken(chain, problem)
    if head.closed:
        raise ChainClosed(f"The audit trail of {name_of(chain)} is closed.")
    return head, head.now


def problem_of(head: AuditHead | None) -> str:
    """Why a head cannot be built upon; empty when it can."""
    if head is None:
        return HEAD_MISSING
    if not genuine(head):
        return head.problem or "the head of the chain was changed"
    return "" if head.broken_at is None else head.problem or "somebody marked it as broken"


def genuine(head: AuditHead) -> bool:
    """Whether this panel sealed the head as it stands."""
    return keys.fits(hashing.head_message(head), hashing.head_seal(head))


def sealed(head: AuditHead) -> AuditHead:
    """The head with a fresh seal over what stands in it now; not saved."""
    made = keys.seal(hashing.head_message(head))
    head.key_id, head.mac = made.key_id, made.mac
    return head


def move(head: AuditHead, sequence: int, row_hash: str) -> None:
    """Set a locked head to a new last entry."""
    head.sequence, head.row_hash = sequence, row_hash
    sealed(head)
    AuditHead.objects.filter(pk=head.pk).update(
        sequence=sequence, row_hash=row_hash, key_id=head.key_id, mac=head.mac
    )


def close(chain: int) -> AuditHead:
    """Let nothing follow the entry that is the last one now; the chain stays and is verified like any other."""
    head, _ = locked(chain)
    head.closed = True
    sealed(head)
    AuditHead.objects.filter(pk=chain).update(closed=True, key_id=head.key_id, mac=head.mac)
    return head


def taken(chain: int, sequence: int, error: IntegrityError) -> NoReturn:
    """The number after the head's is in use: an entry that no head knows of."""
    raise ChainBroken(
        chain, f"entry {sequence} is there, but the head of the chain does not know it"
    ) from error


def mark_broken(chain: int, problem: str) -> None:
    """Note what was found, in a transaction of its own: called after the one that found it was rolled back.

    From then on the team's pages say so, nothing new is sent for it and its deadlines stand still, until
    `manage.py recover_audit`. The first note stays.
    """
    with transaction.atomic():
        unmarked = AuditHead.objects.filter(pk=chain, broken_at=None)
        if unmarked.update(broken_at=Now(), problem=problem[:300]):
            log.error("audit chain broken", chain=chain, problem=problem)
        elif not AuditHead.objects.filter(pk=chain).exists():
            log.error("audit chain missing", chain=chain)


@contextmanager
def noticed() -> Iterator[None]:
    """Around a transaction: a chain that it finds broken is marked once it is rolled back, and others go on."""
    try:
        yield
    except ChainBroken as broken:
        mark_broken(broken.chain, broken.problem)


def in_order() -> QuerySet[AuditHead]:
    """The heads of the chains that nobody found to be broken; of a chain without a head there is none."""
    return AuditHead.objects.filter(broken_at=None)


def noted(chain: int) -> str:
    """What was noted of a chain; empty while nobody found anything."""
    return next(iter(AuditHead.objects.filter(pk=chain).values_list("problem", flat=True)), HEAD_MISSING)


def problem_noted(chain: OuterRef) -> Coalesce:
    """The same as a part of a larger query."""
    found = AuditHead.objects.filter(pk=chain).values("problem")[:1]
    return Coalesce(Subquery(found), Value(HEAD_MISSING))
