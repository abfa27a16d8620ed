"""What the pages about people and proof read. Each function starts from what `Access` lets through."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

import audit.models
import audit.verification
from audit import persons
from audit.actions import AuditAction
from audit.checkpoints import making
from audit.models import AuditEvent, Outcome
from audit.persons import Known
from teams import lookalikes
from teams.access import Access, Trail
from teams.collation import sort_key
from teams.keyset import Order, Page, page
from teams.models import Membership, User
from teams.people import RENAMED, SOMEBODY, USER, Cast, Person, cast_of, named, names
from teams.permissions import PERMISSION_TEXT, ROLE_PERMISSIONS, SUBJECT_TEXT, Permission, Role

NEWEST_FIRST = Order(("sequence",), descending=True)
PANEL = "panel"
LARGEST_SEQUENCE = 2**63 - 1
MOST_SHOWN_CHANGES = 4
OUTCOME_BADGES: dict[str, str] = {Outcome.REFUSED: "warn", Outcome.FAILED: "danger", Outcome.UNSURE: "warn"}


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as the list shows it: all text and addresses are ready, so that a row costs no lookup.

    `whom` is the person that it was done to, as they are called now; entries about other things have a label.
    """

    event: AuditEvent
    person: Person
    behalf: Person | None
    whom: Person | None
    url: str
    text: str
    badge: str
    changes: list[tuple[str, str, str]]
    details: str


def audit_page(
    trail: Trail, filters: dict[str, Any], *, after: str = "", before: str = ""
) -> Page[AuditEvent]:
    """The newest entries that match. Keys as in AuditFilter and AccountFilter, for what was asked for."""
    return page(_filtered(trail.audit(), filters), NEWEST_FIRST, after=after, before=before)


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
    if person := filters.get("person"):
        events = events.filter(_by_or_about(person))
    return events


def _by_or_about(person: str) -> Q:
    """What somebody did, and what was done or tried with their account."""
    if person == PANEL:
        return Q(actor_id=None) & ~Q(action=AuditAction.LOGIN_FAIL)
    return Q(actor_id=int(person)) | Q(target_type=USER, target_id=person)


def audit_rows(
    trail: Trail, events: list[AuditEvent], people: Mapping[int, str] | None = None
) -> list[AuditRow]:
    """`people`: `names(trail)`, if somebody has them already."""
    cast = cast_of(events, names(trail) if people is None else people)
    return [_audit_row(event, cast, trail) for event in events]


def _audit_row(event: AuditEvent, cast: Cast, trail: Trail) -> AuditRow:
    nobody = event.actor_id is None and event.action == AuditAction.LOGIN_FAIL
    return AuditRow(
        event=event,
        person=SOMEBODY if nobody else cast.by(event.actor_id, event.actor_digest),
        behalf=cast.by(event.on_behalf_of, event.behalf_digest) if event.on_behalf_of else None,
        whom=cast.whom(event),
        url=_page_of(trail, event.sequence),
        text=event.get_action_display(),
        badge=OUTCOME_BADGES.get(event.outcome, ""),
        changes=change_table(event, cast.then),
        details=event.reason or changes_in_words(event, cast.then),
    )


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


def audit_entry(trail: Trail, sequence: int) -> AuditEntry | None:
    event = trail.audit().filter(sequence=min(sequence, LARGEST_SEQUENCE)).first()
    if event is None:
        return None
    numbers = trail.audit().order_by("sequence").values_list("sequence", flat=True)
    newer = numbers.filter(sequence__gt=event.sequence).first()
    older = numbers.filter(sequence__lt=event.sequence).last()
    return AuditEntry(audit_rows(trail, [event])[0], _page_of(trail, older), _page_of(trail, newer))


def _page_of(trail: Trail, number: int | None) -> str:
    """Empty where there is none: a foreign row may have a number below zero, or none at all."""
    return "" if number is None or number < 0 else trail.trail_url("detail", number)


def change_table(event: AuditEvent, names: dict[str, Known]) -> list[tuple[str, str, str]]:
    """Every kept field with its value before and after; an empty text where there was none."""
    fields = dict.fromkeys((*event.before, *event.after))
    values = ((name, event.before.get(name, ""), event.after.get(name, "")) for name in fields)
    return [(name, _shown(name, old, names), _shown(name, new, names)) for name, old, new in values]


def _shown(name: str, value: Any, names: dict[str, Known]) -> str:
    if name == RENAMED and value:
        known = names.get(value)
        return str(named(known.person_id, known)) if known else "a name that was erased"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)


def audit_total(trail: Trail) -> int:
    """How many entries the chain has: the sequence has no gaps, so the newest number is the count."""
    newest = trail.audit().order_by("-sequence").values_list("sequence", flat=True).first()
    return newest or 0


