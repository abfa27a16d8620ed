"""What Leaseweb's Virtual Servers API (v2) tells us, as plain immutable values.

Strings Leaseweb left out are `""`; numbers, times and objects are `None`. All times are aware and in
UTC. Strings are bounded and free of NUL and lone surrogates, but otherwise untrusted text.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

from servers.leaseweb.errors import LeasewebError
from servers.leaseweb.secret import Secret

T = TypeVar("T")


class ServerState(enum.Enum):
    """State of a server; UNKNOWN is Leaseweb's own word and also stands for words we do not know."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    STARTING = "STARTING"
    STOPPING = "STOPPING"
    UNKNOWN = "UNKNOWN"


class FirewallState(enum.Enum):
    """State of the firewall, which v2 can only read."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    UNKNOWN = "UNKNOWN"


class SnapshotState(enum.Enum):
    """State of a snapshot; UNKNOWN stands for words we do not know."""

    READY = "READY"
    CREATING = "CREATING"
    ALLOCATED = "ALLOCATED"
    ERROR = "ERROR"
    EXPUNGING = "EXPUNGING"
    REVERTING = "REVERTING"
    UNKNOWN = "UNKNOWN"


class CredentialType(enum.Enum):
    """What a stored user name and password are for."""

    OPERATING_SYSTEM = "OPERATING_SYSTEM"
    CONTROL_PANEL = "CONTROL_PANEL"


class Granularity(enum.Enum):
    """Width of a traffic bucket; NONE is one total for the whole span."""

    NONE = "NONE"
    FIVE_MINUTES = "5MIN"
    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms of a server from the first day to the last, dated as Leaseweb writes them.

    `price_per_frequency` is for one `billing_frequency`, in `currency`.
    """

    id: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    billing_cycle: int | None = None
    billing_frequency: str = ""
    price_per_frequency: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Hardware:
    """Size of a server; amounts are in the unit beside them, as Leaseweb writes it ("MB", "GB")."""

    cpu_cores: int | None = None
    memory_amount: int | None = None
    memory_unit: str = ""
    storage_amount: int | None = None
    storage_unit: str = ""


@dataclass(frozen=True, slots=True)
class Iso:
    """The CD image attached to a server."""

    id: str = ""
    name: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class IpAddress:
    """An address of a server; `version` is 4, 6 or None, `type` PUBLIC or PRIVATE as Leaseweb says it."""

    ip: str
    version: int | None = None
    type: str = ""


@dataclass(frozen=True, slots=True)
class NetworkTraffic:
    """The traffic a contract includes: `data_traffic_limit` in `data_traffic_unit` ("GB", "TB")."""

    type: str = ""
    traffic_type: str = ""
    data_traffic_unit: str = ""
    data_traffic_limit: int | None = None


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """A server. `state_raw` is Leaseweb's word for `state`; `name` is sent but not documented."""

    id: str
    reference: str = ""
    name: str = ""
    customer_id: str = ""
    data_center: str = ""
    cloud_server_id: str = ""
    state: ServerState = ServerState.UNKNOWN
    state_raw: str = ""
    firewall_state: FirewallState = FirewallState.UNKNOWN
    template: str = ""
    service_offering: str = ""
    sla: str = ""
    contract: Contract = Contract()
    hardware: Hardware = Hardware()
    iso: Iso | None = None
    ips: tuple[IpAddress, ...] = ()
    network_traffic: NetworkTraffic | None = None


@dataclass(frozen=True, slots=True)
class OsTemplate:
    """A system that can be installed on a server. Nothing links it to `VirtualServer.template`."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of a server. `state_raw` is Leaseweb's word for `state`."""

    id: str
    name: str = ""
    created_at: datetime | None = None
    state: SnapshotState = SnapshotState.UNKNOWN
    state_raw: str = ""


@dataclass(frozen=True, slots=True)
class CredentialName:
    """That Leaseweb stores a password for this user."""

    kind: CredentialType
    username: str


@dataclass(frozen=True, slots=True)
class Credential:
    """A stored user and password; the password is what the portal shows, not always what the server has."""

    kind: CredentialType
    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class UpstreamJob:
    """Leaseweb's receipt for an action. No call reads it again; the id is for support."""

    id: str
    name: str = ""
    status: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrafficPoint:
    """Traffic of one bucket. `at` may be the start or the end of it; `value` is in the series' unit."""

    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class TrafficSeries:
    """Traffic in one direction, oldest first, with gaps left as gaps.

    `unit` is Leaseweb's ("B" or, in a sibling API, "GB"); `dropped` counts points that made no sense.
    """

    unit: str = ""
    points: tuple[TrafficPoint, ...] = ()
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class DataTraffic:
    """Traffic of a server; `up` is outgoing, `down` incoming. Start and end are what Leaseweb covered."""

    granularity: Granularity
    start: datetime | None
    end: datetime | None
    up: TrafficSeries
    down: TrafficSeries


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What a walk through a paged list gave.

    `complete` is False when entries may be missing: the walk was cut or did not begin at the first entry, an entry was
    unreadable or came twice, `total` changed on the way or promised more. `reached` is the offset behind the last
    entry, `ended` whether the list was over there, `steady` whether no page contradicted another, and `failure` what
    kept the next page from being read.
    """

    items: tuple[T, ...]
    complete: bool
    pages: int
    total: int | None
    correlation_id: str
    reached: int = 0
    ended: bool = True
    steady: bool = True
    failure: LeasewebError | None = None


class SendOutcome(enum.Enum):
    """What is certain after a mutating call (G2).

    ACCEPTED: the answer that the API promises for it came. REFUSED: Leaseweb turned it down. NOT_SENT: proven not
    received, may be sent again. AMBIGUOUS: it may have been carried out; must not be sent again.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of a mutating call.

    `reason` is a machine word for the outcome ("accepted", "connect_failed", "rate_limited", "not_as_promised", ...);
    `retry_after` is in seconds, at most 600. `correlation_id` is Leaseweb's; when bytes left and no
    answer came it is the one that was sent along.
    """

    outcome: SendOutcome
    status: int | None = None
    job: UpstreamJob | None = None
    server: VirtualServer | None = None
    error: LeasewebError | None = None
    correlation_id: str = ""
    retry_after: float | None = None
    reason: str = ""
