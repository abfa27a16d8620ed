"""Empties the database after a transactional test, although the audit trail refuses to be emptied."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

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
    if path := file.place():
        path.unlink(missing_ok=True)


def _lift_triggers() -> None:
    """On PostgreSQL until the end of the transaction, those of foreign keys, too."""
    if connection.vendor == "sqlite":
        triggers.remove(connection)
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
