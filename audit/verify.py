"""Reads a chain from its first entry and names the first one that does not fit (A3, A7)."""

from dataclasses import dataclass

from django.db.models import QuerySet

from audit import chain as hashing
from audit import evidence, heads, keys, persons
from audit.actions import AuditAction
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.persons import Known

UNKNOWN_ENTRY = "this entry stands behind the end of the chain"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`entries` were read; `first_bad` is the sequence of the first wrong one, `problem` says what is wrong.

    `filed` tells of an older break, for ever: what was wrong, and which entry says so. Everything after that entry
    stands on its own.
    """

    chain: int
    entries: int
    first_bad: int | None = None
    problem: str = ""
    filed: str = ""

    @property
    def intact(self) -> bool:
        return not self.problem


def verify(chain: int) -> Verdict:
    """Check the links, the hashes, the seals, the names and the head of one chain.

    Entries that are written while this reads are followed, so that a busy chain is not taken for a broken one.
    """
    head = _head(chain)
    sound = head is not None and heads.genuine(head)
    older = evidence.filed(head) if head and sound and head.start else evidence.Filed("")
    if older.problem:
        return Verdict(chain, 0, 1, older.problem, older.words)
    walk = _Walk(chain, head if sound else None)
    while True:
        if problem := walk.to(head.sequence if head and sound else None) or walk.problem_of(head):
            return Verdict(chain, walk.entries, walk.bad, problem, older.words)
        beyond = walk.rest().order_by("sequence").values_list("sequence", flat=True).first()
        if beyond is None:
            return Verdict(chain, walk.entries, filed=older.words)
        later = _head(chain)
        if head is None or later is None or later.sequence <= head.sequence:
            return Verdict(chain, walk.entries, beyond, UNKNOWN_ENTRY, older.words)
        head = later


def _head(chain: int) -> AuditHead | None:
    return AuditHead.objects.filter(pk=chain).first()


class _Walk:
    """How far a chain was read. `expected` is the number of the next entry, `bad` of the one that does not fit."""

    def __init__(self, chain: int, head: AuditHead | None) -> None:
        """Without a head that can be believed the first entry has to stand for the beginning."""
        start = head.start if head else 0
        self.last_hash = hashing.genesis(chain, head.birth, start) if head else ""
        self.read, self.entries, self.bad = start, 0, start + 1
        self.present = hashing.entries(chain).filter(evidence.present(start))
        self.people: dict[str, Known | None] = {}
        self.forgotten: set[int] = set()

    @property
    def expected(self) -> int:
        return self.read + 1

    def to(self, last: int | None) -> str:
        """Read on to the entry numbered `last`, or to the end; what is wrong with the next entry, if anything is."""
        wanted = self.rest() if self.entries else self.present
        wanted = wanted if last is None else wanted.filter(sequence__lte=last)
        for event in wanted.order_by("sequence").iterator(chunk_size=2000):
            if problem := self._problem(event):
                self.bad = min(event.sequence, self.expected)
                return problem
            self.read, self.last_hash, self.entries = event.sequence, event.row_hash, self.entries + 1
        return ""

    def rest(self) -> QuerySet[AuditEvent]:
        return self.present.filter(sequence__gt=self.read)

    def problem_of(self, head: AuditHead | None) -> str:
        """What is wrong with the head, after all entries were read that it can know of."""
        self.bad = max(self.read, 1) if head and head.sequence <= self.read else self.expected
        if head is None:
            return "the head of the chain is missing"
        if head.sequence > self.read:
            return f"the last {head.sequence - self.read} entries are missing"
        if not heads.genuine(head) or head.row_hash != self.last_hash:
            return "the head of the chain does not fit its last entry"
        return ""

    def _problem(self, event: AuditEvent) -> str:
        number = self.expected
        if event.sequence < number:
            return f"a foreign entry numbered {event.sequence} stands before the first one"
        if event.sequence > number:
            return f"entry {number} is missing; the next one there is {event.sequence}"
        if self.last_hash and not keys.same(event.prev_hash, self.last_hash):
            return f"entry {number} does not follow the one before it"
        return _problem_of_content(event) or self._problem_of_names(event)

    def _problem_of_names(self, event: AuditEvent) -> str:
        who = ((event.actor_id, event.actor_digest), (event.on_behalf_of, event.behalf_digest))
        if all(not digest or self._rightly_named(person, digest) for person, digest in who):
            return ""
        return f"the name kept for entry {event.sequence} is not the one it was written with"

    def _rightly_named(self, person: int | None, digest: str) -> bool:
        """Whether the name of that time is there, or was erased by `forget_person`, which leaves an entry."""
        if digest not in self.people:
            self.people[digest] = persons.known([digest]).get(digest)
        row = self.people[digest]
        if row is not None:
            return row.genuine and row.person_id == person
        if person not in self.forgotten:
            self.forgotten = _forgotten()
        return person in self.forgotten


def _problem_of_content(event: AuditEvent) -> str:
    number, content = event.sequence, hashing.content_hash(event)
    if not keys.same(event.content_hash, content) or not keys.same(
        event.row_hash, hashing.row_hash(event.prev_hash, content)
    ):
        return f"entry {number} was changed after it was written"
    if not keys.known(event.key_id):
        return f"entry {number} was sealed with a key that is not in AUDIT_KEYS"
    if not keys.fits(hashing.row_message(event), hashing.row_seal(event)):
        return f"entry {number} was not sealed with this installation's key"
    return ""


def _forgotten() -> set[int]:
    """Ids of the people whose names were erased by command."""
    erased = hashing.entries(INSTALLATION).filter(action=AuditAction.PERSON_FORGET)
    return {int(person) for person in erased.values_list("target_id", flat=True)}
