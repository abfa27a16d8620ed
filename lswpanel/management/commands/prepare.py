"""Everything that has to be done once before the processes of a new version start."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from audit import heads
from audit.checkpoints import making, proof
from jobs import words
from jobs.engine import heartbeat, send_counter
from lswpanel import demo, keychecks, keyfiles, starting
from lswpanel.checks import TAG
from lswpanel.command_errors import in_one_line, writing
from lswpanel.database import refuse_unsafe
from teams import services

OUR_APPS = ("audit", "jobs", "lswpanel", "servers", "teams")


class Command(BaseCommand):
    help = "Makes what a new panel needs, and brings database and static files up to date. Safe to repeat."
    # Asked for below, when the secrets of a new panel are made.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line(), writing(settings.DATA_DIR):
            starting.make_what_is_new()
        self.check(tags=[TAG])
        with in_one_line(), writing((settings.DATABASE_FILE or settings.DATA_DIR).parent):
            self._bring_up_to_date(loud=bool(options["verbosity"]))
        with writing(settings.STATIC_ROOT):
            call_command("collectstatic", interactive=False, verbosity=0)

    def _bring_up_to_date(self, *, loud: bool) -> None:
        refuse_unsafe(connection)
        executor = MigrationExecutor(connection)
        refuse_other_versions(executor.loader)
        refuse_other_databases()
        if pending := len(executor.migration_plan(executor.loader.graph.leaf_nodes())):
            if loud:
                self.stdout.write(f"Bringing the database up to date ({pending} migrations).")
            call_command("migrate", interactive=False, verbosity=0)
        services.trail_begin()
        call_command("createcachetable", verbosity=0)
        keychecks.register()
        if settings.SINGLE_MACHINE or settings.DATA_DIR.is_dir():
            keyfiles.mark_used(settings.KEY_FOLDER)
        self._prove_checkpoints()
        send_counter.born()
        if send_counter.held():
            self.stdout.write(words.HELD_BACK)
        heartbeat.started()

    def _prove_checkpoints(self) -> None:
        """A database that was put back is found at the start; the panel starts all the same, and its pages say so."""
        faults = proof.prove().faults
        making.tell(faults)
        for fault in faults:
            self.stderr.write(f"The audit trail of {heads.name_of(fault.chain)} is broken: {fault.problem}.")


def refuse_other_databases() -> None:
    """Raises ImproperlyConfigured when secrets, database and DEMO do not belong together."""
    if not keychecks.registered():
        starting.refuse_another_database("This database is empty")
        return
    keychecks.refuse_others()
    demo.refuse_mixing()


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
