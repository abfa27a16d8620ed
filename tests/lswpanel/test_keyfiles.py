"""Files with secrets: made once, for their owner alone."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lswpanel import keyfiles
from tests.support.processes import ROOT

pytestmark = pytest.mark.once


@pytest.fixture
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path, generous_umask: None) -> None:
    path = tmp_path / "keys" / "some_key"
    made = keyfiles.create(path)
    assert keyfiles.create(path) == made
    assert len(made) >= 50
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert [each.name for each in path.parent.iterdir()] == ["some_key"], "no draft is left"


def test_two_secrets_differ(tmp_path: Path) -> None:
    assert len({keyfiles.create(tmp_path / str(number)) for number in range(5)}) == 5


def test_database_is_closed_whatever_it_was_before(tmp_path: Path, generous_umask: None) -> None:
    new, old, beside = (tmp_path / name for name in ("new", "old", "old-wal"))
    old.write_text("kept")
    beside.write_text("kept")
    assert keyfiles.open_to_others(old)
    for path in (new, old):
        keyfiles.make_database(path)
    assert {mode(path) for path in (new, old, beside)} == {0o600}
    assert not keyfiles.open_to_others(old)
    assert (old.read_text(), beside.read_text()) == ("kept", "kept")


def test_use_is_marked_once(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert not keyfiles.were_used(folder)
    keyfiles.mark_used(folder)
    keyfiles.mark_used(folder)
    assert keyfiles.were_used(folder)
    assert mode(folder) == 0o700


STARTER = """
import sys
from pathlib import Path
from lswpanel import keyfiles
print("ready", flush=True)
sys.stdin.readline()
print(keyfiles.create(Path(sys.argv[1])), flush=True)
"""


def test_processes_that_start_at_once_read_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "some_key"
    command = [sys.executable, "-c", STARTER, str(path)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=300)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * 8
    assert set(answers) == {path.read_text()}
    assert [each.name for each in path.parent.iterdir()] == ["some_key"]
