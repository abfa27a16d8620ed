"""The files in which one machine keeps its secrets: made once, for their owner alone."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Stands beside the keys once they have been used with a database.
MARK = "in_use"
SENTENCE = (
    "The keys in this folder belong to a database that is in use. Keep a copy of both, in different places.\n"
)


def create(path: Path) -> str:
    """The secret in `path`; when there is none, 48 random bytes are kept there with mode 0600.

    Of several processes that start at once all get the same one. Raises OSError that names the file.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not named by the process id: in a container that is the same each time, and a crash would leave it in the way.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(draft, secrets.token_urlsafe(48))
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text().strip()


def make_database(path: Path) -> None:
    """An empty database for its owner alone, whatever the umask; one that is there is kept, and closed to others.

    So are the files beside it. SQLite gives those that it makes later the rights of the database.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never opened when it is there: closing it would take the locks from under this process's own connections.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    for file in (path, *path.parent.glob(f"{path.name}-*")):
        file.chmod(OWNER_ONLY)


def mark_used(folder: Path) -> None:
    """Leave word that the keys in `folder` have been used, so that an empty database beside them stands out."""
    mark = folder / MARK
    if not mark.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.write_text(SENTENCE)


def were_used(folder: Path) -> bool:
    return (folder / MARK).exists()


def open_to_others(path: Path) -> bool:
    """Whether the file's mode lets anybody but its owner read or write it."""
    return bool(path.stat().st_mode & OTHERS)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
