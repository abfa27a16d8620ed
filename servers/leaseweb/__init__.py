"""Client for Leaseweb Virtual Servers (API v2): typed reads, and sends that say what is certain.

Knows nothing of Django or of the panel. See `client` for the operations, `errors` for what reads raise
and `transport` for how a send is judged.
"""

from servers.leaseweb.addresses import check_base_url, is_username
from servers.leaseweb.client import Client
from servers.leaseweb.errors import (
    AuthError,
    BadAnswer,
    CutShort,
    Forbidden,
    LeasewebError,
    NoAnswer,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
    Unreachable,
)
from servers.leaseweb.paging import MAX_ITEMS, PAGE_SIZE
from servers.leaseweb.secret import Secret, looks_like_key
from servers.leaseweb.transport import Timeouts
from servers.leaseweb.types import (
    Contract,
    Credential,
    CredentialName,
    CredentialType,
    DataTraffic,
    FirewallState,
    Granularity,
    Hardware,
    IpAddress,
    Iso,
    Listing,
    NetworkTraffic,
    OsTemplate,
    SendOutcome,
    Sent,
    ServerState,
    Snapshot,
    SnapshotState,
    TrafficPoint,
    TrafficSeries,
    UpstreamJob,
    VirtualServer,
)

__all__ = [
    "MAX_ITEMS",
    "PAGE_SIZE",
    "AuthError",
    "BadAnswer",
    "Client",
    "Contract",
    "Credential",
    "CredentialName",
    "CredentialType",
    "CutShort",
    "DataTraffic",
    "FirewallState",
    "Forbidden",
    "Granularity",
    "Hardware",
    "IpAddress",
    "Iso",
    "LeasewebError",
    "Listing",
    "NetworkTraffic",
    "NoAnswer",
    "NotFound",
    "OsTemplate",
    "RateLimited",
    "Refused",
    "Secret",
    "SendOutcome",
    "Sent",
    "ServerState",
    "Snapshot",
    "SnapshotState",
    "Timeouts",
    "TrafficPoint",
    "TrafficSeries",
    "Unavailable",
    "Unreachable",
    "UpstreamJob",
    "VirtualServer",
    "check_base_url",
    "is_username",
    "looks_like_key",
]
