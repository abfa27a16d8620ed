"""What the simulated data centre is made of. Nothing here knows of HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

OPERATING_SYSTEM = "OPERATING_SYSTEM"
CONTROL_PANEL = "CONTROL_PANEL"
CREDENTIAL_TYPES = (OPERATING_SYSTEM, CONTROL_PANEL)
SERVER_STATES = ("RUNNING", "STOPPED", "STARTING", "STOPPING", "UNKNOWN")


class Ending(StrEnum):
    """How an accepted action goes on. Everything but `NORMAL` is a fault somebody asked for."""

    NORMAL = "normal"
    STUCK = "stuck"
    FAILS = "fails"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Step:
    """One change of a running task. `at` is in seconds of the world's clock."""

    at: float
    effect: Callable[[], None]


@dataclass
class Task:
    """The one thing a server is busy with. A stuck task stays after its last step."""

    kind: str
    steps: list[Step]
    stuck: bool = False


@dataclass(frozen=True)
class Template:
    """An operating system that can be installed. `label` is the stem of the text a server then shows."""

    id: str
    name: str
    label: str
    build: str
    username: str = "root"
    panel: bool = False
    least_memory_mb: int = 0

    def label_for(self, *, storage_gb: int) -> str:
        """The free text in a server's `template` field; it holds no template id, as at Leaseweb."""
        return f"{self.label} 64 {storage_gb} {self.build}"


@dataclass(frozen=True)
class Offering:
    """A size one can rent. `price` is per month."""

    name: str
    cores: int
    memory_mb: int
    storage_gb: int
    price: float


@dataclass
class Snapshot:
    id: str
    name: str
    created_at: datetime
    state: str
    template: str


@dataclass
class Server:
    """A virtual server. `idle_since` ends its traffic; `playground` lends it to the other hand."""

    id: str
    reference: str | None
    customer_id: str
    data_center: str
    state: str
    firewall_state: str
    template: str
    offering: Offering
    sla: str
    contract: dict[str, Any]
    iso: dict[str, str] | None
    ips: list[dict[str, Any]]
    network_traffic: dict[str, Any] | None
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    credentials: dict[tuple[str, str], str] = field(default_factory=dict)
    snapshots_included: bool = True
    playground: bool = False
    idle_since: datetime | None = None
    installs: int = 0
    task: Task | None = None
    past: list[tuple[float, str, str]] = field(default_factory=list)

    def remember(self, at: float) -> None:
        """Note how it is from the second `at` of the world's clock on, for a list that lags."""
        now = (self.state, self.template)
        if not self.past or self.past[-1][1:] != now:
            self.past = [*self.past[-50:], (at, *now)]

    def as_of(self, at: float) -> tuple[str, str]:
        """State and system as they were at the second `at`."""
        known = [moment for moment in self.past if moment[0] <= at] or self.past[:1]
        return known[-1][1:] if known else (self.state, self.template)


@dataclass
class Account:
    """A customer. Keys belong to an account; several may belong to the same one."""

    name: str
    number: int
    server_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Durations:
    """Seconds of the world's clock that each part of a task takes."""

    accept: float = 0.5
    start: float = 4.0
    stop: float = 4.0
    reboot_stop: float = 2.5
    reboot_start: float = 3.5
    quick_reboot: float = 3.0
    install: float = 15.0
    allocate: float = 1.0
    create: float = 8.0
    revert: float = 6.0
    expunge: float = 4.0


@dataclass
class Behaviour:
    """Answers to questions the documentation leaves open.

    `quick_reboot`: a reboot never leaves RUNNING as far as a reader can see. `max_limit`: a larger `limit` is
    clamped to this. `snapshot_limit`: per server, CloudStack's default. `reinstall_refuses_snapshots`: as the
    successor product documents it. `boots_installed`: a stopped server runs after a reinstall. `stays_off`: a running
    one does not. `list_lag`: seconds by which the list of servers shows their state and system late; the detail does
    not.
    """

    quick_reboot: bool = False
    max_limit: int = 100
    snapshot_limit: int = 10
    reinstall_refuses_snapshots: bool = False
    boots_installed: bool = False
    stays_off: bool = False
    list_lag: float = 0.0


class RefusedError(Exception):
    """The API says no. `details` maps a request field to its complaints and turns into `errorDetails`."""

    def __init__(self, status: int, message: str, *, details: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details


class NotFoundError(RefusedError):
    """No such thing, or it belongs to somebody else."""

    def __init__(self, identifier: str) -> None:
        super().__init__(404, f"Resource '{identifier}' was not found")
        self.identifier = identifier
