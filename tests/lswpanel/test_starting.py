"""A panel is made whole or not at all; nothing is made beside the remains of another one."""

import os
import runpy
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from audit.checkpoints import file as checkpoint_file
from lswpanel import keyfiles, starting
from lswpanel.supervisor import programs
from lswpanel.supervisor.lock import FolderLock
from tests.support.panel import MANAGE, environment, manage, one_line, refused
from tests.support.processes import ROOT, free_port

pytestmark = [pytest.mark.processes, pytest.mark.once, pytest.mark.req("S5")]
NAMES = ("secret_key", "encryption_keys", "audit_keys", "checkpoint_key")
Command = Callable[[Path], "subprocess.CompletedProcess[str]"]


def contents(folder: Path) -> dict[str, bytes]:
    """What the files of `folder` hold, but for those of the broker and of SQLite's log."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name in ("data", "keys")]
    return {
        path.name: path.read_bytes() for path in files if not path.name.endswith(("-wal", "-shm", "lock"))
    }


def up(data: Path) -> str:
    return refused(environment(data, port=free_port()))


# --- A folder without a panel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("verify_audit",), ("migrate",)])
def test_command_in_a_wrong_folder_makes_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    line = one_line(manage(tmp_path / "data", *words))
    assert line.startswith(f"lswpanel: There is no panel in {tmp_path / 'data'}: point DATA_DIR")
    assert list(tmp_path.iterdir()) == []


def test_check_in_a_wrong_folder_fails_and_makes_nothing(tmp_path: Path) -> None:
    done = manage(tmp_path / "data", "check")
    assert done.returncode == 1
    assert f"There is no panel in {tmp_path / 'data'}" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("help",), ("verify_audit", "--help")])
def test_help_needs_no_panel(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert manage(tmp_path / "data", *words).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_prepare_makes_everything_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = ["sh", "-c", 'umask 0; exec "$@"', "sh", *MANAGE, "prepare"]
    subprocess.run(command, env=environment(data, port=8000), cwd=ROOT, check=True, capture_output=True)
    made = [data / "lswpanel.sqlite3", *(data / "keys" / name for name in NAMES)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    assert len({path.read_bytes() for path in made}) == 5
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    keys = contents(data / "keys")
    made[0].chmod(0o644)
    assert manage(data, "prepare").returncode == 0
    assert stat.S_IMODE(made[0].stat().st_mode) == 0o600
    assert contents(data / "keys") == keys


# --- Half a panel -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """An empty data folder for the settings of this process; its secrets would be made in it."""
    settings.DATA_DIR = tmp_path / "data"
    settings.KEY_FOLDER = tmp_path / "data" / "keys"
    settings.DATABASE_FILE = tmp_path / "data" / "lswpanel.sqlite3"
    settings.SECRET_FILES = {name.upper(): settings.KEY_FOLDER / name for name in NAMES}
    return tmp_path / "data"


def use(folder: Path) -> None:
    """What `prepare` leaves, as far as a start looks at it."""
    starting.make_what_is_new()
    with closing(sqlite3.connect(folder / "lswpanel.sqlite3")) as database:
        database.execute("CREATE TABLE something (id INTEGER)")
    keyfiles.mark_used(folder / "keys")


@pytest.mark.parametrize("name", NAMES)
def test_lost_key_is_not_replaced_in_silence(folder: Path, name: str) -> None:
    use(folder)
    (folder / "keys" / name).unlink()
    before = contents(folder)
    for start in (starting.make_what_is_new, starting.refuse_what_is_missing):
        with pytest.raises(ImproperlyConfigured) as refused:
            start()
        assert f"{name.upper()} is missing: {folder / 'keys' / name} is gone" in str(refused.value)
        assert "manage.py replace_lost_keys" in str(refused.value)
    assert contents(folder) == before


def test_second_start_makes_nothing(folder: Path) -> None:
    use(folder)
    before = contents(folder)
    starting.make_what_is_new()
    starting.refuse_what_is_missing()
    assert contents(folder) == before


def test_start_that_was_cut_off_goes_on(folder: Path) -> None:
    """Killed after the first key: what is there is kept, the rest is made."""
    made = keyfiles.create(folder / "keys" / "secret_key")
    starting.make_what_is_new()
    assert (folder / "keys" / "secret_key").read_text() == made
    assert set(contents(folder)) == {*NAMES, "lswpanel.sqlite3"}


def test_nothing_runs_without_the_keys_of_the_database(data_folder: Path) -> None:
    shutil.rmtree(data_folder / "keys")
    assert up(data_folder).startswith("lswpanel: SECRET_KEY is missing: ")
    assert one_line(manage(data_folder, "verify_audit")).startswith("lswpanel: SECRET_KEY is missing: ")
    assert not (data_folder / "keys").exists()


def test_empty_database_beside_used_keys_is_not_taken_for_a_new_panel(data_folder: Path) -> None:
    database = data_folder / "lswpanel.sqlite3"
    database.unlink()
    before = contents(data_folder)
    said = f"{database} is empty, but {data_folder / 'keys'} belong to a database that has been used"
    assert said in up(data_folder)
    assert contents(data_folder) == before


def test_empty_database_without_keys_is_a_new_panel(folder: Path) -> None:
    use(folder)
    (folder / "lswpanel.sqlite3").unlink()
    with pytest.raises(ImproperlyConfigured):
        starting.make_what_is_new()
    shutil.rmtree(folder / "keys")
    checkpoints = folder / checkpoint_file.NAME
    checkpoints.touch()
    with pytest.raises(ImproperlyConfigured, match=str(checkpoints)):
        starting.make_what_is_new()
    checkpoints.unlink()
    starting.make_what_is_new()
    assert set(contents(folder)) == {*NAMES, "lswpanel.sqlite3"}


def import_wsgi(data: Path) -> "subprocess.CompletedProcess[str]":
    return run_python(data, "-c", "import lswpanel.wsgi")


def worker(data: Path) -> "subprocess.CompletedProcess[str]":
    return run_python(data, *programs.worker(env={}).argv[1:])


def beat(data: Path) -> "subprocess.CompletedProcess[str]":
    return run_python(data, *programs.beat(env={}).argv[1:])


def run_python(data: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = environment(data, port=8000, BROKER_URL="redis://127.0.0.1:9/0", PYTHONPATH=str(ROOT))
    return subprocess.run(
        [sys.executable, *words], env=env, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        lambda data: manage(data, "prepare"),
        lambda data: manage(data, "setup_link"),
        import_wsgi,
        worker,
        beat,
    ],
    ids=["prepare", "a command", "web", "worker", "beat"],
)
def test_key_of_another_panel_is_refused_by_every_process(data_folder: Path, command: Command) -> None:
    path = data_folder / "keys" / "encryption_keys"
    path.unlink()
    keyfiles.create(path)
    done = command(data_folder)
    assert done.returncode == 1, done
    said = f"ENCRYPTION_KEYS is not the one that this database is used with ({path})"
    assert said in done.stderr.splitlines()[-1], done


# --- The way out ------------------------------------------------------------------------------------------------


def test_lost_keys_are_replaced_only_when_it_is_confirmed(data_folder: Path) -> None:
    shutil.rmtree(data_folder / "keys")
    asked = manage(data_folder, "replace_lost_keys")
    assert "Lost: AUDIT_KEYS, CHECKPOINT_KEY, ENCRYPTION_KEYS, SECRET_KEY." in asked.stdout
    assert "Nothing was changed" in one_line(asked)
    assert not (data_folder / "keys").exists()
    assert manage(data_folder, "replace_lost_keys", "--confirm").returncode == 0
    assert {stat.S_IMODE((data_folder / "keys" / name).stat().st_mode) for name in NAMES} == {0o600}
    assert manage(data_folder, "prepare").returncode == 0
    assert manage(data_folder, "verify_audit").returncode == 0
    assert manage(data_folder, "setup_link").stdout.startswith("http://localhost:8000/setup/")
    assert "No key is lost" in manage(data_folder, "replace_lost_keys", "--confirm").stdout


def test_lost_keys_are_not_replaced_while_the_panel_runs(data_folder: Path) -> None:
    """Its processes have the old ones in memory."""
    (data_folder / "keys" / "audit_keys").unlink()
    with closing(FolderLock(data_folder)) as lock:
        assert lock.acquire()
        assert "is in use by another lswpanel" in one_line(
            manage(data_folder, "replace_lost_keys", "--confirm")
        )
    assert not (data_folder / "keys" / "audit_keys").exists()


def test_keys_are_not_replaced_where_there_is_no_panel(tmp_path: Path) -> None:
    assert "There is no panel in" in one_line(manage(tmp_path / "data", "replace_lost_keys", "--confirm"))
    assert list(tmp_path.iterdir()) == []


# --- Copies -----------------------------------------------------------------------------------------------------


def test_copy_is_whole_and_closed_whatever_the_umask(data_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "restored" / "lswpanel.sqlite3"
    shutil.copytree(data_folder / "keys", copy.parent / "keys")
    command = ["sh", "-c", 'umask 0; exec "$@"', "sh", *MANAGE, "copy_database", str(copy)]
    subprocess.run(
        command, env=environment(data_folder, port=8000), cwd=ROOT, check=True, capture_output=True
    )
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert manage(copy.parent, "verify_audit").returncode == 0
    assert f"{copy} exists already" in one_line(manage(data_folder, "copy_database", str(copy)))


def test_copy_without_room_is_not_kept(data_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    done = manage_with_small_files(data_folder, 40, "copy_database", str(folder / "copy"))
    assert f"The folder {folder} cannot be used: " in one_line(done)
    assert list(folder.iterdir()) == []


# --- Where there is no room -------------------------------------------------------------------------------------


def manage_with_small_files(
    data: Path, kilobytes: int, *words: str, **env: str
) -> "subprocess.CompletedProcess[str]":
    """`manage.py` where no file may grow beyond a size: a write fails as on a full disk."""
    limit = ["bash", "-c", f'ulimit -f {kilobytes}; exec "$@"', "bash"]
    return manage(data, *words, launcher=limit, **env)


def test_disk_without_room_for_the_database_is_named(tmp_path: Path) -> None:
    done = manage_with_small_files(tmp_path / "data", 40, "prepare")
    assert f"The folder {tmp_path / 'data'} cannot be used: " in one_line(done)


def test_disk_without_room_for_the_static_files_is_named(data_folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    done = manage_with_small_files(data_folder, 40, "prepare", STATIC_ROOT=str(elsewhere))
    assert f"The folder {elsewhere} cannot be used: " in one_line(done)


# --- .env -------------------------------------------------------------------------------------------------------


def command_beside(env_file: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """A command of a `manage.py` that has this `.env` beside it."""
    shutil.copy(ROOT / "manage.py", env_file.parent / "manage.py")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env}
    command = [sys.executable, str(env_file.parent / "manage.py"), *words]
    return subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=False)


def test_env_file_is_read_as_compose_reads_it(data_folder: Path, tmp_path: Path) -> None:
    """A mark of the encoding, a quoted value, a comment, a variable; what the environment says goes before it."""
    lines = [f"PLACE={data_folder.parent}", 'DATA_DIR="${PLACE}/data" # ours', "PORT=8123", "PUBLIC_URL="]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8-sig")
    done = command_beside(tmp_path / ".env", "setup_link", PORT="8124")
    assert done.stdout.startswith("http://localhost:8124/setup/"), done


def test_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff")
    assert str(tmp_path / ".env") in one_line(command_beside(tmp_path / ".env", "help"))


def test_demonstration_keeps_out_of_what_env_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The children of `up --demo` would read it again otherwise."""
    manage_py = runpy.run_path(str(ROOT / "manage.py"))
    shell = {"DATABASE_URL": "postgres://real", "PATH": "/bin"}
    monkeypatch.setattr(os, "environ", shell)
    manage_py["choose_demo"]()
    assert shell["PYTHON_DOTENV_DISABLED"] == shell["DEMO"] == "on"
    assert "DATABASE_URL" not in shell
    assert shell["DATA_DIR"] == str(ROOT / "data" / "demo")


def test_database_is_new_until_it_has_a_table(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite3"
    assert starting.is_new(file)
    file.touch()
    assert starting.is_new(file)
    file.write_bytes(b"not a database")
    assert not starting.is_new(file)
