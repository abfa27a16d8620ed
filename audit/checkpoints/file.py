"""The copy of all checkpoints in the data folder: what whoever holds the database alone cannot put back.

On several machines each keeps its own, as far as it has a data folder; one that fell behind is brought up to date.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice, zip_longest
from pathlib import Path
from typing import BinaryIO

import structlog
from django.conf import settings

from audit.checkpoints.signed import BadCheckpointError, read

log = structlog.get_logger()
NAME = "audit-checkpoints.txt"


def place() -> Path | None:
    """Where the file is, or would be; None where there is no data folder."""
    folder = Path(settings.DATA_DIR)
    return folder / NAME if folder.is_dir() else None


def differs(lines: Iterable[str]) -> str:
    """What is wrong with the file beside these checkpoints of the database; empty if it agrees or is only behind."""
    for number, (kept, ours) in enumerate(zip_longest(whole_lines(), lines), start=1):
        if kept is None:
            break
        if ours is None:
            return f"checkpoint {number} is in {NAME} but not in the database"
        if kept != ours:
            return f"checkpoint {number} in the database is not the one in {NAME}"
    return ""


def catch_up(lines: Iterable[str]) -> None:
    """Append those of the checkpoints that the file lacks, on disk when this returns; a failure is logged only."""
    path = place()
    if path is None:
        return
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file, lines)
        _sync_folder(path.parent)
    except OSError as error:
        log.error("audit checkpoint not written to the file", path=str(path), error=error.strerror)


def leave_behind(first: str) -> None:
    """Set a file aside that ends before `first`, with which checkpoints began anew: on another machine, perhaps.

    `first` was proven, and nobody without CHECKPOINT_KEY makes one of a higher number.
    """
    with suppress(BadCheckpointError):
        last = max((read(line).number for line in whole_lines()), default=0)
        if first and (begun := read(first)).anew and 0 < last < begun.number:
            set_aside()


def set_aside() -> None:
    """Keep the file under another name, and begin a new one."""
    path = place()
    if path is not None and path.exists():
        path.rename(path.with_name(f"{path.stem}-until-{time.time_ns()}{path.suffix}"))


def _append(file: BinaryIO, lines: Iterable[str]) -> None:
    """After the last whole line; half a line is what a power cut left."""
    whole = [line for line in file if line.endswith(b"\n")]
    file.seek(sum(map(len, whole)))
    file.truncate()
    file.writelines(f"{line}\n".encode() for line in islice(lines, len(whole), None))
    file.flush()
    os.fsync(file.fileno())


def whole_lines() -> Iterator[str]:
    """The lines that the file has now, without half a line at its end; none where there is no file.

    What is appended while this reads is left out: a checkpoint is in the database first, so whoever asks the database
    after the first line has every checkpoint of these lines there.
    """
    path = place()
    if path is None or not path.exists():
        return
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        for line in file:
            left -= len(line)
            if left < 0 or not line.endswith(b"\n"):
                return
            yield line[:-1].decode(errors="replace")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
