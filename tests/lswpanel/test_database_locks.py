"""A database file that is there is left alone: whoever opens and closes it takes SQLite's locks from under it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from lswpanel import keyfiles

pytestmark = pytest.mark.once
ENTER = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"


def others_are_kept_out(file: Path) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", ENTER, str(file)], capture_output=True, text=True, check=False
    )
    return "database is locked" in done.stderr


def test_making_a_database_that_is_there_keeps_the_locks_of_this_process(tmp_path: Path) -> None:
    file = tmp_path / "panel.sqlite3"
    keyfiles.make_database(file)
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert others_are_kept_out(file)
        file.chmod(0o644)
        keyfiles.make_database(file)
        assert others_are_kept_out(file)
    assert file.stat().st_mode & 0o777 == 0o600
