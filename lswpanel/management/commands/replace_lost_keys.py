from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.origin import Actor
from lswpanel import keyfiles, replacing, starting
from lswpanel.checks import TAG
from lswpanel.command_errors import in_one_line, writing
from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.lock import FolderLock


class Command(BaseCommand):
    help = (
        "Give up keys that are lost for good, and what only they opened, so that the panel can start again. Says what "
        "that is; changes nothing without --confirm. Stop the panel first."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--confirm", action="store_true", help="do it")

    def handle(self, *args: Any, **options: Any) -> None:
        with in_one_line():
            starting.refuse_missing_database()
        if not (names := replacing.lost()):
            self.stdout.write("No key is lost. There is nothing to replace.")
            return
        self.stdout.write(f"Lost: {', '.join(names)}.")
        self.stdout.writelines(f"{line}\n" for line in replacing.costs(names))
        if not options["confirm"]:
            raise CommandError(
                "Nothing was changed. If there is no copy of the keys anywhere, repeat it with --confirm."
            )
        with in_one_line(), writing(settings.DATA_DIR), _panel_stopped():
            self._replace(names)
        self.stdout.write("Done. Start the panel, and keep a copy of the new keys where the database is not.")

    def _replace(self, names: list[str]) -> None:
        starting.make_missing_secrets()
        self.check(tags=[TAG])
        call_command("migrate", interactive=False, verbosity=0)
        replacing.replace(names, Actor())
        if settings.SINGLE_MACHINE:
            keyfiles.mark_used(settings.KEY_FOLDER)


@contextmanager
def _panel_stopped() -> Iterator[None]:
    """Running processes still have the lost keys, and would go on with them. Other machines are the operator's task."""
    if not settings.SINGLE_MACHINE:
        yield
        return
    with closing(FolderLock(settings.DATA_DIR)) as lock:
        if not lock.acquire():
            raise StartError("The panel has not ended yet; repeat this in a moment.")
        yield
