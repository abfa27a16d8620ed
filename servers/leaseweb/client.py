"""The client for Leaseweb's Virtual Servers API, version 2: one method per operation."""

from __future__ import annotations

import dataclasses
import functools
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import httpx

from servers.leaseweb import paging, reader
from servers.leaseweb.addresses import check_base_url, path_of, username_part
from servers.leaseweb.body import unusable
from servers.leaseweb.secret import Secret
from servers.leaseweb.transport import Answer, Channel, Promise, Timeouts, read, send
from servers.leaseweb.types import (
    Credential,
    CredentialName,
    CredentialType,
    DataTraffic,
    Granularity,
    Listing,
    OsTemplate,
    Sent,
    Snapshot,
    VirtualServer,
)
from servers.leaseweb.wire import Observer, WireTransport, check_tls, default_tls

T = TypeVar("T")
_SERVERS = "/virtualServers"
_JOB = Promise(202, reader.read_job)
_NOTHING = Promise(204, lambda body: body is None or None)


class Client:
    """Talks to Leaseweb with one API key. Use it as a context manager, or call `close()`.

    Reads share a kept connection, are never repeated and raise a `LeasewebError` when they fail. Calls that
    change something use a connection of their own and always return a `Sent`, whatever Leaseweb or the
    network does. Wrong arguments, such as an id that cannot stand in a path, raise `ValueError` in both.

    `key` is sent as `X-LSW-Auth` to `base_url` (see `check_base_url`), with limits from `timeout`. `observer` is told
    the stages of a mutating call: `before_first_byte`, `after_last_byte` (all of the request is written) and
    `status_line` (the status came, the body is unread); what it raises goes through to the caller. `transport` is
    used for all calls instead of network connections and never closed by the client; without trace events a failed
    send is always ambiguous. `tls` is for an API behind a private certificate authority and must check certificate
    and host name (see `check_tls`). `trust_503` says whether Leaseweb's documented 503 body counts as proof that
    nothing was carried out.
    """

    def __init__(
        self,
        key: Secret,
        base_url: str,
        *,
        timeout: Timeouts = Timeouts(),  # noqa: B008 - immutable
        observer: Observer | None = None,
        transport: httpx.BaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        trust_503: bool = True,
    ) -> None:
        settings = default_tls() if tls is None else check_tls(tls)
        address = check_base_url(base_url)
        self._channel = Channel(key, address, settings, timeout, observer, transport, trust_503)
        self._reads = transport or WireTransport(settings, keep_alive=1)

    def __repr__(self) -> str:
        return f"<Client of {self._channel.base_url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connection."""
        if self._reads is not self._channel.transport:
            self._reads.close()

    # Reads

    def list_servers(
        self, *, start: int = 0, total: int | None = None, go_on: Callable[[], bool] | None = None
    ) -> Listing[VirtualServer]:
        """The servers the key sees (call 1) from offset `start` on; see `paging.walk`.

        Without `go_on` it may take as long as a walk may. A page after the first that fails is the listing's `failure`.
        """
        fetch = self._pages(_SERVERS, ("virtualServers",), reader.read_server)
        allowed = go_on or self._within_time()
        return paging.walk(fetch, lambda server: server.id, go_on=allowed, start=start, total=total)

    def get_server(self, server_id: str) -> VirtualServer:
        """One server (call 2); an answer about another server is a `BadAnswer`."""
        return self._get(_server(server_id), lambda body: _if_about(reader.read_server(body), server_id))

    def list_templates(self, server_id: str) -> Listing[OsTemplate]:
        """The systems that can be installed on a server (call 12); paging is asked for, but not promised."""
        path = f"{_server(server_id)}/templates"
        return self._list(path, ("templates",), reader.read_template, lambda template: template.id)

    def list_snapshots(self, server_id: str) -> Listing[Snapshot]:
        """The snapshots of a server (call 13); the official schema calls the list `virtualServers`."""
        path = f"{_server(server_id)}/snapshots"
        keys = ("snapshots", "virtualServers")
        return self._list(path, keys, reader.read_snapshot, lambda snapshot: snapshot.id)

    def get_snapshot(self, server_id: str, snapshot_id: str) -> Snapshot:
        """One snapshot (call 15); an answer about another snapshot is a `BadAnswer`."""
        path = _snapshot(server_id, snapshot_id)
        return self._get(path, lambda body: _if_about(reader.read_snapshot(body), snapshot_id))

    def list_credentials(self, server_id: str, kind: CredentialType) -> Listing[CredentialName]:
        """The users Leaseweb stores a password for (call 9)."""
        path = f"{_server(server_id)}/credentials{path_of(kind.value)}"
        read_name = functools.partial(reader.read_credential_name, kind=kind)
        return self._list(path, ("credentials",), read_name, lambda name: name.username)

    def get_credential(self, server_id: str, kind: CredentialType, username: str) -> Credential:
        """The stored password of a user (call 10). An answer without one, or about another, is a `BadAnswer`."""
        path = f"{_server(server_id)}/credentials{path_of(kind.value)}{username_part(username)}"
        return self._get(
            path, lambda body: _if_of(reader.read_credential(body, kind, username), kind, username)
        )

    def data_traffic(
        self, server_id: str, *, granularity: Granularity, start: datetime, end: datetime
    ) -> DataTraffic:
        """Traffic of a server from `start` (inclusive) to `end` (exclusive), both aware (call 11)."""
        query = urlencode(
            {
                "granularity": granularity.value,
                "aggregation": "SUM",
                "from": _rfc3339(start),
                "to": _rfc3339(end),
            }
        )
        path = f"{_server(server_id)}/metrics/datatraffic?{query}"
        return self._get(path, lambda body: reader.read_data_traffic(body, granularity))

    # Calls that change something. `start_by` is a reading of time.monotonic(): see transport.send.

    def power_on(self, server_id: str, *, start_by: float | None = None) -> Sent:
        """Switch a server on (call 4)."""
        return self._act(f"{_server(server_id)}/powerOn", start_by=start_by)

    def power_off(self, server_id: str, *, start_by: float | None = None) -> Sent:
        """Switch a server off (call 5)."""
        return self._act(f"{_server(server_id)}/powerOff", start_by=start_by)

    def reboot(self, server_id: str, *, start_by: float | None = None) -> Sent:
        """Restart a server (call 6)."""
        return self._act(f"{_server(server_id)}/reboot", start_by=start_by)

    def reinstall(self, server_id: str, *, os_template_id: str, start_by: float | None = None) -> Sent:
        """Install a system on a server, which erases it (call 7)."""
        payload = {"operatingSystemId": os_template_id}
        return self._act(f"{_server(server_id)}/reinstall", payload=payload, start_by=start_by)

    def create_snapshot(self, server_id: str, *, name: str, start_by: float | None = None) -> Sent:
        """Take a snapshot of a running server (call 14). The job's id is not the snapshot's id."""
        return self._act(f"{_server(server_id)}/snapshots", payload={"name": name}, start_by=start_by)

    def delete_snapshot(self, server_id: str, snapshot_id: str, *, start_by: float | None = None) -> Sent:
        """Delete a snapshot (call 16)."""
        return self._act(_snapshot(server_id, snapshot_id), method="DELETE", start_by=start_by)

    def restore_snapshot(self, server_id: str, snapshot_id: str, *, start_by: float | None = None) -> Sent:
        """Put a running server back to a snapshot, disk and memory (call 17)."""
        return self._act(f"{_snapshot(server_id, snapshot_id)}/restore", start_by=start_by)

    def update_reference(self, server_id: str, *, reference: str, start_by: float | None = None) -> Sent:
        """Rename a server (call 3); the answer is the whole server, given as `Sent.server`."""
        promise = Promise(200, lambda body: _if_about(reader.read_server(body), server_id))
        payload = {"reference": reference}
        path = _server(server_id)
        done = send(self._channel, "PUT", path, promise=promise, payload=payload, start_by=start_by)
        return dataclasses.replace(done.sent, server=done.found)

    def store_credential(
        self,
        server_id: str,
        *,
        kind: CredentialType,
        username: str,
        password: Secret,
        start_by: float | None = None,
    ) -> Sent:
        """Store the password that the portal shows for a user; the server's own is not changed (call 8)."""
        payload: dict[str, str | Secret] = {"username": username, "password": password, "type": kind.value}
        path = f"{_server(server_id)}/credentials"
        return send(self._channel, "PUT", path, promise=_NOTHING, payload=payload, start_by=start_by).sent

    def _get(self, path: str, reading: Callable[[Any], T | None]) -> T:
        return _read_or_raise(read(self._channel, self._reads, path), reading)

    def _list(
        self,
        path: str,
        keys: tuple[str, ...],
        read_item: Callable[[Any], T | None],
        identity: Callable[[T], str],
    ) -> Listing[T]:
        """A short list, whole or not at all."""
        listing = paging.walk(self._pages(path, keys, read_item), identity, go_on=self._within_time())
        if listing.failure:
            raise listing.failure
        return listing

    def _pages(
        self, path: str, keys: tuple[str, ...], read_item: Callable[[Any], T | None]
    ) -> Callable[[int], tuple[reader.Page[T], str]]:
        def fetch(offset: int) -> tuple[reader.Page[T], str]:
            answer = read(self._channel, self._reads, f"{path}?limit={paging.PAGE_SIZE}&offset={offset}")
            page = _read_or_raise(answer, lambda body: reader.read_page(body, keys, read_item))
            return page, answer.correlation_id

        return fetch

    def _within_time(self) -> Callable[[], bool]:
        end = time.monotonic() + self._channel.timeouts.walk
        return lambda: time.monotonic() <= end

    def _act(
        self,
        path: str,
        *,
        method: str = "POST",
        payload: dict[str, str | Secret] | dict[str, str] | None = None,
        start_by: float | None = None,
    ) -> Sent:
        done = send(self._channel, method, path, promise=_JOB, payload=payload, start_by=start_by)
        return dataclasses.replace(done.sent, job=done.found)


def _server(server_id: str) -> str:
    return _SERVERS + path_of(server_id)


def _snapshot(server_id: str, snapshot_id: str) -> str:
    return f"{_server(server_id)}/snapshots{path_of(snapshot_id)}"


def _rfc3339(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("The span of a traffic query needs times with a time zone.")
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _if_about(found: T | None, wanted_id: str) -> T | None:
    """What was read, if it carries the id that was asked for: evidence about another is none."""
    return found if found is not None and getattr(found, "id", None) == wanted_id else None


def _if_of(found: Credential | None, kind: CredentialType, username: str) -> Credential | None:
    """The credential, if it is that of this user; nobody should try the password of one as that of another."""
    if found is None or (found.kind, found.username.casefold()) != (kind, username.casefold()):
        return None
    return found


def _read_or_raise(answer: Answer, reading: Callable[[Any], T | None]) -> T:
    found = reading(answer.content)
    if found is None:
        raise unusable("wrong_shape", status=answer.status, correlation_id=answer.correlation_id)
    return found
