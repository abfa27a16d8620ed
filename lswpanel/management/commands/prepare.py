"""Everything that has to be done once before the processes of a new version start."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from lswpanel.checks import TAG


class Command(BaseCommand):
    help = "Brings the database and the static files up to date. Safe to repeat."
    requires_system_checks = (TAG,)

    def handle(self, *args: Any, **options: Any) -> None:
        executor = MigrationExecutor(connection)
        if pending := len(executor.migration_plan(executor.loader.graph.leaf_nodes())):
            if options["verbosity"]:
                self.stdout.write(f"Bringing the database up to date ({pending} migrations).")
            call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
