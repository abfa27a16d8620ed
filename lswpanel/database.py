"""What the panel asks of PostgreSQL, so that a commit it has told of is never lost."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

# Weaker ones than these two come with a commit that a crash may undo; stronger ones were chosen by somebody.
_RAISE = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)


@receiver(connection_created)
def keep_commits(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have each commit of this session on the disk before the panel goes on, whatever the server's default is."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_RAISE)


def refuse_unsafe(connection: BaseDatabaseWrapper) -> None:
    """Raises CommandError for a server that keeps nothing in a crash, unless UNSAFE_POSTGRES says that it may."""
    if connection.vendor != "postgresql" or settings.UNSAFE_POSTGRES:
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        row = cursor.fetchone()
    if row and row[0] == "off":
        raise CommandError(
            "PostgreSQL runs with fsync=off, so a crash of its machine may lose or spoil everything. Turn it on in "
            "postgresql.conf, or set UNSAFE_POSTGRES=on where nothing has to be kept."
        )
