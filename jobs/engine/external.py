"""Tells whether a change that a reading showed was ours; one that no job explains becomes an *external* event."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

import audit.log
from audit.actions import AuditAction
from audit.origin import Actor
from jobs import elsewhere
from jobs.models import ExternalEvent, Job
from jobs.states import LATE_EVIDENCE, MOVING, JobStatus
from servers.clock import before, scaled
from servers.models import Server, Snapshot
from servers.snapshots import SnapshotChange
from servers.sync import Changes

What = ExternalEvent.What
# A job that just ended may still echo: a state that Leaseweb shows late is not somebody else's doing.
ECHO = timedelta(minutes=2)
WATCHED = {"state": What.STATE, "reference": What.REFERENCE, "template": What.TEMPLATE}
IN_BETWEEN = (Server.State.STARTING, Server.State.STOPPING)
# The other states of a snapshot are stations on the way to these, or to its end.
TELLING = (Snapshot.State.REVERTING, Snapshot.State.ERROR)

# What each kind may change of a server. Snapshots are told apart by their id or name below.
EXPLAINS: dict[str, frozenset[str]] = {
    "power_on": frozenset({What.STATE}),
    "power_off": frozenset({What.STATE}),
    "reboot": frozenset({What.STATE}),
    "reinstall": frozenset({What.STATE, What.TEMPLATE}),
    "snapshot_create": frozenset({What.STATE}),
    "snapshot_restore": frozenset({What.STATE, What.TEMPLATE}),
    "snapshot_delete": frozenset(),
}


def note_servers(team_id: int, changes: Changes, *, first: bool = False) -> None:
    """Write down what nobody here did. Part of the transaction that writes the changes themselves."""
    news: list[tuple[int, str, str, str]] = (
        [] if first else [(pk, What.APPEARED, "", "") for pk in changes.new]
    )
    news += [(pk, What.VANISHED, "", "") for pk in changes.gone]
    ours = _explained(changes.fields)
    for pk, fields in changes.fields.items():
        news += [(pk, *change) for change in _foreign(fields, ours.get(pk, frozenset()))]
    servers = Server.objects.in_bulk([pk for pk, *_ in news])
    met = {pk for pk, what, _, new in news if what == What.REFERENCE and new == servers[pk].reference_asked}
    Server.objects.filter(pk__in=met).update(reference_asked=None)
    _record(
        ExternalEvent(server=servers[pk], what=what, before=old, after=new)
        for pk, what, old, new in news
        if not (what == What.REFERENCE and pk in met)
    )


def _foreign(fields: dict[str, tuple[Any, Any]], explained: frozenset[str]) -> Iterable[tuple[str, str, str]]:
    if fields.get("gone_at", (None, None))[0] is not None:
        yield What.APPEARED, "", ""
    for name, what in WATCHED.items():
        old, new = fields.get(name, ("", ""))
        if old != new and what not in explained and not _says_nothing(what, old, new):
            yield what, str(old), str(new)


def _says_nothing(what: str, old: Any, new: Any) -> bool:
    """A station on the way to another state; a name of the system that a poor answer left out, or that came back."""
    return new in IN_BETWEEN if what == What.STATE else what == What.TEMPLATE and not (old and new)


def _explained(server_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """What jobs of ours may have changed of these servers. One query."""
    found: dict[int, frozenset[str]] = {}
    for job in _acting(Q(server__in=list(server_ids)), Q(finished_at__gte=before(ECHO))):
        found[job.server_id] = found.get(job.server_id, frozenset()) | EXPLAINS.get(job.kind, frozenset())
    return found


def _acting(which: Q, not_long_over: Q) -> Iterable[Job]:
    """Jobs whose request may have reached Leaseweb, and that go on or are not over for long.

    Not one that was refused, and not one whose outcome nobody expects to show any more.
    """
    going_on = Q(status__in=MOVING) | Q(status=JobStatus.UNKNOWN, deadline_at__gt=before(LATE_EVIDENCE))
    sent = Job.objects.filter(which, going_on | not_long_over, sent_at__isnull=False)
    return sent.exclude(status=JobStatus.FAILED, code="refused").only("server_id", "kind", "params")


def note_snapshots(server: Server, changes: Iterable[SnapshotChange], *, since: datetime | None) -> None:
    """The same for the snapshots of a server, which were read at `since` before: seldom, so the echo may be old."""
    telling = [change for change in changes if _tells(change)]
    if not telling or since is None:
        return
    lately = Q(finished_at__gte=before(ECHO)) | Q(finished_at__gte=since - scaled(ECHO))
    jobs = list(_acting(Q(server=server), lately))
    _record(
        ExternalEvent(
            server=server,
            what=_what(change),
            subject=change.name,
            before=change.before,
            after=change.after,
        )
        for change in telling
        if not any(_explains(job, change) for job in jobs)
    )


def _tells(change: SnapshotChange) -> bool:
    return not change.before or not change.after or change.after in TELLING


def _explains(job: Job, change: SnapshotChange) -> bool:
    """Leaseweb does not say whether a reinstall takes the snapshots along."""
    if job.kind == "snapshot_create":
        return bool(job.params.get("name") == change.name and change.after)
    if job.kind == "reinstall":
        return not change.after
    return bool(job.params.get("snapshot_id") == change.upstream_id)


def _what(change: SnapshotChange) -> str:
    if not change.before:
        return What.SNAPSHOT_NEW
    return What.SNAPSHOT_STATE if change.after else What.SNAPSHOT_GONE


def _record(events: Iterable[ExternalEvent]) -> None:
    """All rows first: the audit head is the last lock of a transaction."""
    events = list(events)
    for event in events:
        event.team_id = event.server.team_id
        event.before, event.after = event.before[:200], event.after[:200]
        event.save(force_insert=True)
    for event in events:
        about: audit.log.Fields = {"snapshot": event.subject} if event.subject else {}
        audit.log.record(
            AuditAction.SERVER_EXTERNAL,
            chain=event.team_id,
            actor=Actor(),
            target=event.server.audit_target(),
            change=audit.log.Change({event.what: event.before, **about}, {event.what: event.after, **about}),
            reason=elsewhere.sentence(event),
        )
