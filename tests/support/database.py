"""Empties the database after a transactional test, although the audit trail refuses to be emptied."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

from audit import heads, triggers
from audit.checkpoints import file
from audit.models import INSTALLATION, AuditHead
from tests import bootstrap

# Made by the migrations; nothing in the panel writes into them.
KEPT = {"auth_permission", "django_content_type"}


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """A server that was started for this run goes with all its databases; dropping one first proves nothing."""
    return bootstrap.server is not None


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """A database as `manage.py prepare` leaves it, with the installation's own chain."""
    with django_db_blocker.unblock():
        if not AuditHead.objects.exists():
            heads.start_chain(INSTALLATION)


@pytest.fixture(scope="session", autouse=True)
def quick_to_empty() -> Iterator[None]:
    """Django's way takes ten times as long: it makes new files for all tables, and then all rights anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_database())
        yield


def empty_database() -> None:
    """Delete every row that a test can have written; what is left is like a new installation."""
    tables = set(connection.introspection.django_table_names()) - KEPT
    with transaction.atomic():
        _lift_triggers()
        with connection.cursor() as cursor:
            for table in sorted(tables):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  (our own names)
        if connection.vendor == "sqlite":
            triggers.install(connection)
        heads.start_chain(INSTALLATION)


@pytest.fixture(autouse=True)
def checkpoints_of_this_test_alone() -> Iterator[None]:
    """They stand in a file, too, which the end of a test's transaction does not take back."""
    yield
    (bootstrap.data / file.NAME).unlink(missing_ok=True)


def _lift_triggers() -> None:
    """On PostgreSQL until the end of the transaction, those of foreign keys, too."""
    if connection.vendor == "sqlite":
        triggers.remove(connection)
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")


class Cut:
    """Takes the database away from the connection of the test: SQLite is locked, PostgreSQL ends the session."""

    def __init__(self) -> None:
        self._lock: sqlite3.Connection | psycopg.Connection | None = None

    def take(self) -> None:
        """Away from now on; until `over` where it is a lock."""
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 1")
            name = str(connection.settings_dict["NAME"])
            self._lock = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
            self._lock.execute("BEGIN IMMEDIATE")
        else:
            _end_sessions(ours=True)

    def over(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            connection.close()

    def for_a_moment(self) -> None:
        """Away now, and there again a moment later, whatever the test is doing then."""
        self.take()
        if isinstance(self._lock, sqlite3.Connection):
            threading.Timer(0.2, self._lock.close).start()

    @contextmanager
    def for_a_moment_once(self, due: Callable[[], bool]) -> Iterator[None]:
        """Away for a moment from the first statement on that this thread begins when it is `due`."""
        taken = False

        def statement(execute: Callable[..., Any], *args: Any) -> Any:
            nonlocal taken
            if not taken and due():
                taken = True
                self.for_a_moment()
            return execute(*args)

        with connection.execute_wrapper(statement):
            yield
        self.over()
        assert taken

    @classmethod
    def lock(cls) -> "Cut":
        """From now on somebody else keeps everybody from writing, until `over`."""
        cut = cls()
        if connection.vendor == "sqlite":
            cut.take()
        else:
            cut._lock = psycopg.connect(**_address())
            tables = sql.SQL(", ").join(map(sql.Identifier, connection.introspection.table_names()))
            cut._lock.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(tables))
        return cut

    @staticmethod
    def others() -> None:
        """End the sessions of all other processes; SQLite has none."""
        if connection.vendor != "sqlite":
            _end_sessions(ours=False)


def _end_sessions(*, ours: bool) -> None:
    """Ours, or those of all others; asked for by a connection of its own, which does not count."""
    pid = connection.connection.info.backend_pid
    with psycopg.connect(**_address(), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND (pid = %s) = %s",
            [pid, ours],
        )


def _address() -> dict[str, Any]:
    settings = connection.get_connection_params()
    return {name: settings[name] for name in ("host", "user", "dbname")}
