"""What the pages about jobs read. Every query starts from `Access`."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from audit.log import Fields
from jobs import words
from jobs.models import Job, JobEvent
from jobs.states import FINAL, MOVING, JobStatus
from servers.models import Server
from teams.access import Access
from teams.keyset import Order, Page, page
from teams.links import row_link
from teams.models import Membership
from teams.permissions import Permission
from teams.queries import by_name

NEWEST_FIRST = Order(("id",), descending=True)
OVERVIEW_ROWS = 10
LIVE_ROWS = 50
MOST_PEOPLE = 200
# What no line of a list about a server shows.
SERVER_TEXTS = ("server__search_text", "server__reference", "server__ips", "server__note")


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for in the URL, already checked. `person` is a user's id."""

    status: str = ""
    kind: str = ""
    server: int | None = None
    person: int | None = None

    @property
    def narrowed(self) -> bool:
        return any((self.status, self.kind, self.server, self.person))

    def told(self) -> Fields:
        """The filters as the audit trail tells of them."""
        return {name: value for name, value in asdict(self).items() if value}


# What the status filter offers beside single statuses: the questions that people have.
GROUPS = {
    "live": ("in flight", MOVING),
    "attention": ("needs a person", (JobStatus.UNKNOWN,)),
    "trouble": ("went wrong", (JobStatus.FAILED, JobStatus.EXPIRED, JobStatus.UNVERIFIED)),
    "over": ("over", FINAL),
}


@dataclass(frozen=True, slots=True)
class JobRow:
    """A line of a list of jobs, with everything that would cost a lookup per line."""

    job: Job
    url: str
    label: str
    about: str
    short: str
    server_url: str
    note: str
    took: Any


def job_page(access: Access, filters: Filters, *, after: str = "", before: str = "") -> Page[Job]:
    return page(listed(matching(access, filters)), NEWEST_FIRST, after=after, before=before)


def matching(access: Access, filters: Filters) -> QuerySet[Job]:
    """The jobs that these filters let through."""
    found = Q()
    if filters.status:
        found &= Q(status__in=GROUPS[filters.status][1] if filters.status in GROUPS else (filters.status,))
    for column in ("kind", "server", "person"):
        if value := getattr(filters, column):
            found &= Q(("requested_by" if column == "person" else column, value))
    return access.jobs().filter(found)


def listed(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Jobs with what a line of a list shows, without the readings and the server's long texts that it does not."""
    related = jobs.select_related("server", "requested_by")
    return related.defer("seen", "before", *SERVER_TEXTS)


def job_rows(access: Access, jobs: Iterable[Job]) -> list[JobRow]:
    own, servers = (
        row_link("jobs:job_detail", access.team.slug),
        row_link("servers:server_detail", access.team.slug),
    )
    return [_row(job, own(job.pk), servers(job.server_id)) for job in jobs]


def _row(job: Job, url: str, server_url: str) -> JobRow:
    return JobRow(
        job=job,
        url=url,
        label=words.label(job.kind),
        about=words.about(job.kind, job.params),
        short=words.SHORT[job.status],
        server_url=server_url,
        note=words.of_job(job).sentence,
        took=job.finished_at - job.created_at if job.finished_at else None,
    )


def people(access: Access) -> list[Membership]:
    """The people to filter by: who may not see the members sees those whose jobs they see anyway."""
    members = access.memberships()
    if not access.can(Permission.MEMBERS_SEE):
        members = members.filter(user__in=access.jobs().order_by().values("requested_by"))
    return by_name(members.select_related("user"))[:MOST_PEOPLE]


def live_by_server(access: Access, servers: Iterable[Server]) -> dict[int, Job]:
    """The job that holds each of these servers; at most one each."""
    return live_by_server_ids(access, [server.pk for server in servers])


def live_by_server_ids(access: Access, ids: Iterable[int]) -> dict[int, Job]:
    found = access.jobs().live().filter(server__in=ids).only("pk", "kind", "status", "server_id", "team_id")
    return {job.server_id: job for job in found}


def of_server(access: Access, server: Server, count: int) -> QuerySet[Job]:
    return listed(access.jobs().filter(server=server)).order_by("-id")[:count]


def job(access: Access) -> QuerySet[Job]:
    """Jobs with all that their own page shows."""
    return access.jobs().select_related(
        "server__api_key", "requested_by", "called_off_by", "api_key", "again_of", "team"
    )


def next_of(access: Access, job: Job) -> Job | None:
    """The job that followed this one, if one was to follow and does."""
    return access.jobs().filter(follows=job).only("pk", "kind", "status").first() if job.follow_up else None


def events(job: Job) -> list[JobEvent]:
    return list(job.events.select_related("actor"))


def again_of(access: Access, server: Server, job_id: int | None) -> Job | None:
    """The job that is done again: of this team and this server, and over."""
    if job_id is None:
        return None
    return access.jobs().filter(pk=job_id, server=server, status__in=FINAL).first()


def state_counts(access: Access) -> dict[str, int]:
    """Servers by Leaseweb's state, and the gone ones as "gone"."""
    present = Q(gone_at=None)
    groups = (
        access.servers()
        .order_by()
        .values("state")
        .annotate(here=Count("pk", filter=present), all=Count("pk"))
    )
    found = list(groups)
    counts = {group["state"]: group["here"] for group in found}
    return counts | {"gone": sum(group["all"] - group["here"] for group in found)}


def in_flight(access: Access) -> list[Job]:
    return list(listed(access.jobs().live()).order_by("-id")[:LIVE_ROWS])


def over(access: Access) -> list[Job]:
    return list(listed(access.jobs().filter(status__in=FINAL)).order_by("-id")[:OVERVIEW_ROWS])
