import os
import subprocess
import sys
from pathlib import Path

import pytest

from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.lock import FolderLock


def test_lock_makes_its_folder_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    lock = FolderLock(folder)
    assert lock.acquire()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "lock").read_text() == f"{os.getpid()}\n"
    lock.close()


def test_second_lock_names_the_process_that_has_the_folder(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert first.acquire()
    with pytest.raises(StartError, match=rf"in use by another lswpanel \(process {os.getpid()}\)"):
        second.acquire()
    first.close()
    assert second.acquire()
    second.close()


def test_lock_held_by_what_a_dead_panel_left_is_waited_for(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    assert lock.acquire()
    heir = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.fd,))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "lock").write_text(f"{gone.pid}\n")
    lock.close()
    following = FolderLock(tmp_path)
    assert not following.acquire()
    heir.communicate(b"\n")
    assert following.acquire()
    following.close()


def test_file_in_the_way_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StartError, match="cannot be used: File exists"):
        FolderLock(tmp_path / "data")
