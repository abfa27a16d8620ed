"""What the pages about servers and keys read. Every query starts from `Access`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

from django.db.models import Count, Q, QuerySet

from audit.log import Fields
from servers.models import ApiKey, Server
from servers.search import found_by
from teams.access import Access
from teams.collation import sort_key
from teams.keyset import Order, Page, page
from teams.listing import count_text

# Nothing that moves with every reading: rows would pass by the reader between two pages.
SORTS = {
    "name": ("name_key", "id"),
    "state": ("state", "name_key", "id"),
    "place": ("data_center", "name_key", "id"),
}
MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for in the URL, already checked."""

    q: str = ""
    state: str = ""
    place: str = ""
    template: str = ""
    key: int | None = None
    gone: str = ""
    live: bool = False
    sort: str = "name"

    @property
    def narrowed(self) -> bool:
        return any((self.q, self.state, self.place, self.template, self.key, self.gone, self.live))

    def told(self) -> Fields:
        """The filters as the audit trail tells of them."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def order(self) -> Order:
        return Order(SORTS[self.sort.removeprefix("-")], descending=self.sort.startswith("-"))


@dataclass(frozen=True, slots=True)
class Facets:
    """What there is to filter by, how many servers there are at all, and how many match."""

    places: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    total: int = 0
    matching: int = 0

    @property
    def shown_matching(self) -> str:
        return count_text(self.matching)


def conditions(access: Access, filters: Filters) -> Q:
    """The filters as one condition on servers."""
    found = found_by(filters.q, "search_text")
    for column, value in (
        ("state", filters.state),
        ("data_center", filters.place),
        ("template", filters.template),
    ):
        if value:
            found &= Q((column, value))
    if filters.key:
        found &= Q(api_key=filters.key)
    if filters.gone != "all":
        found &= Q(gone_at__isnull=filters.gone != "yes")
    if filters.live:
        found &= Q(pk__in=access.jobs().live().values("server"))
    return found


def facets(access: Access, filters: Filters) -> Facets:
    """One pass over the team's servers for the choices and both counts."""
    hits = Count("pk", filter=conditions(access, filters))
    groups = (
        access.servers().order_by().values("data_center", "template").annotate(all=Count("pk"), hits=hits)
    )
    found = list(groups)
    return Facets(
        places=_choices(group["data_center"] for group in found),
        templates=_choices(group["template"] for group in found),
        total=sum(group["all"] for group in found),
        matching=sum(group["hits"] for group in found),
    )


def _choices(names: Iterable[str]) -> list[str]:
    return sorted(set(names) - {""}, key=lambda name: (sort_key(name), name))[:MOST_CHOICES]


def server_page(access: Access, filters: Filters, *, after: str = "", before: str = "") -> Page[Server]:
    wanted = listed(access).filter(conditions(access, filters))
    return page(wanted, filters.order, after=after, before=before)


def listed(access: Access) -> QuerySet[Server]:
    """Servers with what a line of the list shows, without the long texts that it does not."""
    return access.servers().select_related("api_key").defer("search_text", "reference", "api_key__sealed")


def keys(access: Access) -> list[ApiKey]:
    return _by_name(access.api_keys().defer("sealed"))


def keys_in_use(access: Access) -> list[ApiKey]:
    """The team's keys by name, each with how many servers it is the `current` one of."""
    current = Count("current_servers", filter=Q(current_servers__gone_at=None))
    return _by_name(access.api_keys().defer("sealed").annotate(current=current))


def being_read(api_keys: Sequence[ApiKey]) -> bool:
    """Whether a worker is about to read, or reads, all servers of one of these keys."""
    return any(key.refresh_asked_at or key.health == ApiKey.Health.UNTRIED for key in api_keys)


def server(access: Access) -> QuerySet[Server]:
    """Servers with their key, for the page of one."""
    return access.servers().select_related("api_key").defer("search_text", "api_key__sealed")


def seen_by(access: Access, server: Server) -> list[ApiKey]:
    """Every key that sees a server."""
    return _by_name(access.api_keys().filter(links__server=server).defer("sealed"))


def _by_name(api_keys: Iterable[ApiKey]) -> list[ApiKey]:
    return sorted(api_keys, key=lambda key: (sort_key(key.name), key.pk))


def key_use(access: Access, api_key: ApiKey) -> dict[str, int]:
    """What removing a key does: its servers, how many of them another key sees, and its jobs in flight."""
    current = access.servers().filter(api_key=api_key, gone_at=None)
    elsewhere = current.filter(links__api_key__in=access.api_keys().exclude(pk=api_key.pk)).distinct()
    servers, moving = current.count(), elsewhere.count()
    live = access.jobs().live().filter(server__api_key=api_key).count()
    return {"servers": servers, "moving": moving, "left": servers - moving, "live_jobs": live}
