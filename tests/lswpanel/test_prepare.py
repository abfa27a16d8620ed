import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.panel import environment
from tests.support.processes import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.once]


def run(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`manage.py prepare` with the data folder `folder`."""
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    env = environment(folder, port=8000, **env)
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def prepare(folder: Path) -> str:
    """What it says when all is well."""
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_prepare_says_what_it_does_and_has_nothing_to_say_again(tmp_path: Path) -> None:
    assert "Bringing the database up to date (" in prepare(tmp_path)
    assert (tmp_path / "static" / "staticfiles.json").is_file()
    assert prepare(tmp_path) == ""
    with closing(sqlite3.connect(tmp_path / "lswpanel.sqlite3")) as database:
        assert database.execute("SELECT chain, sequence FROM audit_audithead").fetchall() == [(0, 0)]


def test_unsafe_secret_makes_no_database(tmp_path: Path) -> None:
    done = run(tmp_path, SECRET_KEY="short")
    assert done.returncode == 1
    assert "SECRET_KEY is too weak" in done.stderr
    assert (tmp_path / "lswpanel.sqlite3").stat().st_size == 0


def test_database_of_another_version_is_refused_in_one_sentence(data_folder: Path) -> None:
    with sqlite3.connect(data_folder / "lswpanel.sqlite3") as database:
        database.execute(
            "UPDATE django_migrations SET name = '0009_later' WHERE app = 'jobs' AND name LIKE '0002%'"
        )
    done = run(data_folder)
    assert done.returncode == 1
    assert "made by another version of lswpanel (it has jobs.0009_later)" in done.stderr
    assert "Traceback" not in done.stderr


def test_file_of_checkpoints_that_is_ahead_of_the_database_is_told_and_the_panel_starts(
    data_folder: Path,
) -> None:
    (data_folder / "audit-checkpoints.txt").write_text("{} x\n")
    done = run(data_folder)
    assert done.returncode == 0
    assert (
        "The audit trail of the installation is broken: checkpoint 1 is in audit-checkpoints.txt"
        in done.stderr
    )
    with sqlite3.connect(data_folder / "lswpanel.sqlite3") as database:
        (problem,) = database.execute("SELECT problem FROM audit_audithead WHERE chain = 0").fetchone()
    assert problem.startswith("checkpoint 1 is in audit-checkpoints.txt")
