import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from lswpanel import keyfiles
from lswpanel.command_errors import writing


class Command(BaseCommand):
    help = "Copy the SQLite database while the panel runs: whole, and closed to other users of the machine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the copy; it must not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        copy: Path = options["file"].absolute()
        if settings.DATABASE_FILE is None:
            raise CommandError("This database is not SQLite; copy PostgreSQL with pg_dump.")
        if copy.exists():
            raise CommandError(f"{copy} exists already; name a new file.")
        with writing(copy.parent):
            _copy_into(copy)
        self.stdout.write(f"Copied to {copy}. Keep it where {settings.KEY_FOLDER} is not.")


def _copy_into(copy: Path) -> None:
    """SQLite fills a file that is empty, with the rights that it has."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, keyfiles.OWNER_ONLY))
    done = False
    try:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(copy)])
        done = True
    finally:
        if not done:
            copy.unlink()
