"""What really happened, written down before any answer leaves: the truth to hold other records against."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_KEPT_IN_MEMORY = 100_000


@dataclass(frozen=True)
class Entry:
    """One request, or one thing somebody else did (then `operation` begins with `external.`).

    `received`: head and body were read. `executed`: the action was carried out, also when there was nothing
    left to do; always false for reads. `status` is what was meant to be answered, None when the connection
    ended without an answer. `key` is a fingerprint; `detail` holds request values that are no secret.
    `sequence` counts from 1 without gaps, in the order of execution.
    """

    sequence: int
    time: str
    method: str
    path: str
    operation: str
    server: str | None
    key: str | None
    correlation_id: str | None
    received: bool
    executed: bool
    fault: str | None
    status: int | None
    job: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Journal:
    """Append-only. Holds the newest 100,000 entries; a file holds all of them, a JSON object a line."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT_IN_MEMORY)
        self._last = 0
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8") if path else None

    def add(self, **fields: Any) -> Entry:
        """Writes an entry; `fields` are those of Entry but for its number and its time."""
        with self._lock:
            self._last += 1
            time = datetime.now(UTC).isoformat(timespec="milliseconds")
            entry = Entry(sequence=self._last, time=time, **fields)
            self._entries.append(entry)
            if self._file:
                self._file.write(json.dumps(asdict(entry)) + "\n")
                self._file.flush()
            return entry

    def external(self, server: str, change: str, **detail: Any) -> Entry:
        """Something happened to a server that nobody asked for through the API."""
        return self.add(
            method="",
            path="",
            operation=f"external.{change}",
            server=server,
            key=None,
            correlation_id=None,
            received=False,
            executed=True,
            fault=None,
            status=None,
            detail=detail,
        )

    def entries(
        self,
        operation: str | None = None,
        *,
        server: str | None = None,
        since: int = 0,
        executed: bool | None = None,
    ) -> list[Entry]:
        """The entries after number `since` that fit everything that is given."""
        with self._lock:
            kept = list(self._entries)
        return [
            entry
            for entry in kept
            if entry.sequence > since
            and operation in {None, entry.operation}
            and server in {None, entry.server}
            and executed in {None, entry.executed}
        ]

    @property
    def last(self) -> int:
        """The number of the newest entry, 0 when there is none."""
        with self._lock:
            return self._last

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
