"""A second upstream, written from the published contract alone, with the contract's examples for data.

Where the contract leaves room it does what one does not expect: small pages, jobs done at once, no states in
between, no correlation id, a bare 401, unheard-of fields, the other spelling of the quota. What works against
this and against the simulator rests on the contract, not on the habits of either.
"""

import copy
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_FILE = Path(__file__).parents[1] / "data/leaseweb/virtualservers-v2.contract.json"
CONTRACT = json.loads(_FILE.read_text())
PAGE = 10
_SERVER = "/cloud/v2/virtualServers/{virtualServerId}"
_LISTS = ("virtualServers", "snapshots", "{credentialType}", "templates")
_STATES = {"powerOn": "RUNNING", "powerOff": "STOPPED", "reboot": "RUNNING"}


class Call(NamedTuple):
    method: str
    path: str
    status: int
    body: Any


class Request(NamedTuple):
    """A call that fits an operation of the contract, whose path is `template`."""

    method: str
    template: str
    values: dict[str, str]
    query: dict[str, list[str]]
    body: Any
    last: str
    server_id: str


def example(path: str, method: str, status: int) -> Any:
    """The contract's own example of that answer."""
    content = CONTRACT["paths"][path][method]["responses"][str(status)]["content"]["application/json"]
    return copy.deepcopy(content["examples"]["example"]["value"])


def _servers() -> dict[str, dict[str, Any]]:
    """The examples of the list, cloned with other ids until there are enough for three pages."""
    samples = example("/cloud/v2/virtualServers", "get", 200)["virtualServers"]
    servers = {}
    for number in range(23):
        server = copy.deepcopy(samples[number % 2])
        server["id"] = str(int(server["id"]) + number // 2)
        server |= {"salesOrgId": "2000", "platform": "CLOUDSTACK", "controlPanel": None}
        server["contract"]["inModification"] = False
        server["ips"][0]["visibility"] = "EXTERNAL"
        if number % 2:
            quota = {"datatrafficLimit": "4", "datatrafficUnit": "TB"}
            server["networkTraffic"] = {"type": "FLATFEE", "trafficType": "PREMIUM", **quota}
        servers[server["id"]] = server
    return servers


class ContractUpstream:
    """Serves on a loopback port, in its own threads, inside a `with` block; lets in `key` and no other.

    `journal` holds the requests in order; `servers`, `snapshots`, `passwords` and `traffic` are data a test may change.
    `traffic` is what it tells whatever is asked: bytes up and down by day; none leaves the contract's example.
    """

    key = "contract-key"

    def __init__(self) -> None:
        self.journal: list[Call] = []
        self.servers = _servers()
        listed: list[dict[str, Any]] = example(f"{_SERVER}/snapshots", "get", 200)["snapshots"]
        self.snapshots = {server_id: copy.deepcopy(listed) for server_id in self.servers}
        self.passwords = {(each, "OPERATING_SYSTEM", "root"): "password123" for each in self.servers}
        self.traffic: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = False
        self._http.upstream = self  # type: ignore[attr-defined]
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/cloud/v2"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, target: str, key: str | None, body: Any) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with self._lock:
            status, data = self._route(method, urlsplit(target), body) if key == self.key else (401, None)
            self.journal.append(Call(method, target, status, body))
            return status, b"" if data is None else json.dumps(data).encode()

    def _route(self, method: str, url: SplitResult, body: Any) -> tuple[int, Any]:
        for template, methods in CONTRACT["paths"].items():
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), url.path)
            if found and method.lower() in methods:
                values = {name: unquote(value) for name, value in found.groupdict().items()}
                server_id, last = values.get("virtualServerId", ""), template.rpartition("/")[2]
                if server_id not in {"", *self.servers}:
                    return _missing(server_id)
                query = parse_qs(url.query)
                return self._operate(Request(method.lower(), template, values, query, body, last, server_id))
        return _missing(url.path)

    def _operate(self, request: Request) -> tuple[int, Any]:
        """Answers as the contract's example does, and has the effect at once."""
        if request.method == "get" and request.last in _LISTS:
            return 200, self._page(request)
        if request.template == _SERVER:
            self.servers[request.server_id].update(request.body or {})
            return 200, self.servers[request.server_id]
        if "snapshotId" in request.values:
            return self._one_snapshot(request)
        if request.method == "get":
            return self._detail(request)
        if request.last == "credentials":
            body = request.body
            self.passwords[(request.server_id, body["type"], body["username"])] = body["password"]
            return 204, None
        self._act(request)
        return 202, _job(request)

    def _page(self, request: Request) -> dict[str, Any]:
        items: list[dict[str, Any]] = example(request.template, "get", 200).get("templates", [])
        if request.last == "virtualServers":
            items = list(self.servers.values())
        elif request.last == "snapshots":
            items = self.snapshots[request.server_id]
        elif request.last == "{credentialType}":
            wanted = (request.server_id, request.values["credentialType"])
            items = [{"type": key[1], "username": key[2]} for key in self.passwords if key[:2] == wanted]
        limit, offset = (int(request.query.get(each, ["0"])[0]) for each in ("limit", "offset"))
        limit = min(limit or PAGE, PAGE)
        name = (set(example(request.template, "get", 200)) - {"_metadata"}).pop()
        metadata = {"totalCount": len(items), "offset": offset, "limit": limit, "sort": "none"}
        return {name: items[offset : offset + limit], "_metadata": metadata}

    def _one_snapshot(self, request: Request) -> tuple[int, Any]:
        listed, wanted = self.snapshots[request.server_id], request.values["snapshotId"]
        snapshot = next((each for each in listed if each["id"] == wanted), None)
        if snapshot is None:
            return _missing(wanted)
        if request.method == "delete":
            listed.remove(snapshot)
        return (200, snapshot) if request.method == "get" else (202, _job(request))

    def _detail(self, request: Request) -> tuple[int, Any]:
        if request.last == "datatraffic":
            return 200, self._told_of_traffic(request)
        server_id, kind, username = request.values.values()
        password = self.passwords.get((server_id, kind, username))
        shown = {"type": kind, "username": username, "password": password, "domain": None}
        return (200, shown) if password else _missing(username)

    def _told_of_traffic(self, request: Request) -> dict[str, Any]:
        told: dict[str, Any] = example(request.template, "get", 200)
        for number, series in enumerate(told["metrics"].values() if self.traffic else ()):
            series["values"] = [{"timestamp": at, "value": day[number]} for at, day in self.traffic.items()]
        return told

    def _act(self, request: Request) -> None:
        server = self.servers[request.server_id]
        if request.last == "snapshots":
            new = {**example(f"{_SERVER}/snapshots/{{snapshotId}}", "get", 200), **request.body}
            self.snapshots[server["id"]].append({**new, "id": f"snap-{len(self.journal)}"})
        elif request.last == "reinstall":
            server["template"] = f"{request.body['operatingSystemId']} as installed"
        else:
            server["state"] = _STATES[request.last]


def _missing(what: str) -> tuple[int, Any]:
    return 404, {"errorCode": "404", "errorMessage": f"Resource '{what}' was not found"}


def _job(request: Request) -> dict[str, Any]:
    return {**example(request.template, request.method, 202), "status": "COMPLETED", "queue": "default"}


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: every answer ends its connection."""

    timeout = 20

    def do_GET(self) -> None:
        upstream: ContractUpstream = self.server.upstream  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        status, answer = upstream.answer(self.command, self.path, self.headers.get("X-LSW-Auth"), body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the base class looks for these names)

    def log_message(self, format: str, *args: Any) -> None:
        """The journal is the log."""
