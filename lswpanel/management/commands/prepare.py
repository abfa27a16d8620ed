"""Everything that has to be done once before the processes of a new version start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from jobs import words
from jobs.engine import heartbeat, send_counter
from lswpanel.checks import TAG
from lswpanel.database import refuse_unsafe

OUR_APPS = ("audit", "jobs", "servers", "teams")


class Command(BaseCommand):
    help = "Brings the database and the static files up to date. Safe to repeat."
    requires_system_checks = (TAG,)

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe(connection)
        executor = MigrationExecutor(connection)
        refuse_other_versions(executor.loader)
        if pending := len(executor.migration_plan(executor.loader.graph.leaf_nodes())):
            if options["verbosity"]:
                self.stdout.write(f"Bringing the database up to date ({pending} migrations).")
            call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        send_counter.born()
        if send_counter.held():
            self.stdout.write(words.HELD_BACK)
        heartbeat.started()
        call_command("collectstatic", interactive=False, verbosity=0)


def refuse_other_versions(loader: MigrationLoader) -> None:
    """Raises CommandError for a database that knows a migration of ours which this code does not have."""
    known = set(loader.disk_migrations or ())
    strange = sorted(
        key for key in loader.applied_migrations or () if key[0] in OUR_APPS and key not in known
    )
    if strange:
        raise CommandError(
            f"This database was made by another version of lswpanel (it has {'.'.join(strange[-1])}). Use that "
            "version, or start with an empty database: another DATA_DIR, or another DATABASE_URL."
        )
