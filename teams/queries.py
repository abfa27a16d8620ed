"""What the pages about people and proof read. Each function starts from what `Access` lets through."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

import audit.models
import audit.verification
from audit import persons
from audit.checkpoints import making
from audit.checkpoints.signed import read
from audit.models import AuditEvent, Outcome
from audit.persons import Known
from teams import lookalikes
from teams.access import Access
from teams.collation import sort_key
from teams.keyset import Order, Page, page
from teams.models import Membership, User
from teams.permissions import PERMISSION_TEXT, ROLE_PERMISSIONS, SUBJECT_TEXT, Permission, Role

NEWEST_FIRST = Order(("sequence",), descending=True)
PANEL = "panel"
# The field in which an entry keeps by digest what somebody was called.
RENAMED = "person"
LARGEST_SEQUENCE = 2**63 - 1
MOST_SHOWN_CHANGES = 4
OUTCOME_BADGES: dict[str, str] = {Outcome.REFUSED: "warn", Outcome.FAILED: "danger", Outcome.UNSURE: "warn"}


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands in an entry, as they were called at that time. `id` is empty for the panel itself.

    `genuine` is False when the name kept for the entry is not the one it was written with.
    """

    id: int | None
    name: str
    email: str = ""
    genuine: bool = True

    def __str__(self) -> str:
        return f"{self.name} ({self.email})" if self.email else self.name


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as the list shows it: all text and addresses are ready, so that a row costs no lookup."""

    event: AuditEvent
    person: Person
    behalf: Person | None
    url: str
    text: str
    badge: str
    changes: list[tuple[str, str, str]]
    details: str


def audit_page(
    access: Access, filters: dict[str, Any], *, after: str = "", before: str = ""
) -> Page[AuditEvent]:
    """The newest entries that match. Keys as in AuditFilter, for what was asked for."""
    return page(_filtered(access.audit(), filters), NEWEST_FIRST, after=after, before=before)


def newest_entries(access: Access, count: int) -> list[AuditRow]:
    return audit_rows(access, list(access.audit().order_by("-sequence")[:count]))


def _filtered(events: QuerySet[AuditEvent], filters: dict[str, Any]) -> QuerySet[AuditEvent]:
    if action := filters.get("action"):
        events = events.filter(action=action)
    if outcome := filters.get("outcome"):
        events = events.filter(outcome=outcome)
    if server := filters.get("server"):
        events = events.filter(target_type="server", target_id=str(server))
    if actor := filters.get("actor"):
        events = events.filter(actor_id=None if actor == PANEL else int(actor))
    return events


def audit_rows(access: Access, events: list[AuditEvent]) -> list[AuditRow]:
    names = persons.known(digest for event in events for digest in _digests(event))
    prefix = reverse("teams:audit_list", args=[access.team.slug])
    return [_audit_row(event, names, prefix) for event in events]


def _digests(event: AuditEvent) -> Iterable[str]:
    """Who acted, for whom, and, where somebody was renamed, what they were called before and after."""
    renamed = (str(fields.get(RENAMED, "")) for fields in (event.before, event.after))
    return event.actor_digest, event.behalf_digest, *renamed


def _audit_row(event: AuditEvent, names: dict[str, Known], prefix: str) -> AuditRow:
    behalf = _person(event.on_behalf_of, event.behalf_digest, names) if event.on_behalf_of else None
    return AuditRow(
        event=event,
        person=_person(event.actor_id, event.actor_digest, names),
        behalf=behalf,
        url=f"{prefix}{event.sequence}/",
        text=event.get_action_display(),
        badge=OUTCOME_BADGES.get(event.outcome, ""),
        changes=change_table(event, names),
        details=event.reason or changes_in_words(event, names),
    )


def _person(pk: int | None, digest: str, names: dict[str, Known]) -> Person:
    if pk is None:
        return Person(None, "the panel")
    return _named(pk, names.get(digest))


def _named(pk: int, known: Known | None) -> Person:
    """Somebody by the name that was kept; by number alone when it was erased, or is not genuine."""
    if known is None:
        return Person(pk, f"person {pk}")
    if not known.genuine or known.person_id != pk:
        return Person(pk, f"person {pk}", genuine=False)
    return Person(pk, known.name or known.email, known.email if known.name else "")


def changes_in_words(event: AuditEvent, names: dict[str, Known]) -> str:
    """The first few changed fields on one line, such as "status: queued → sending"."""
    changed = [f"{name}: {change}" for name, change in _changed(event, names)]
    more = len(changed) - MOST_SHOWN_CHANGES
    return ", ".join(changed[:MOST_SHOWN_CHANGES]) + (f" and {more} more" if more > 0 else "")


def _changed(event: AuditEvent, names: dict[str, Known]) -> Iterable[tuple[str, str]]:
    for name in dict.fromkeys((*event.before, *event.after)):
        old, new = event.before.get(name), event.after.get(name)
        if old == new or (old in (None, "") and new in (None, "")):
            continue
        was, is_now = _shown(name, old, names), _shown(name, new, names)
        yield name.replace("_", " "), f"{was} → {is_now}" if name in event.before else is_now


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry with all that its page shows; `older` and `newer` are addresses of its neighbours, if any."""

    row: AuditRow
    older: str
    newer: str


