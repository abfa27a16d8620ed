"""The levers of the simulator, under `/_simulator/` on the same socket. No key is asked for: it is loopback
only.

| request | body | answer |
|---|---|---|
| GET health | | `{status, servers, journal, clock}` |
| GET journal?since&operation&server | | `{entries, last}` |
| GET, POST, DELETE faults; DELETE faults/ID | a rule, see `faults.Rule` | `{faults}`, `{id}`, 204 |
| GET servers | | `{servers}`: all accounts, with what no API call tells |
| POST server | `{id, state?, reference?, template?, snapshot?, remove?}`, `{add: N, key?}` | `{servers}` |
| POST keys | `{key, methods?, servers?, alias?}` or `{key, revoke: true}` | 204 |
| POST behaviour | fields of `model.Behaviour` | 204 |
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from .answers import Answer, json_answer, server_json, snapshot_json
from .faults import FaultBook
from .journal import Journal
from .keys import MAIN_ACCOUNT, KeyRing, fingerprint
from .model import SERVER_STATES, Behaviour, NotFoundError, Server, Snapshot
from .world import World


class Control:
    """Answers control requests. What makes no sense is answered with 400 and the reason."""

    def __init__(self, world: World, *, keys: KeyRing, journal: Journal, faults: FaultBook) -> None:
        self._world = world
        self._keys = keys
        self._journal = journal
        self._faults = faults
        self._routes: dict[tuple[str, str], Callable[[str, dict[str, Any]], Answer]] = {
            ("GET", "health"): self._health,
            ("GET", "journal"): self._read_journal,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "servers"): self._list_servers,
            ("POST", "server"): self._change_server,
            ("POST", "keys"): self._change_keys,
            ("POST", "behaviour"): self._change_behaviour,
        }

    def __call__(self, method: str, path: str, query: str, body: bytes) -> Answer:
        if method == "DELETE" and path.startswith("faults/"):
            return self._remove_fault(path.removeprefix("faults/"))
        handler = self._routes.get((method, path))
        if handler is None:
            return _wrong(404, f"There is no {method} {path}.")
        try:
            return handler(query, _json_object(body))
        except NotFoundError as error:
            return _wrong(404, error.message)
        except (ValueError, TypeError) as error:
            return _wrong(400, str(error))

    def _health(self, query: str, data: dict[str, Any]) -> Answer:
        figures = {
            "servers": len(self._world.servers),
            "journal": self._journal.last,
            "clock": self._world.now(),
        }
        return json_answer(200, {"status": "ok", **figures})

    def _read_journal(self, query: str, data: dict[str, Any]) -> Answer:
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        entries = self._journal.entries(
            asked.get("operation"), server=asked.get("server"), since=int(asked.get("since", "0"))
        )
        return json_answer(200, {"entries": [asdict(entry) for entry in entries], "last": self._journal.last})

    def _list_faults(self, query: str, data: dict[str, Any]) -> Answer:
        return json_answer(200, {"faults": self._faults.as_json()})

    def _add_fault(self, query: str, data: dict[str, Any]) -> Answer:
        return json_answer(201, {"id": self._faults.add_json(data).id})

    def _clear_faults(self, query: str, data: dict[str, Any]) -> Answer:
        self._faults.clear()
        return Answer(204)

    def _remove_fault(self, text: str) -> Answer:
        if text.isdecimal() and self._faults.remove(int(text)):
            return Answer(204)
        return _wrong(404, f"There is no fault {text}.")

    def _list_servers(self, query: str, data: dict[str, Any]) -> Answer:
        with self._world.lock:
            self._world.settle()
            servers = [_full_view(server) for server in self._world.servers.values()]
        return json_answer(200, {"servers": servers})

    def _change_server(self, query: str, data: dict[str, Any]) -> Answer:
        with self._world.lock:
            if "add" in data:
                servers = self._add_servers(data)
            elif data.get("remove"):
                server = self._world.server(str(data.get("id")))
                self._world.remove(server.id)
                self._journal.external(server.id, "remove")
                servers = []
            else:
                servers = [self._edit_server(data)]
            return json_answer(200, {"servers": [_full_view(server) for server in servers]})

    def _add_servers(self, data: dict[str, Any]) -> list[Server]:
        grant = self._keys.find(data.get("key"))
        account = self._world.account(grant.account if grant else MAIN_ACCOUNT)
        return self._world.add_servers(account, count=int(data["add"]))

    def _edit_server(self, data: dict[str, Any]) -> Server:
        server = self._world.server(str(data.get("id")))
        if "state" in data:
            if data["state"] not in SERVER_STATES:
                raise ValueError(f"There is no state {data['state']!r}.")
            self._world.set_state(server.id, data["state"])
        if "reference" in data:
            server.reference = data["reference"]
        if "template" in data:
            server.template = str(data["template"])
        if "snapshot" in data:
            snapshot = Snapshot(
                str(uuid4()), str(data["snapshot"]), self._world.wall(), "READY", server.template
            )
            server.snapshots[snapshot.id] = snapshot
        return server

    def _change_keys(self, query: str, data: dict[str, Any]) -> Answer:
        key = data.get("key")
        if not isinstance(key, str) or not key:
            raise ValueError("Which key?")
        methods = data.get("methods")
        if data.get("revoke"):
            self._keys.revoke(key)
        elif "alias" in data:
            self._keys.alias(key, of=str(data["alias"]))
        else:
            name = fingerprint(key) if "servers" in data else MAIN_ACCOUNT
            self._world.account(name, servers=int(data.get("servers", 0)))
            self._keys.add(key, account=name, methods=frozenset(methods) if methods is not None else None)
        return Answer(204)

    def _change_behaviour(self, query: str, data: dict[str, Any]) -> Answer:
        if unknown := set(data) - {field.name for field in fields(Behaviour)}:
            raise ValueError(f"There is no behaviour {', '.join(sorted(unknown))}.")
        with self._world.lock:
            for name, value in data.items():
                setattr(self._world.behaviour, name, value)
        return Answer(204)


def _json_object(body: bytes) -> dict[str, Any]:
    data = json.loads(body) if body else {}
    if not isinstance(data, dict):
        raise ValueError("The body has to be a JSON object.")
    return data


def _full_view(server: Server) -> dict[str, Any]:
    """What the API tells of a server, and what it does not."""
    return {
        **server_json(server),
        "busy": server.task.kind if server.task else None,
        "playground": server.playground,
        "snapshots": [snapshot_json(snapshot) for snapshot in server.snapshots.values()],
    }


def _wrong(status: int, message: str) -> Answer:
    return json_answer(status, {"error": message})
