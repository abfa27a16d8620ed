"""Looks for secrets where none may be, once the browser tests are over (A9).

Tests tell the secrets they use, and every browser tells its session. Then all that the panel keeps is searched:
the files of the database (of PostgreSQL the whole write-ahead log, so that what was deleted is found, too), those
of Valkey, every log, and of each browser the page it was left with, its storage and its session's data. A marker that
was put into each of these places has to be found there, else the search proves nothing.
"""

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from playwright.sync_api import BrowserContext, Error, Page
from pytest_django.plugin import DjangoDbBlocker

from servers.leaseweb.simulator.world import World
from teams.sessions import SessionStore
from tests import bootstrap
from tests.cast import KEY_TEXT
from tests.e2e import steps
from tests.support.valkey import Valkey

SESSION_COOKIE = "session-"
LOCAL_STORAGE = "() => JSON.stringify([{...localStorage}, {...sessionStorage}])"


class Canaries:
    """The secrets to look for, and the folder that keeps what browsers were left with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marker = f"canary-marker-{secrets.token_hex(8)}"
        self._known: dict[str, str] = {}

    def add(self, secret: str, what: str) -> None:
        self._known[secret] = what

    def leave(self, context: BrowserContext) -> None:
        """Keep what a browser shows and stores, before it is closed."""
        left = [self._left_in(page) for page in context.pages]
        for cookie in context.cookies():
            if cookie["name"].startswith(SESSION_COOKIE):
                self.add(cookie["value"], "a session id")
                left.append(str(SessionStore(cookie["value"]).load()))
        left.append(json.dumps(context.storage_state()["origins"]))
        name = f"{len(list(self.folder.iterdir()))}.html"
        (self.folder / name).write_text("\n".join(left))

    def _left_in(self, page: Page) -> str:
        try:
            return f"{page.content()}\n{page.evaluate(LOCAL_STORAGE)}"
        except Error:  # a page that is on its way elsewhere, or has no origin, keeps nothing
            return ""

    def found_in(self, places: dict[str, Path]) -> list[str]:
        """Each secret that stands in one of the places."""
        spellings = {each: secret for secret in self._known for each in (secret, *_in_base64(secret))}
        return [
            f"{self._known[spellings[hit]]} ({spellings[hit][:4]}…) in the {place}"
            for place, folder in places.items()
            for hit in _grep(folder, list(spellings))
        ]

    def unmarked(self, places: dict[str, Path]) -> list[str]:
        return [place for place, folder in places.items() if not _grep(folder, [self.marker])]


def _in_base64(secret: str) -> Iterator[str]:
    """How it looks inside base64, which the cache uses, at each of the three places it may start at."""
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        yield text[(0, 2, 3)[shift] : len(text) - 4]


def _grep(folder: Path, texts: list[str]) -> set[str]:
    """Which of these texts stand somewhere in the files below `folder`."""
    words = [
        "grep",
        "--recursive",
        "--text",
        "--no-filename",
        "--only-matching",
        "--fixed-strings",
        "--file=-",
    ]
    found = subprocess.run(
        [*words, str(folder)], input="\n".join(texts), capture_output=True, text=True, errors="replace"
    )
    if found.returncode > 1:
        raise RuntimeError(found.stderr)
    return set(found.stdout.splitlines())


@pytest.fixture(scope="session")
def canaries(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    valkey_server: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Canaries]:
    """Searches at the end of the run, while everything is still there, and fails it for what is found."""
    found = Canaries(tmp_path_factory.mktemp("left-in-browsers"))
    for secret, what in _standing():
        found.add(secret, what)
    yield found
    places = {
        "database": bootstrap.server.folder / "data" if bootstrap.server else bootstrap.data,
        "broker": valkey_server.folder,
        "logs and pages": tmp_path_factory.getbasetemp(),
    }
    with django_db_blocker.unblock():
        _mark(found, valkey_server)
    assert found.unmarked(places) == [], "the search finds nothing there, not even its own marker"
    assert found.found_in(places) == []


def _standing() -> Iterator[tuple[str, str]]:
    """The secrets of the cast, and every password of the simulator's fleet."""
    yield KEY_TEXT, "an API key"
    yield steps.PASSWORD, "a person's password"
    world = World()
    world.account("main", servers=60)
    for server in world.servers.values():
        for password in server.credentials.values():
            yield password, "a server's password"


def _mark(canaries: Canaries, valkey: Valkey) -> None:
    with valkey.client() as client:
        client.set("canary", canaries.marker)
    (canaries.folder / "marker.html").write_text(canaries.marker)
    cache.set(canaries.marker, "its key stands in the table as it is")
    with connection.cursor() as cursor:
        cursor.execute(
            "CHECKPOINT" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)"
        )
