"""What the pages about passwords of servers show: names by type, how old the list is, and what may be done."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from audit.actions import AuditAction
from audit.models import Outcome
from servers import details, freshness
from servers.credential_forms import KINDS, UNASKABLE
from servers.leaseweb import CredentialType, is_username
from servers.models import Server, ServerReading
from teams.access import Access
from teams.permissions import Permission
from teams.queries import AuditRow, audit_rows


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A user that Leaseweb stores a password for; `why_not` is empty when it can be revealed.

    `missing` says that the last list lacked it, and a second one decides.
    """

    kind: str
    label: str
    username: str
    reveal_url: str
    store_url: str
    why_not: str
    missing: bool


def context(access: Access, server: Server) -> dict[str, Any]:
    """Three queries at the most, however many users there are. `server` comes with its key."""
    reading = server.readings.filter(subject=ServerReading.Subject.CREDENTIALS).first()
    asked = reading is not None and reading.asked_at is not None
    rows = list(_rows(access, server, reading))
    obstacle = freshness.out_of_reach(server)
    return {
        "server": server,
        "kept": reading,
        "reading": asked,
        "groups": [(label, [row for row in rows if row.kind == kind]) for kind, label in KINDS],
        "any": bool(rows),
        "out_of_reach": obstacle,
        "why_no_store": access.why_not(Permission.CREDENTIALS_STORE, server) or obstacle,
        "stored": last_stored(access, server),
        "live_ids": (server.pk,),
        "moving": asked,
        "shown": "reading" if asked else "",
    }


def find(access: Access, server: Server, wanted: tuple[CredentialType, str] | None) -> CredentialRow | None:
    """The credential that is meant, if it is one of those that Leaseweb lists. One query."""
    reading = server.readings.filter(subject=ServerReading.Subject.CREDENTIALS).first()
    rows = _rows(access, server, reading) if wanted else iter(())
    return next(
        (row for row in rows if wanted and (row.kind, row.username) == (wanted[0].value, wanted[1])), None
    )


def last_stored(access: Access, server: Server) -> AuditRow | None:
    """The newest time that somebody stored a password of this server through the panel, confirmed or not."""
    stored = access.audit().filter(
        target_type="server",
        target_id=str(server.pk),
        action=AuditAction.CREDENTIAL_STORE,
        outcome__in=(Outcome.DONE, Outcome.UNSURE),
    )
    rows = audit_rows(access, list(stored.order_by("-sequence")[:1]))
    return rows[0] if rows else None


def _rows(access: Access, server: Server, reading: ServerReading | None) -> Iterator[CredentialRow]:
    labels, obstacle = dict(KINDS), freshness.out_of_reach(server)
    address = [access.team.slug, server.pk]
    reveal, store = (reverse(f"servers:credential_{act}", args=address) for act in ("reveal", "store"))
    for each in reading.content if reading else ():
        kind, username = each["type"], each["username"]
        query = urlencode({"type": kind, "username": username})
        why_not = obstacle or ("" if is_username(username) else UNASKABLE)
        yield CredentialRow(
            kind=kind,
            label=labels.get(kind, kind),
            username=username,
            reveal_url=f"{reveal}?{query}",
            store_url=f"{store}?{query}",
            why_not=why_not,
            missing=details.MISSING in each,
        )