def actor_choices(access: Access, people: Mapping[int, str], *, also: str) -> list[tuple[str, str]]:
    """The members (`people`) and the panel itself, to filter by; `also` is somebody who acted here and left since.

    Somebody who never acted in this team is not named: the number may be that of a stranger (X2).
    """
    choices = dict(account_choices(people))
    numeric = also.isdecimal() and len(also) < 19 and also not in choices
    if numeric and access.audit().filter(actor_id=int(also)).exists():
        choices[also] = named(int(also), persons.called_now(int(also))).name
    return [*choices.items(), (PANEL, "the panel itself")]


def account_choices(people: Mapping[int, str]) -> list[tuple[str, str]]:
    """Whose accounts entries can be filtered by, in the order of their names."""
    in_order = sorted(people.items(), key=lambda each: (sort_key(each[1]), each[0]))
    return [(str(pk), name) for pk, name in in_order]


def server_label(access: Access, server_id: int | None) -> str:
    """What the trail called a server last; empty without one. The server itself belongs to another app."""
    if server_id is None:
        return ""
    events = access.audit().filter(target_type="server", target_id=str(server_id)).order_by("-sequence")
    return events.values_list("target_label", flat=True).first() or f"number {server_id}"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member, and the name of another one whose name or address theirs can be taken for, if there is one."""

    membership: Membership
    looks_like: str


def member_rows(access: Access) -> list[MemberRow]:
    found = members(access)
    crowd = _crowd(each.user for each in found)
    return [MemberRow(each, crowd.resembled(str(each.user), own=each.user_id)) for each in found]


def members(access: Access) -> list[Membership]:
    return by_name(access.memberships().select_related("user"))


def by_name(memberships: Iterable[Membership]) -> list[Membership]:
    """As people are looked for: by the name that is shown, which is the address where there is none."""
    return sorted(memberships, key=lambda each: (sort_key(str(each.user)), each.user_id))


def teammate_like(user: User) -> str:
    """The name of somebody in a team of `user` whose name or address theirs can be taken for; empty without one."""
    teams = user.teams.prefetch_related("users")
    crowd = _crowd(mate for team in teams for mate in team.users.all())
    return crowd.resembled(str(user), own=user.pk)


def _crowd(users: Iterable[User]) -> lookalikes.Crowd:
    """By name, by address, and by both as they stand beside each other in the trail."""
    people = {user.pk: user for user in users}
    also = {pk: (user.email, f"{user.name} ({user.email})") for pk, user in people.items()}
    return lookalikes.Crowd({pk: str(user) for pk, user in people.items()}, also)


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


def verification_context(trail: Trail) -> dict[str, Any]:
    """What the page and its live part show of verifications; `live_ids` is how far the run was that they tell of."""
    found = verification(trail)
    return {
        "verification": found,
        "verify_url": trail.trail_url("verify"),
        "total": audit_total(trail),
        "live_ids": (found.wish.read,) if found else (),
        "shown": "reading" if found and found.running else "",
    }


def verification_stands_still(trail: Trail, read: tuple[int, ...]) -> bool:
    """Whether a run that was seen at `read` is still just there."""
    wish = audit.verification.of_chain(trail.chain)
    return wish is None or (wish.asked_at is not None and wish.read in read)


def verification(trail: Trail) -> Verification | None:
    """None when nobody ever asked, or when the trail does not bear out that it was found intact."""
    wish = audit.verification.of_chain(trail.chain)
    if wish is None:
        return None
    at = wish.done_at if wish.problem or wish.asked_at else audit.verification.filed_at(wish)
    if at is None and not wish.asked_at:
        return None
    asked_by = audit.verification.asker(wish).user_id if wish.asked_at else wish.done_by
    by = str(named(asked_by, persons.called_now(asked_by))) if asked_by else "the panel"
    return Verification(wish, by, audit_total(trail), at)


@dataclass(frozen=True, slots=True)
class CheckpointNote:
    """What the page tells of the last checkpoint; `entries` is how far it covers this trail."""

    number: int
    at: datetime
    entries: int

    @property
    def overdue(self) -> bool:
        """Whether nobody signed for much longer than should be."""
        return timezone.now() - self.at > 2 * making.EVERY


def checkpoint(trail: Trail) -> CheckpointNote | None:
    """The last signed checkpoint, None when there is none yet."""
    latest = making.latest()
    told = making.signed_by_us(latest) if latest else None
    if told is None:
        return None
    entries, _ = told.heads.get(trail.chain, (0, ""))
    return CheckpointNote(told.number, datetime.fromisoformat(told.at), entries)
