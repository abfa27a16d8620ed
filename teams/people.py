"""How people are shown: as they were called then or are now, and marked where that may be taken for another name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from audit import persons
from audit.actions import AuditAction
from audit.models import AuditEvent
from audit.persons import Known
from teams import lookalikes
from teams.access import Access, Trail
from teams.models import User

# The kind of target that an account is; its id is that of the person.
USER = "user"
# The field in which an entry keeps by digest what somebody was called.
RENAMED = "person"


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands in an entry, as they were called at that time. `id` is empty for the panel itself.

    `genuine` is False when the name kept for the entry is not the one it was written with. `looks_like` is the name
    of somebody else that theirs can be taken for.
    """

    id: int | None
    name: str
    email: str = ""
    genuine: bool = True
    looks_like: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.email})" if self.email else self.name


THE_PANEL = Person(None, "the panel")
# Who failed to sign in is not known, and neither is always the account.
SOMEBODY = Person(None, "somebody")
STRANGER = Person(None, "unknown account")
# What stands where no person does is no person's name.
RESERVED = (THE_PANEL.name, f"{THE_PANEL} itself", SOMEBODY.name, STRANGER.name)


def names(trail: Trail) -> dict[int, str]:
    """What those are called for whom somebody else may be taken."""
    return {pk: name or email for pk, name, email in trail.people().values_list("pk", "name", "email")}


def _is_about_person(event: AuditEvent) -> bool:
    return event.target_type == USER and event.target_id.isdecimal()


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of some entries: what they were called then, by digest, and are now, by id; and whom they are like."""

    then: dict[str, Known]
    now: dict[int, Known]
    crowd: lookalikes.Crowd

    def by(self, pk: int | None, digest: str) -> Person:
        return THE_PANEL if pk is None else self._marked(named(pk, self.then.get(digest)))

    def whom(self, event: AuditEvent) -> Person | None:
        """None for what was done to no person, or by that person themselves."""
        if not _is_about_person(event):
            return STRANGER if event.action == AuditAction.LOGIN_FAIL else None
        pk = int(event.target_id)
        return None if pk == event.actor_id else self._marked(named(pk, self.now.get(pk)))

    def _marked(self, person: Person) -> Person:
        return replace(person, looks_like=self.crowd.resembled(person.name, own=person.id or 0))


def cast_of(events: list[AuditEvent], people: Mapping[int, str]) -> Cast:
    """Everybody in these entries, and `people` for whom they may be taken. Two queries."""
    then = persons.known(digest for event in events for digest in _digests(event))
    now = persons.all_called_now(int(event.target_id) for event in events if _is_about_person(event))
    return Cast(then, now, lookalikes.Crowd(people))


def _digests(event: AuditEvent) -> Iterable[str]:
    """Who acted, for whom, and, where somebody was renamed, what they were called before and after."""
    renamed = (str(fields.get(RENAMED, "")) for fields in (event.before, event.after))
    return event.actor_digest, event.behalf_digest, *renamed


def as_called_now(access: Access, users: Iterable[User | None]) -> dict[int, Person]:
    """These people by their ids, each marked if their name can be taken for that of a current member. One query."""
    crowd, found = lookalikes.Crowd(names(access)), {user.pk: user for user in users if user}
    return {pk: _teammate(user, crowd.resembled(str(user), own=pk)) for pk, user in found.items()}


def _teammate(user: User, looks_like: str) -> Person:
    return Person(user.pk, str(user), user.email if user.name else "", looks_like=looks_like)


def named(pk: int, known: Known | None) -> Person:
    """Somebody by the name that was kept; by number alone when it was erased, or is not genuine."""
    if known is None:
        return Person(pk, f"person {pk}")
    if not known.genuine or known.person_id != pk:
        return Person(pk, f"person {pk}", genuine=False)
    return Person(pk, known.name or known.email, known.email if known.name else "")
