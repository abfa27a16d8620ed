"""The 17 operations of the API: method, path, and the name that journal and faults call them by."""

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

BASE_PATH = "/cloud/v2"


class Route(NamedTuple):
    method: str
    template: str
    operation: str


ROUTES = (
    Route("GET", "virtualServers", "listServers"),
    Route("GET", "virtualServers/{server}", "getServer"),
    Route("PUT", "virtualServers/{server}", "updateServer"),
    Route("POST", "virtualServers/{server}/powerOn", "powerOn"),
    Route("POST", "virtualServers/{server}/powerOff", "powerOff"),
    Route("POST", "virtualServers/{server}/reboot", "reboot"),
    Route("POST", "virtualServers/{server}/reinstall", "reinstall"),
    Route("PUT", "virtualServers/{server}/credentials", "storeCredential"),
    Route("GET", "virtualServers/{server}/credentials/{type}", "listCredentials"),
    Route("GET", "virtualServers/{server}/credentials/{type}/{username}", "getCredential"),
    Route("GET", "virtualServers/{server}/metrics/datatraffic", "getTraffic"),
    Route("GET", "virtualServers/{server}/templates", "listTemplates"),
    Route("GET", "virtualServers/{server}/snapshots", "listSnapshots"),
    Route("POST", "virtualServers/{server}/snapshots", "createSnapshot"),
    Route("GET", "virtualServers/{server}/snapshots/{snapshot}", "getSnapshot"),
    Route("DELETE", "virtualServers/{server}/snapshots/{snapshot}", "deleteSnapshot"),
    Route("POST", "virtualServers/{server}/snapshots/{snapshot}/restore", "restoreSnapshot"),
)

OPERATIONS = tuple(route.operation for route in ROUTES)
READS = frozenset(route.operation for route in ROUTES if route.method == "GET")
UNKNOWN_OPERATION = "unknown"


@dataclass(frozen=True)
class Match:
    """What a request asks for. When the path has no such method, `allowed` lists those it has."""

    operation: str
    params: dict[str, str]
    allowed: tuple[str, ...] = ()

    @property
    def server_id(self) -> str | None:
        return self.params.get("server")


def match(method: str, path: str) -> Match:
    """Finds the route of `path` (still percent-encoded, without its query)."""
    allowed = []
    found: dict[str, str] = {}
    for route in ROUTES:
        params = _params(route.template, path)
        if params is None:
            continue
        if route.method == method:
            return Match(route.operation, params)
        allowed.append(route.method)
        found = params
    return Match(UNKNOWN_OPERATION, found, tuple(allowed))


def _params(template: str, path: str) -> dict[str, str] | None:
    """A value holds what one path segment held, so that an encoded slash stays within it."""
    names = f"{BASE_PATH}/{template}".split("/")
    values = path.split("/")
    if len(names) != len(values):
        return None
    params = {}
    for name, value in zip(names, values, strict=True):
        if name.startswith("{") and value:
            params[name[1:-1]] = unquote(value)
        elif name != value:
            return None
    return params
