"""What the panel asks of PostgreSQL. The server of the tests is as careless as one can be."""

from collections.abc import Iterator
from typing import Any

import dj_database_url
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.postgres import Postgres

pytestmark = pytest.mark.django_db


def commits_with(default: str) -> str:
    """How a new session of the panel commits on a server with this default."""
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "OPTIONS": {"options": f"-c synchronous_commit={default}"}}
    try:
        with other.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])
    finally:
        other.close()


@pytest.mark.parametrize(
    ("default", "used"),
    [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "remote_write"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ],
)
def test_commit_is_on_the_disk_before_the_panel_goes_on(default: str, used: str) -> None:
    assert commits_with(default) == used


def test_server_that_keeps_nothing_is_refused(settings: Any) -> None:
    settings.UNSAFE_POSTGRES = False
    with pytest.raises(CommandError, match="fsync=off"):
        call_command("prepare")


@pytest.fixture
def careless() -> Iterator[Postgres]:
    """A server of its own that writes commits of its default kind to the disk every ten seconds."""
    server = Postgres()
    server.start()
    with session_of(server).cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        cursor.execute("SELECT pg_reload_conf()")
        cursor.connection.close()
    yield server
    server.stop()


def session_of(server: Postgres) -> BaseDatabaseWrapper:
    """A connection such as the panel makes."""
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, **dj_database_url.parse(server.url("postgres"))}
    return other


@pytest.mark.processes
def test_click_that_was_accepted_survives_a_crash_of_the_server(careless: Postgres) -> None:
    session = session_of(careless)
    with session.cursor() as cursor:
        cursor.execute("CREATE TABLE clicks AS SELECT 1 AS click")
    careless.kill()
    careless.resume()
    session.close()
    with session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM clicks")
        assert cursor.fetchone() == (1,)
    session.close()
