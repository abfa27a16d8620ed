"""Lines about snapshots, with everything that would cost a lookup a line."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from jobs import readiness, snapshot_words
from jobs.buttons import Button
from jobs.kinds import SNAPSHOT_DELETE, SNAPSHOT_RESTORE
from jobs.models import Job
from servers.models import Server, Snapshot
from teams.access import Access


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A snapshot with its face, its address and, where they are asked for, its buttons."""

    snapshot: Snapshot
    face: snapshot_words.Face
    url: str
    age: timedelta
    buttons: tuple[Button, ...] = ()


def rows(access: Access, snapshots: Iterable[Snapshot]) -> list[SnapshotRow]:
    return [row(access, snapshot) for snapshot in snapshots]


def row(access: Access, snapshot: Snapshot) -> SnapshotRow:
    now = timezone.now()
    face = snapshot_words.face(snapshot, now)
    # Whole hours, once there are any: nobody asks for the minutes of last month.
    unit = timedelta(hours=1) if now - snapshot.taken_at >= timedelta(days=1) else timedelta(minutes=1)
    age = (now - snapshot.taken_at) // unit * unit
    return SnapshotRow(snapshot, face, _url(access, snapshot), age)


def _url(access: Access, snapshot: Snapshot) -> str:
    return reverse("jobs:snapshot_detail", args=(access.team.slug, snapshot.server_id, snapshot.pk))


def acting_rows(
    access: Access, server: Server, snapshots: Iterable[Snapshot], live: Job | None
) -> list[SnapshotRow]:
    """Lines with buttons. `server` comes with its key; `live` is the job that holds it, if there is one."""
    return [acting_row(access, server, snapshot, live) for snapshot in snapshots]


def acting_row(access: Access, server: Server, snapshot: Snapshot, live: Job | None) -> SnapshotRow:
    return replace(row(access, snapshot), buttons=_buttons(access, server, snapshot, live))


def _buttons(access: Access, server: Server, snapshot: Snapshot, live: Job | None) -> tuple[Button, ...]:
    return tuple(
        Button(
            kind=kind.name,
            label=kind.label,
            short=kind.short,
            url=f"{_confirm(access, server, kind.name)}?snapshot={snapshot.pk}",
            why_not=readiness.obstacle_of_snapshot(access, server, kind, live, snapshot),
            interrupts=kind.interrupts,
        )
        for kind in (SNAPSHOT_RESTORE, SNAPSHOT_DELETE)
    )


def _confirm(access: Access, server: Server, kind: str) -> str:
    return reverse("jobs:job_new", args=(access.team.slug, server.pk, kind))
