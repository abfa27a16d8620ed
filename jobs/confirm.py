"""The page between the click and the deed: what will happen to which server, and what speaks against it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from jobs import os_templates, queries, readiness, services, snapshot_queries, snapshot_rows, words
from jobs.forms import AboutForm
from jobs.job_forms import Ground, JobForm, form_for, to_type
from jobs.kinds import JobKind, Needs
from jobs.models import Job
from servers import details, freshness
from servers.facts import main_ip
from servers.models import Server, ServerReading, Snapshot
from servers.server_page import why_no_refresh
from teams.access import Access

Subject = ServerReading.Subject
# How old what a form is decided on may be before it is read anew on opening.
OPENING: dict[str, tuple[tuple[str, timedelta], ...]] = {
    "reinstall": ((Subject.TEMPLATES, timedelta(days=1)), (Subject.SNAPSHOTS, timedelta(minutes=1))),
    "snapshot_create": ((Subject.SNAPSHOTS, timedelta(minutes=1)),),
    "snapshot_restore": ((Subject.SNAPSHOTS, timedelta(minutes=1)),),
    "snapshot_delete": ((Subject.SNAPSHOTS, timedelta(minutes=1)),),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what; `templates` tells how the systems of the ground were read."""

    access: Access
    kind: JobKind
    ground: Ground
    templates: ServerReading | None = None

    @property
    def server(self) -> Server:
        return self.ground.server


def asked(access: Access, server: Server, kind: JobKind, query: QueryDict) -> Asked:
    """What is asked for, by the address or by what a form sent. Raises Http404 for a snapshot of another server."""
    again_id, snapshot_id = AboutForm(query).ids()
    again = queries.again_of(access, server, again_id)
    params = _params(again, kind)
    templates = None
    if kind.needs is Needs.OS_TEMPLATES:
        templates = snapshot_queries.reading_of(server, Subject.TEMPLATES)
    ground = Ground(
        server=server,
        again=again,
        params=params,
        snapshot=_snapshot(access, server, snapshot_id, params) if form_for(kind).needs_snapshot else None,
        snapshots=() if kind.needs is Needs.SERVER else tuple(snapshot_queries.of_server(access, server)),
        templates=os_templates.from_content(templates.content) if templates else (),
    )
    return Asked(access, kind, ground, templates)


def _params(again: Job | None, kind: JobKind) -> dict[str, Any]:
    """What the job before was about, as far as it was of this kind; of two in a row the second counts as well."""
    if again is None:
        return {}
    if again.kind == kind.name:
        return dict(again.params)
    follow_up = again.follow_up or {}
    return dict(follow_up["params"]) if follow_up.get("kind") == kind.name else {}


def _snapshot(
    access: Access, server: Server, snapshot_id: int | None, params: dict[str, Any]
) -> Snapshot | None:
    if snapshot_id is not None:
        return get_object_or_404(access.snapshots(), server=server, pk=snapshot_id)
    return access.snapshots().filter(server=server, upstream_id=params.get("snapshot_id", "")).first()


def lacks_snapshot(wanted: Asked) -> bool:
    """Whether it is not said yet which snapshot is meant."""
    return form_for(wanted.kind).needs_snapshot and wanted.ground.snapshot is None


def fresh_form(wanted: Asked) -> JobForm:
    return form_for(wanted.kind).fresh(wanted.ground)


def posted(wanted: Asked, data: QueryDict) -> JobForm:
    if lacks_snapshot(wanted):
        raise Http404("No such snapshot.")
    return form_for(wanted.kind)(data, ground=wanted.ground)


def freshen(server: Server, kind: JobKind) -> None:
    """Have read anew what the form is decided on, if it is old. Nobody waits for it: the engine reads once more."""
    for subject, age in OPENING.get(kind.name, ()):
        details.freshen(server, subject, age)


def context(wanted: Asked, form: JobForm, *, search: str = "") -> dict[str, Any]:
    access, server, kind = wanted.access, wanted.server, wanted.kind
    live = queries.live_by_server(access, [server]).get(server.pk)
    return {
        "form": form,
        "server": server,
        "ip": main_ip(server),
        "kind": kind,
        "press": press(wanted),
        "to_type": to_type(server),
        "minutes": kind.deadline // timedelta(minutes=1),
        "obstacle": _obstacle(wanted, live),
        "caution": readiness.caution(server),
        "doubt": freshness.of_server(server, timezone.now()),
        "live": live,
        "live_label": words.label(live.kind) if live else "",
        "live_url": reverse("jobs:job_detail", args=(access.team.slug, live.pk)) if live else "",
        "again": wanted.ground.again,
        "no_refresh": why_no_refresh(access, server),
        "snapshots": snapshot_rows.rows(access, wanted.ground.snapshots),
        "snapshot": snapshot_rows.row(access, wanted.ground.snapshot) if wanted.ground.snapshot else None,
        **_systems(wanted, form, search),
    }


def _obstacle(wanted: Asked, live: Job | None) -> str:
    access, server, snapshot = wanted.access, wanted.server, wanted.ground.snapshot
    if snapshot is None:
        return readiness.obstacle(access, server, wanted.kind, live)
    return readiness.obstacle_of_snapshot(access, server, wanted.kind, live, snapshot)


def _systems(wanted: Asked, form: JobForm, search: str) -> dict[str, Any]:
    """The systems to choose from; those that a search leaves out are there, but hidden. A chosen one never is."""
    if wanted.kind.needs is not Needs.OS_TEMPLATES:
        return {}
    templates, reading = wanted.ground.templates, wanted.templates
    chosen = form["os_template_id"].value()
    before = (wanted.ground.params or {}).get("os_template_name", "")
    families = os_templates.families(templates, search, chosen)
    return {
        "families": families,
        "none_found": all(family.hidden for family in families),
        "chosen": chosen,
        "not_offered": "" if any(each.id == chosen for each in templates) else before,
        "search": search,
        "template_count": len(templates),
        "template_reading": reading,
        "reading": reading is not None and reading.asked_at is not None,
        "server_ids": (wanted.server.pk,),
    }


def press(wanted: Asked) -> str:
    """What the button says: the deed and whom it meets."""
    server = Truncator(wanted.server.shown_name).chars(40)
    snapshot = Truncator(wanted.ground.snapshot.name if wanted.ground.snapshot else "").chars(40)
    return {
        "reinstall": f"Erase and reinstall {server}",
        "snapshot_create": f"Create a snapshot of {server}",
        "snapshot_restore": f"Restore {server} to “{snapshot}”",
        "snapshot_delete": f"Delete “{snapshot}” of {server}",
    }.get(wanted.kind.name, f"{wanted.kind.label} {server}")


def create(wanted: Asked, form: JobForm) -> Job:
    """Take the confirmed click. Raises JobRefused when it cannot be taken."""
    kind, about = form.wants(wanted.kind)
    token = form.cleaned_data["client_token"]
    return services.job_create(wanted.access, wanted.server, kind, client_token=token, about=about)
