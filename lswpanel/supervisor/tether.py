"""Ties a child to the life of its parent, so that a killed parent leaves nothing behind (Linux only).

As a function it runs between fork and exec. As a script, `python tether.py PARENT_PID COMMAND...`, it ties
itself and then becomes the command; callers with several threads need that, because code between their fork
and exec may deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tie_to_parent(parent: int, ending: int = signal.SIGTERM) -> None:
    """Ask the kernel for the signal `ending` when the thread that started this process is gone.

    `parent` is the process id the caller had before the fork: when it is already gone, the kernel would never
    send the signal, so the process ends at once.
    """
    if _libc is None:
        return
    if _libc.prctl(PR_SET_PDEATHSIG, int(ending), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(128 + ending)


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  (the command is the caller's)