def audit_entry(access: Access, sequence: int) -> AuditEntry | None:
    event = access.audit().filter(sequence=min(sequence, LARGEST_SEQUENCE)).first()
    if event is None:
        return None
    prefix = reverse("teams:audit_list", args=[access.team.slug])
    numbers = access.audit().order_by("sequence").values_list("sequence", flat=True)
    newer = numbers.filter(sequence__gt=event.sequence).first()
    older = numbers.filter(sequence__lt=event.sequence).last()
    beside = [f"{prefix}{number}/" if number is not None else "" for number in (older, newer)]
    return AuditEntry(audit_rows(access, [event])[0], *beside)


def change_table(event: AuditEvent, names: dict[str, Known]) -> list[tuple[str, str, str]]:
    """Every kept field with its value before and after; an empty text where there was none."""
    fields = dict.fromkeys((*event.before, *event.after))
    values = ((name, event.before.get(name, ""), event.after.get(name, "")) for name in fields)
    return [(name, _shown(name, old, names), _shown(name, new, names)) for name, old, new in values]


def _shown(name: str, value: Any, names: dict[str, Known]) -> str:
    if name == RENAMED and value:
        known = names.get(value)
        return str(_named(known.person_id, known)) if known else "a name that was erased"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)


def audit_total(access: Access) -> int:
    """How many entries the chain has: the sequence has no gaps, so the newest number is the count."""
    newest = access.audit().order_by("-sequence").values_list("sequence", flat=True).first()
    return newest or 0


def actor_choices(access: Access, *, also: str) -> list[tuple[str, str]]:
    """The members by name and the panel itself, to filter by; `also` is somebody who acted here and left since.

    Somebody who never acted in this team is not named: the number may be that of a stranger (X2).
    """
    names = {str(each.user_id): str(each.user) for each in members(access)}
    numeric = also.isdecimal() and len(also) < 19 and also not in names
    if numeric and access.audit().filter(actor_id=int(also)).exists():
        names[also] = _named(int(also), persons.called_now(int(also))).name
    return [*names.items(), (PANEL, "the panel itself")]


