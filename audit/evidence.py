"""What is left of a chain that was broken: kept as it is, sealed by one hash, and told of for ever."""

import hashlib
from dataclasses import dataclass

from django.db.models import Q

from audit import chain as hashing
from audit.actions import AuditAction
from audit.models import AuditEvent, AuditHead

# Nobody acts so often. A foreign entry beyond it must not take all numbers from those that follow.
SPAN = 2**40


@dataclass(frozen=True, slots=True)
class Filed:
    """An older break: `words` tells of it; `problem` is set when what was kept of it was changed since."""

    words: str
    problem: str = ""


def present(start: int) -> Q:
    """The entries of the present chain, as a condition: all of them where it never broke."""
    return Q(sequence__gt=start, sequence__lte=start + SPAN) if start else Q()


def digest(chain: int, start: int) -> str:
    """SHA-256 over every row that stands outside of the chain as it goes on after `start`."""
    found = hashlib.sha256()
    rows = (
        hashing.entries(chain).filter(~present(start) | Q(sequence__isnull=True)).order_by("sequence", "pk")
    )
    for row in rows.iterator(chunk_size=2000):
        found.update(hashing.canonical(row))
        found.update(
            "\n".join((row.prev_hash, row.content_hash, row.row_hash, row.key_id, row.row_mac)).encode()
        )
    return found.hexdigest()


def filed(head: AuditHead) -> Filed:
    """What the chain of a genuine head says of its older breaks."""
    filings = hashing.entries(head.chain).filter(action=AuditAction.AUDIT_RECOVER, target_type="audit")
    told = [each for each in filings.order_by("sequence") if each.target_id == str(head.chain)]
    words = "; ".join(_words(each) for each in told)
    last = next((each for each in told if each.sequence == head.start + 1), None)
    if last is not None and last.after.get("evidence") == digest(head.chain, head.start):
        return Filed(words)
    return Filed(words, f"what was kept of the chain up to entry {head.start} was changed since it was filed")


def _words(filing: AuditEvent) -> str:
    after = filing.after if isinstance(filing.after, dict) else {}
    bad, problem = after.get("first_bad"), after.get("problem")
    where = "" if bad is None else f" at entry {bad}"
    return f"broken{where} ({problem}), filed in entry {filing.sequence}"
