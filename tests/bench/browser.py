"""A client that costs little itself: one connection that stays open, nothing parsed but the length."""

import http.client
import re
import time
from dataclasses import dataclass
from html import unescape
from types import TracebackType
from typing import Self
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Answer:
    """`began` is a moment of `time.perf_counter()`; `seconds` go from the first byte out to the last one in."""

    status: int
    body: bytes
    began: float
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode()

    def found(self, pattern: str) -> str:
        """What the first group of `pattern` matches in the page. Raises LookupError when it is not there."""
        match = re.search(pattern, self.text)
        if match is None:
            raise LookupError(f"{pattern} is not in the page (status {self.status})")
        return unescape(match[1])


# gunicorn hangs up on a connection that was idle for 15 seconds.
IDLE = 10.0


class Browser:
    """Talks to a port of this machine with the cookies it was given and those it is told to take."""

    def __init__(self, port: int, *, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies = dict([cookie.split("=", 1)])
        self._used = 0.0

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {})

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(fields), headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        self._connect_if_idle()
        began = time.perf_counter()
        self._connection.request(method, path, body, {"Cookie": cookies, **headers})
        response = self._connection.getresponse()
        content = response.read()
        self._used = time.perf_counter()
        seconds = self._used - began
        for header in response.headers.get_all("Set-Cookie", []):
            name, value = header.split(";", 1)[0].split("=", 1)
            self._cookies[name] = value
        return Answer(response.status, content, began, seconds)

    def _connect_if_idle(self) -> None:
        """Before the clock runs: what is measured is an open connection."""
        if time.perf_counter() - self._used > IDLE:
            self._connection.close()
            self._connection.connect()