def server_label(access: Access, server_id: int | None) -> str:
    """What the trail called a server last; empty without one. The server itself belongs to another app."""
    if server_id is None:
        return ""
    events = access.audit().filter(target_type="server", target_id=str(server_id)).order_by("-sequence")
    return events.values_list("target_label", flat=True).first() or f"number {server_id}"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member, and the name of another one that theirs can be taken for, if there is one."""

    membership: Membership
    looks_like: str


def member_rows(access: Access) -> list[MemberRow]:
    found = members(access)
    likes = lookalikes.resembled_by_each([str(each.user) for each in found])
    return [MemberRow(*pair) for pair in zip(found, likes, strict=True)]


def members(access: Access) -> list[Membership]:
    return by_name(access.memberships().select_related("user"))


def by_name(memberships: Iterable[Membership]) -> list[Membership]:
    """As people are looked for: by the name that is shown, which is the address where there is none."""
    return sorted(memberships, key=lambda each: (sort_key(str(each.user)), each.user_id))


def teammate_like(user: User) -> str:
    """The name of somebody in a team of `user` whose name theirs can be taken for; empty without one."""
    teams = user.teams.prefetch_related("users")
    return lookalikes.resembled(
        str(user), (str(mate) for team in teams for mate in team.users.all() if mate != user)
    )


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """One line of the roles page; `cells` says for each role in order whether it is included, and is it mine."""

    permission: Permission
    text: str
    cells: list[tuple[Role, bool]]


def permission_table() -> list[tuple[str, list[PermissionRow]]]:
    """All permissions under their subjects, straight from the table that the gate asks."""
    return [
        (title, [_permission_row(each) for each in Permission if each.partition(":")[0] == subject])
        for subject, title in SUBJECT_TEXT.items()
    ]


def _permission_row(permission: Permission) -> PermissionRow:
    cells = [(role, permission in ROLE_PERMISSIONS[role]) for role in Role]
    return PermissionRow(permission, PERMISSION_TEXT[permission], cells)


@dataclass(frozen=True, slots=True)
class Verification:
    """What the page tells of the last verdict, or of the run that goes on: `read` of `total` entries so far.

    `by` is who asked; `at` is when the verdict was found, and empty as long as there is none.
    """

    wish: audit.models.Verification
    by: str
    total: int
    at: datetime | None

    @property
    def running(self) -> bool:
        return self.wish.asked_at is not None

    @property
    def percent(self) -> float:
        return min(100.0, 100.0 * self.wish.read / max(self.total, 1))


def verification_context(access: Access) -> dict[str, Any]:
    """What the page and its live part show of verifications; `live_ids` is how far the run was that they tell of."""
    found = verification(access)
    return {
        "verification": found,
        "total": audit_total(access),
        "live_ids": (found.wish.read,) if found else (),
        "shown": "reading" if found and found.running else "",
    }


def verification_stands_still(access: Access, read: tuple[int, ...]) -> bool:
    """Whether a run that was seen at `read` is still just there."""
    wish = audit.verification.of_chain(access.team.pk)
    return wish is None or (wish.asked_at is not None and wish.read in read)


def verification(access: Access) -> Verification | None:
    """None when nobody ever asked, or when the trail does not bear out that it was found intact."""
    wish = audit.verification.of_chain(access.team.pk)
    if wish is None:
        return None
    at = wish.done_at if wish.problem or wish.asked_at else audit.verification.filed_at(wish)
    if at is None and not wish.asked_at:
        return None
    asked_by = wish.asked_by.get("user_id") if wish.asked_at else wish.done_by
    by = str(_named(asked_by, persons.called_now(asked_by))) if asked_by else "the panel"
    return Verification(wish, by, audit_total(access), at)


@dataclass(frozen=True, slots=True)
class CheckpointNote:
    """What the page tells of the last checkpoint; `entries` is how far it covers this team's trail."""

    number: int
    at: datetime
    entries: int

    @property
    def overdue(self) -> bool:
        """Whether nobody signed for much longer than should be."""
        return timezone.now() - self.at > 2 * making.EVERY


def checkpoint(access: Access) -> CheckpointNote | None:
    """The last signed checkpoint, None when there is none yet."""
    latest = making.latest()
    if latest is None:
        return None
    entries, _ = read(latest.line).heads.get(access.team.pk, (0, ""))
    return CheckpointNote(latest.number, latest.at, entries)
