"""How commands end with one line when a start is refused or a folder cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import OperationalError

from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.lock import unusable

SQLITE_CANNOT_WRITE = ("database or disk is full", "disk I/O error", "attempt to write a readonly database")


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what a start refuses into one plain line and exit code 1."""
    try:
        yield
    except (ImproperlyConfigured, StartError) as error:
        raise CommandError(str(error)) from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Name the folder that has no room or gives no rights: neither SQLite nor a failed write tells which it was."""
    try:
        yield
    except OSError as error:
        raise CommandError(str(unusable(folder, error.strerror or str(error)))) from error
    except OperationalError as error:
        if str(error) not in SQLITE_CANNOT_WRITE:
            raise
        raise CommandError(str(unusable(folder, str(error)))) from error
