"""A PostgreSQL that goes away and comes back: a sentence meanwhile, and then pages as before."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from lswpanel.supervisor import programs
from lswpanel.supervisor.listener import listen
from tests.support.postgres import Postgres
from tests.support.processes import ROOT, Processes

pytestmark = [pytest.mark.once, pytest.mark.processes]
PASSWORD = "a long walk along the canal"
PAGES = ("/t/north-ops/", "/t/north-ops/servers/", "/profile/", "/healthz/") * 8
OWNER = ("--email", "olive@example.com", "--team", "North Ops", "--password-stdin")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of the test's own, because it is going to be ended."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def browser(postgres: Postgres, processes: Processes, tmp_path: Path) -> Iterator[httpx.Client]:
    """Somebody who is signed in to a panel on `postgres`."""
    env = {**os.environ, "DATABASE_URL": postgres.create("panel"), "DATA_DIR": str(tmp_path / "data")}
    for words in (["prepare"], ["create_owner", *OWNER]):
        argv = [sys.executable, str(ROOT / "manage.py"), *words]
        subprocess.run(argv, env=env, cwd=ROOT, check=True, input=PASSWORD, text=True, timeout=300)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        processes.run(programs.web(env={**env, "PUBLIC_URL": url}, listener=listener.fileno()))
        with httpx.Client(base_url=url, timeout=60, headers={"Referer": url}) as client:
            page = client.get("/accounts/login/").text
            form = {"csrfmiddlewaretoken": token_in(page), "login": OWNER[1], "password": PASSWORD}
            assert client.post("/accounts/login/", data=form).status_code == 302
            yield client
        processes.stop()


def token_in(page: str) -> str:
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]


def statuses(browser: httpx.Client) -> list[int]:
    """Of more requests at once than the web server has threads, so that each thread gets some."""
    with ThreadPoolExecutor(16) as crowd:
        return [answer.status_code for answer in crowd.map(browser.get, PAGES)]


def test_panel_says_that_its_database_is_away_and_recovers(postgres: Postgres, browser: httpx.Client) -> None:
    assert set(statuses(browser)) == {200}
    form = {
        "csrfmiddlewaretoken": token_in(browser.get("/profile/").text),
        "name": "Olive",
        "time_zone": "UTC",
    }

    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'panel'")
    assert set(statuses(browser)) == {200}, "every connection was cut"

    postgres.halt()
    assert set(statuses(browser)) == {503}
    for answer in (browser.get("/profile/"), browser.post("/profile/", data={**form, "theme": "dark"})):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "cannot reach its database" in answer.text

    postgres.resume()
    assert set(statuses(browser)) == {200}
    assert browser.post("/profile/", data={**form, "theme": "dark"}).status_code == 302
