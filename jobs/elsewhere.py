"""Changes made elsewhere, by no job of ours: which there are, and how they are told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from jobs.models import ExternalEvent
from jobs.queries import NEWEST_FIRST, SERVER_TEXTS
from servers.models import Server, Snapshot
from teams.access import Access
from teams.keyset import Page, page
from teams.links import row_link

What = ExternalEvent.What
LATELY = 5


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for in the URL, already checked."""

    what: str = ""
    server: int | None = None

    @property
    def narrowed(self) -> bool:
        return any((self.what, self.server))


@dataclass(frozen=True, slots=True)
class ExternalRow:
    """A line about a change made elsewhere; `sentence` has no full stop, so that more can be said."""

    event: ExternalEvent
    server_url: str
    sentence: str


def event_page(access: Access, filters: Filters, *, after: str = "", before: str = "") -> Page[ExternalEvent]:
    return page(_listed(matching(access, filters)), NEWEST_FIRST, after=after, before=before)


def of_server(access: Access, server: Server, count: int) -> QuerySet[ExternalEvent]:
    return access.external_events().filter(server=server).order_by("-id")[:count]


def lately(access: Access) -> list[ExternalRow]:
    """The newest few of the team."""
    return rows(access, _listed(access.external_events()).order_by("-id")[:LATELY])


def matching(access: Access, filters: Filters) -> QuerySet[ExternalEvent]:
    """The changes that these filters let through."""
    found = Q()
    for column in ("what", "server"):
        if value := getattr(filters, column):
            found &= Q((column, value))
    return access.external_events().filter(found)


def _listed(events: QuerySet[ExternalEvent]) -> QuerySet[ExternalEvent]:
    related = events.select_related("server")
    return related.defer(*SERVER_TEXTS)


def rows(access: Access, events: Iterable[ExternalEvent]) -> list[ExternalRow]:
    link = row_link("servers:server_detail", access.team.slug)
    return [ExternalRow(event, link(event.server_id), sentence(event)) for event in events]


def sentence(event: ExternalEvent) -> str:
    """What changed, in plain words: "state: running → stopped". Pages and the audit trail say the same."""
    tell = _TOLD.get(event.what)
    return tell(event) if tell else f"{event.what.replace('_', ' ')}: {event.before} → {event.after}"


def _state(event: ExternalEvent) -> str:
    """A reading may have caught a server on its way; where it came from is not known then."""
    before, after = (_label(Server.State, state) for state in (event.before, event.after))
    if event.before in (Server.State.STARTING, Server.State.STOPPING):
        return f"state: now {after}, was seen {before}"
    return f"state: {before} → {after}"


def _reference(event: ExternalEvent) -> str:
    return f"reference: {_quoted(event.before)} → {_quoted(event.after)}"


def _template(event: ExternalEvent) -> str:
    return f"system: {event.before or 'not told'} → {event.after or 'not told'}"


def _snapshot_state(event: ExternalEvent) -> str:
    before, after = (_label(Snapshot.State, state) for state in (event.before, event.after))
    return f"snapshot “{event.subject}”: {before} → {after}"


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "none"


def _label(states: type[Server.State] | type[Snapshot.State], state: str) -> str:
    return str(states(state).label) if state in states.values else state.lower()


_TOLD: dict[str, Callable[[ExternalEvent], str]] = {
    What.APPEARED: lambda event: "Leaseweb lists the server now",
    What.VANISHED: lambda event: "Leaseweb no longer lists the server",
    What.STATE: _state,
    What.REFERENCE: _reference,
    What.TEMPLATE: _template,
    What.SNAPSHOT_NEW: lambda event: f"snapshot “{event.subject}” appeared",
    What.SNAPSHOT_GONE: lambda event: f"snapshot “{event.subject}” is gone",
    What.SNAPSHOT_STATE: _snapshot_state,
}
