"""The buttons for jobs on a server, with the reason beside each that cannot be pressed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.urls import reverse

from jobs import readiness, words
from jobs.kinds import POWER_KINDS, REINSTALL, SNAPSHOT_CREATE, JobKind
from jobs.models import Job
from jobs.states import MOVING
from servers.models import Server
from teams.access import Access
from teams.links import row_link

MORE_KINDS = (SNAPSHOT_CREATE, REINSTALL)


@dataclass(frozen=True, slots=True)
class Button:
    """A link to the form that confirms a kind; `why_not` is empty when it can be pressed."""

    kind: str
    label: str
    short: str
    url: str
    why_not: str
    interrupts: bool


@dataclass(frozen=True, slots=True)
class Live:
    """The job that holds a server, as a badge."""

    url: str
    status: str
    label: str
    short: str


@dataclass(frozen=True, slots=True)
class Column:
    """What a server's page or line shows of jobs; `more` are the kinds that only its page offers."""

    buttons: tuple[Button, ...] = ()
    live: Live | None = None
    caution: str = ""
    more: tuple[Button, ...] = ()

    @property
    def acts(self) -> tuple[Button, ...]:
        return (*self.buttons, *self.more)

    @property
    def why_none(self) -> str:
        """The reason when one and the same stands against every button; else empty."""
        reasons = {button.why_not for button in self.acts}
        return reasons.pop() if len(reasons) == 1 else ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of all lines by server id; `moving` says that a job of one of them may change any second."""

    by_server: Mapping[int, Column] = field(default_factory=dict)
    moving: bool = False


def columns(
    access: Access, servers: Iterable[Server], live: Mapping[int, Job], *, more: bool = False
) -> Columns:
    """Power buttons and badges for servers that come with their keys. `live` has the live jobs by server; no query."""
    kinds = (*POWER_KINDS, *MORE_KINDS) if more else POWER_KINDS
    confirm = {kind.name: row_link("jobs:job_new", access.team.slug, kind.name) for kind in kinds}
    detail = row_link("jobs:job_detail", access.team.slug)
    found = {}
    for server in servers:
        job = live.get(server.pk)
        buttons = [_button(access, server, kind, job, confirm[kind.name](server.pk)) for kind in kinds]
        power, rest = tuple(buttons[: len(POWER_KINDS)]), tuple(buttons[len(POWER_KINDS) :])
        badge = _badge(job, detail(job.pk)) if job else None
        found[server.pk] = Column(power, badge, readiness.caution(server), rest)
    return Columns(found, any(job.status in MOVING for job in live.values()))


def create_button(access: Access, server: Server, live: Job | None) -> Button:
    """The way to a new snapshot of a server that comes with its key."""
    url = reverse("jobs:job_new", args=(access.team.slug, server.pk, SNAPSHOT_CREATE.name))
    return _button(access, server, SNAPSHOT_CREATE, live, url)


def _badge(job: Job, url: str) -> Live:
    return Live(url, job.status, words.label(job.kind), words.SHORT[job.status])


def _button(access: Access, server: Server, kind: JobKind, live: Job | None, url: str) -> Button:
    return Button(
        kind=kind.name,
        label=kind.label,
        short=kind.short,
        url=url,
        why_not=readiness.obstacle(access, server, kind, live),
        interrupts=kind.interrupts,
    )
