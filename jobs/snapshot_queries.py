"""What the pages about snapshots read. Every query starts from `Access`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from jobs import queries
from jobs.models import Job
from servers.models import Server, ServerReading, Snapshot
from servers.search import found_by
from teams.access import Access
from teams.keyset import Order, Page, page

SORTS = {"name": ("name_key", "id"), "taken": ("taken_at", "id"), "state": ("state", "taken_at", "id")}
NEWEST = "-taken"
MOST_OF_SERVER = 100
JOBS_OF_SNAPSHOT = 10


@dataclass(frozen=True, slots=True)
class SnapshotFilters:
    """What was asked for in the URL, already checked. `older` is an age in days, `server` an id."""

    q: str = ""
    state: str = ""
    older: int = 0
    gone: str = ""
    server: int | None = None
    sort: str = NEWEST

    @property
    def narrowed(self) -> bool:
        return any((self.q, self.state, self.older, self.gone, self.server))

    @property
    def order(self) -> Order:
        return Order(SORTS[self.sort.removeprefix("-")], descending=self.sort.startswith("-"))


def listed(access: Access) -> QuerySet[Snapshot]:
    """Snapshots with what a line shows of their server."""
    related = access.snapshots().select_related("server")
    return related.defer(*queries.SERVER_TEXTS)


def snapshot_page(
    access: Access, filters: SnapshotFilters, *, after: str = "", before: str = ""
) -> Page[Snapshot]:
    return page(listed(access).filter(conditions(filters)), filters.order, after=after, before=before)


def conditions(filters: SnapshotFilters) -> Q:
    """The filters as one condition on snapshots."""
    found = found_by(filters.q, "search_text", "server__search_text")
    if filters.state:
        found &= Q(state=filters.state)
    if filters.older:
        found &= Q(taken_at__lt=timezone.now() - timedelta(days=filters.older))
    if filters.gone != "all":
        found &= Q(gone_at__isnull=filters.gone != "yes")
    if filters.server:
        found &= Q(server=filters.server)
    return found


def of_server(access: Access, server: Server) -> list[Snapshot]:
    """Those that Leaseweb lists for a server, newest first."""
    return list(
        access.snapshots().filter(server=server, gone_at=None).order_by("-taken_at", "-id")[:MOST_OF_SERVER]
    )


def with_server(access: Access) -> QuerySet[Snapshot]:
    """Snapshots with their server and its key, for the page of one."""
    related = access.snapshots().select_related("server__api_key")
    return related.defer("server__search_text", "server__api_key__sealed")


def reading_of(server: Server, subject: str) -> ServerReading | None:
    """When and how a subject of a server was read last; None when nobody has tried yet."""
    return server.readings.filter(subject=subject).first()


def jobs_of(access: Access, snapshot: Snapshot) -> list[Job]:
    """What was done about a snapshot: the job that made it, by its name, and all that name its id."""
    made = Q(kind="snapshot_create", params__name=snapshot.name, created_at__lte=snapshot.seen_at)
    about = Q(params__snapshot_id=snapshot.upstream_id)
    found = access.jobs().filter(made | about, server=snapshot.server_id)
    return list(queries.listed(found).order_by("-id")[:JOBS_OF_SNAPSHOT])


@dataclass(frozen=True, slots=True)
class Summary:
    """The snapshots of a server in one line; `broken` are those that Leaseweb calls so."""

    count: int
    newest: datetime | None
    broken: int
    read_at: datetime | None


def summary(access: Access, server: Server) -> Summary:
    """Two queries."""
    listed_now = access.snapshots().filter(server=server, gone_at=None)
    found = listed_now.aggregate(
        count=Count("pk"),
        newest=Max("taken_at"),
        broken=Count("pk", filter=Q(state=Snapshot.State.ERROR)),
    )
    reading = reading_of(server, ServerReading.Subject.SNAPSHOTS)
    return Summary(**found, read_at=reading.read_at if reading else None)
