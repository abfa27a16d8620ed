"""Who may make a new panel, and what a panel that is there must have before anybody uses it.

`manage.py prepare` and `up` make folder, database and secrets, and only all together: secrets that are made beside a
database in use open nothing in it, and a new database beside secrets in use looks like a new panel.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit.checkpoints import file as checkpoint_file
from lswpanel import keyfiles

WAY_OUT = "put your copy back, or see what `manage.py replace_lost_keys` gives up instead"


def make_what_is_new() -> None:
    """Make the folder, the database file and the secrets of a panel that is new; find those of one that is not.

    Raises ImproperlyConfigured when one is there without the other, OSError when they cannot be made.
    """
    file: Path | None = settings.DATABASE_FILE
    if not is_new(file):
        refuse_missing_secrets()
    else:
        refuse_another_database(f"{file} is empty")
    if settings.SINGLE_MACHINE:
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_missing_secrets()
    if file:
        keyfiles.make_database(file)


def make_missing_secrets() -> None:
    """Make them anew and use them from here on. Raises OSError."""
    for name in missing_secrets():
        setattr(settings, name, keyfiles.create(settings.SECRET_FILES[name]))


def refuse_what_is_missing() -> None:
    """For everybody else: raises ImproperlyConfigured when a secret or the database is missing."""
    refuse_missing_secrets()
    refuse_missing_database()


def refuse_missing_database() -> None:
    """Raises ImproperlyConfigured when there is no panel in the folder."""
    if is_new(settings.DATABASE_FILE):
        raise _no_panel()


def refuse_missing_secrets() -> None:
    """Raises ImproperlyConfigured that names the first file that is gone, or the folder in which there is no panel."""
    for name in missing_secrets():
        if is_new(settings.DATABASE_FILE):
            raise _no_panel()
        raise ImproperlyConfigured(
            f"{name} is missing: {settings.SECRET_FILES[name]} is gone, and what is in the database needs it; "
            f"{WAY_OUT}."
        )


def missing_secrets() -> list[str]:
    """The names of those that belong into files of the data folder and are not there."""
    return [name for name, path in settings.SECRET_FILES.items() if not path.exists()]


def is_new(file: Path | None) -> bool:
    """Whether the SQLite database in `file` has no table, or is not there at all. False for PostgreSQL, without one."""
    if file is None:
        return False
    if not file.is_file() or not file.stat().st_size:
        return True
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as database:
            return database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    except sqlite3.Error:
        return False


def refuse_another_database(what: str) -> None:
    """For a database that is new: raises ImproperlyConfigured when something beside it tells of one that was used.

    `what` begins the sentence.
    """
    checkpoints = settings.DATA_DIR / checkpoint_file.NAME
    traces = [str(settings.KEY_FOLDER)] if keyfiles.were_used(settings.KEY_FOLDER) else []
    traces += [str(checkpoints)] if checkpoints.exists() else []
    if traces:
        raise ImproperlyConfigured(
            f"{what}, but {' and '.join(traces)} belong to a database that has been used: bring that one back "
            "(DATA_DIR and DATABASE_URL say where it is), or move them away to begin anew."
        )


def _no_panel() -> ImproperlyConfigured:
    folder = settings.DATABASE_FILE.parent if settings.DATABASE_FILE else settings.DATA_DIR
    return ImproperlyConfigured(
        f"There is no panel in {folder}: point DATA_DIR to the folder of yours. `make run` and "
        "`manage.py prepare` make a new one."
    )
