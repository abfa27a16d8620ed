"""Reads a chain from its first entry and names the first one that does not fit (A3, A7)."""

from dataclasses import dataclass, replace

from django.db.models import Count, QuerySet

from audit import chain as hashing
from audit import evidence, heads, keys, persons
from audit.actions import AuditAction
from audit.chain import problem_of_content
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.persons import Known

# Reading and checking so many entries takes a fraction of a second.
STEP = 2000
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


@dataclass(frozen=True, slots=True)
class Place:
    """How far a chain was found good: the number of an entry, its hash, and how many entries that are."""

    sequence: int
    row_hash: str
    entries: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Where a step led; with a `problem`, `first_bad` is the sequence of the first wrong entry.

    `ended`: the chain was read to its end, and its head fits there.
    """

    place: Place | None
    ended: bool = False
    first_bad: int | None = None
    problem: str = ""
    filed: str = ""

    @property
    def over(self) -> bool:
        return self.ended or bool(self.problem)

    @property
    def entries(self) -> int:
        return self.place.entries if self.place else 0


def verify(chain: int) -> Verdict:
    """Check the links, the hashes, the seals, the names and the head of one chain.

    Entries that are written while this reads are followed, so that a busy chain is not taken for a broken one.
    """
    first = step = walk(chain)
    while not step.over:
        step = walk(chain, step.place)
    return Verdict(chain, step.entries, step.first_bad, step.problem, first.filed)


def walk(chain: int, place: Place | None = None, *, limit: int = STEP) -> Step:
    """Check at most `limit` entries after `place`, from the beginning without one; at the end of the chain its head.

    What was filed as broken before the chain began anew is looked at in the beginning, and told of in that step.
    """
    head = _head(chain)
    sound = head is not None and heads.genuine(head)
    older = evidence.Filed("")
    if place is None or (head and sound and place.sequence <= head.start):
        place, older = None, evidence.filed(head) if head and sound and head.start else older
    if older.problem:
        return Step(None, first_bad=1, problem=older.problem, filed=older.words)
    reader = _Walk(chain, head if sound else None, place)
    problem = reader.to(head.sequence if head and sound else None, limit)
    if not problem and reader.count < limit:
        return replace(_end(reader, head), filed=older.words)
    return Step(reader.place, first_bad=reader.bad if problem else None, problem=problem, filed=older.words)


def _end(reader: "_Walk", head: AuditHead | None) -> Step:
    """What the head says of the place, and whether anything stands behind it that the head does not know of."""
    if problem := reader.problem_of(head):
        return Step(reader.place, first_bad=reader.bad, problem=problem)
    beyond = reader.rest().order_by("sequence").values_list("sequence", flat=True).first()
    if beyond is None:
        if problem := reader.problem_of_numbers():
            return Step(reader.place, first_bad=reader.bad, problem=problem)
        return Step(reader.place, ended=True)
    later = _head(reader.chain)
    if head is None or later is None or later.sequence <= head.sequence:
        return Step(reader.place, first_bad=beyond, problem=UNKNOWN_ENTRY)
    return Step(reader.place)


def _head(chain: int) -> AuditHead | None:
    return AuditHead.objects.filter(pk=chain).first()


class _Walk:
    """How far a chain was read. `expected` is the number of the next entry, `bad` of the one that does not fit."""

    def __init__(self, chain: int, head: AuditHead | None, place: Place | None) -> None:
        """Without a head that can be believed the first entry has to stand for the beginning."""
        start = head.start if head else 0
        genesis = hashing.genesis(chain, head.birth, start) if head else ""
        begin = place or Place(start, genesis)
        self.chain, self.start, self.last_hash = chain, start, begin.row_hash
        self.read, self.entries, self.bad, self.count = begin.sequence, begin.entries, begin.sequence + 1, 0
        self.present = hashing.entries(chain).filter(evidence.present(start))
        self.wanted = self.rest() if place else self.present
        self.people: dict[str, Known | None] = {}
        self.forgotten: set[int] = set()

    @property
    def place(self) -> Place:
        return Place(self.read, self.last_hash, self.entries)

    @property
    def expected(self) -> int:
        return self.read + 1

    def to(self, last: int | None, limit: int) -> str:
        """Read on to the entry numbered `last`, or to the end; what is wrong with the next entry, if anything is."""
        wanted = self.wanted if last is None else self.wanted.filter(sequence__lte=last)
        for event in wanted.order_by("sequence")[:limit]:
            if problem := self._problem(event):
                self.bad = min(event.sequence, self.expected)
                return problem
            self.read, self.last_hash = event.sequence, event.row_hash
            self.entries, self.count = self.entries + 1, self.count + 1
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

    def problem_of_numbers(self) -> str:
        """Rows that a reading by numbers never meets, but that pages show: without a number, or with one twice."""
        if not self.start and hashing.entries(self.chain).filter(sequence__isnull=True).exists():
            return "an entry without a number is there"
        read = self.present.filter(sequence__lte=self.read)
        if read.count() == self.read - self.start:
            return ""
        twice = (
            read.order_by("sequence").values("sequence").annotate(rows=Count("pk")).filter(rows__gt=1).first()
        )
        self.bad = twice["sequence"] if twice else self.start + 1
        return f"entry {self.bad} is there twice"

    def _problem(self, event: AuditEvent) -> str:
        number = self.expected
        if event.sequence < number:
            return f"a foreign entry numbered {event.sequence} stands before the first one"
        if event.sequence > number:
            return f"entry {number} is missing; the next one there is {event.sequence}"
        if self.last_hash and not keys.same(event.prev_hash, self.last_hash):
            return f"entry {number} does not follow the one before it"
        return problem_of_content(event) or self._problem_of_names(event)

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


def _forgotten() -> set[int]:
    """Ids of the people whose names were erased by command."""
    erased = hashing.entries(INSTALLATION).filter(action=AuditAction.PERSON_FORGET)
    return {int(entry.target_id) for entry in erased if not problem_of_content(entry)}
