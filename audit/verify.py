"""Reads a chain from its first entry and names the first one that does not fit (A3, A7)."""

from collections.abc import Iterator
from dataclasses import dataclass

from audit import chain as hashing
from audit.models import AuditEvent, AuditHead

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entries` were read; `first_bad` is the sequence of the first wrong one, `problem` says what is wrong."""

    chain: int
    entries: int
    first_bad: int | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        return not self.problem


def verify(chain: int, *, begun: bool = False) -> Verdict:
    """Check the links, the hashes, the keyed seals and the head of one chain.

    `begun` says that the chain must have entries: then an empty one was emptied. Entries that are written while this
    reads are followed, so that a busy chain is not taken for a broken one.
    """
    head, read, last_hash = head_of(chain), 0, GENESIS
    while True:
        for event in in_order(chain, after=read, until=head.sequence if head else None):
            if problem := problem_of_entry(event, read + 1, last_hash):
                return Verdict(chain, read, read + 1, problem)
            read, last_hash = read + 1, event.row_hash
        if problem := problem_of_head(head, chain, read, last_hash, begun):
            return Verdict(chain, read, max(read, 1) if head and head.sequence <= read else read + 1, problem)
        if not AuditEvent.objects.filter(chain=chain, sequence__gt=read).exists():
            return Verdict(chain, read)
        later = head_of(chain)
        if head is None or later is None or later.sequence <= head.sequence:
            return Verdict(chain, read, read + 1, "the head of the chain does not fit its last entry")
        head = later


def chains() -> list[int]:
    """Every chain there is, also one whose head or whose entries were taken away."""
    heads = set(AuditHead.objects.values_list("chain", flat=True))
    return sorted(heads | set(AuditEvent.objects.order_by().values_list("chain", flat=True).distinct()))


def head_of(chain: int) -> AuditHead | None:
    return AuditHead.objects.filter(pk=chain).first()


def in_order(chain: int, *, after: int, until: int | None) -> Iterator[AuditEvent]:
    entries = AuditEvent.objects.filter(chain=chain, sequence__gt=after).order_by("sequence")
    wanted = entries if until is None else entries.filter(sequence__lte=until)
    return wanted.iterator(chunk_size=2000)


def problem_of_entry(event: AuditEvent, expected: int, last_hash: str) -> str:
    if event.sequence != expected:
        return f"entry {expected} is missing; the next one there is {event.sequence}"
    if not hashing.same(event.prev_hash, last_hash):
        return f"entry {expected} does not follow the one before it"
    if not hashing.same(event.row_hash, hashing.row_hash(event)):
        return f"entry {expected} was changed after it was written"
    if not hashing.same(event.row_mac, hashing.row_mac(event)):
        return f"entry {expected} was not sealed with this installation's key"
    return ""


def problem_of_head(head: AuditHead | None, chain: int, read: int, last_hash: str, begun: bool) -> str:
    if head is None:
        return "the head of the chain is missing" if read or begun else ""
    if not head.sequence:
        return "the head of the chain was reset"
    if head.sequence > read:
        return f"the last {head.sequence - read} entries are missing"
    sealed = hashing.head_mac(chain, head.sequence, head.row_hash)
    if head.row_hash != last_hash or not hashing.same(head.mac, sealed):
        return "the head of the chain does not fit its last entry"
    return ""
