"""One panel per data folder: an advisory lock that children may hold on to.

Valkey and the web server inherit the descriptor. When the supervisor is killed, the lock stays held until
both are gone, so the next start neither shares their append-only file nor finds the port still bound.
"""

import contextlib
import fcntl
import os
from pathlib import Path

from lswpanel.supervisor.errors import StartError


class FolderLock:
    """The lock on `folder`, which is made when it is missing. Raises StartError when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(folder, error.strerror or str(error)) from error

    def acquire(self) -> bool:
        """Take the lock if it is free. Raises StartError when a running panel has it.

        False means that the panel which held it has ended, and that something it started has not yet.
        """
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self._held()
        except OSError as error:
            raise unusable(self._folder, error.strerror or str(error)) from error
        self._sign()
        return True

    def close(self) -> None:
        os.close(self.fd)

    def _held(self) -> bool:
        owner = self._owner()
        if owner and _runs(owner):
            raise StartError(
                f"The data folder {self._folder} is in use by another lswpanel (process {owner}). "
                "Stop that one, or choose another folder with DATA_DIR."
            )
        return False

    def _owner(self) -> int:
        written = os.pread(self.fd, 32, 0).strip()
        return int(written) if written.isdigit() else 0

    def _sign(self) -> None:
        try:
            os.ftruncate(self.fd, 0)
            os.pwrite(self.fd, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            raise unusable(self._folder, error.strerror or str(error)) from error


def unusable(folder: Path, reason: str) -> StartError:
    """The sentence for a folder that cannot be written: no rights, a full disk, a file in the way."""
    return StartError(
        f"The folder {folder} cannot be used: {reason}. Make room or rights for it, or choose another with DATA_DIR."
    )


def _runs(pid: int) -> bool:
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
