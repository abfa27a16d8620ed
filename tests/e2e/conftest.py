"""People with browsers in front of a running panel. Every browser is watched, and one that complains fails its test."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, expect

from teams.models import User
from tests.e2e.canary import Canaries
from tests.e2e.watch import Watch
from tests.support.chromium import PATIENCE_MS
from tests.support.processes import Processes
from tests.support.proof import prove
from tests.support.stack import Stack
from tests.support.valkey import Valkey
from tests.support.waiting import wait_for

MakeVisitor = Callable[..., BrowserContext]
A_DAY = 24 * 60 * 60
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def visitor(request: pytest.FixtureRequest, browser: Browser, canaries: Canaries) -> Iterator[MakeVisitor]:
    """`visitor(user, url, **options)`: a browser of their own, signed in there; without a user just a browser."""
    for earlier in {"stack", "url"} & set(request.fixturenames):
        request.getfixturevalue(earlier)  # so that browsers close before what they look at
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_browser(user: User | None = None, url: str = "", **options: Any) -> BrowserContext:
        context = browser.new_context(**{"locale": "en-GB", "timezone_id": "UTC", "base_url": url, **options})
        context.set_default_timeout(PATIENCE_MS)
        opened.append((context, Watch(context)))
        if user is not None:
            sign_in(context, user, url)
        return context

    yield open_browser
    for context, _ in opened:
        canaries.leave(context)
        context.close()
    assert [complaint for _, watch in opened for complaint in watch.complaints] == []


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    """Give the browser a session without going through the login page, which has tests of its own.

    Whoever signs in there has typed their password, which counts as a fresh proof, however long the test takes.
    """
    client = Client()
    client.force_login(user)
    prove(client, user, seconds_ago=-A_DAY)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": f"session-{urlsplit(url).port}", "value": session, "url": url}])


@pytest.fixture(scope="session")
def web_server(
    django_db_setup: None, valkey_server: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """One web server on the test database for all tests that need no worker; starting one takes seconds."""
    processes = Processes(tmp_path_factory.mktemp("web"))
    with contextlib.ExitStack() as cleanup:
        yield Stack(processes, cleanup).web()
        processes.stop()


@pytest.fixture
def url(transactional_db: None, broker: Valkey, web_server: str) -> Iterator[str]:
    """The address of a panel without a worker: what happens behind its pages is up to the test."""
    yield web_server
    wait_for(_nobody_asks, what="the web server is done with the database")


def _nobody_asks() -> bool:
    """A page that was closed may still be waited upon; the database must not be emptied below that."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return cursor.fetchone() == (0,)
