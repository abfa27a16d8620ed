"""scripts/venv.sh with programs that only write down how they were called; nothing is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once
SYSTEM = ("sh", "dirname", "cmp", "rm", "cp", "touch", "mkdir", "cat", "ln")
# Answers the questions that venv.sh asks a Python, and makes a `.venv` whose Python is itself.
PYTHON = """#!/bin/sh
echo "python $*" >> "{calls}"
case "$*" in
    *version_info\\ \\<*) exit {old} ;;
    *version_info*) echo {version} ;;
    *ensurepip*) exit {without_venv} ;;
    "-m venv .venv") mkdir -p .venv/bin; touch .venv/pip; ln -sf "$0" .venv/bin/python ;;
    *"pip --version"*) [ -e .venv/pip ] ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >> "{calls}"
[ "$1" = venv ] && {{ mkdir -p .venv/bin; ln -s "{python}" .venv/bin/python; }}
exit {code}
"""


class Place:
    """A folder with the script and two lists, and a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a panel"
        self.programs = folder / "programs"
        self.calls = folder / "calls"
        (self.folder / "scripts").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(ROOT / "scripts" / "venv.sh", self.folder / "scripts")
        (self.folder / "requirements.txt").write_text("run\n")
        (self.folder / "requirements-dev.txt").write_text("run\ndev\n")
        for name in SYSTEM:
            (self.programs / name).symlink_to(str(shutil.which(name)))

    def add_python(
        self,
        name: str = "python3.11",
        *,
        version: str = "3.11.7",
        old: bool = False,
        without_venv: bool = False,
    ) -> Path:
        text = PYTHON.format(calls=self.calls, version=version, old=int(old), without_venv=int(without_venv))
        return self._add(name, text)

    def add_uv(self, *, code: int = 0) -> None:
        self._add("uv", UV.format(calls=self.calls, python=self.programs / "python3.11", code=code))

    def run(self, kind: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the script from another folder, as make in a moved folder would."""
        return subprocess.run(
            [str(self.folder / "scripts" / "venv.sh"), kind],
            env={"PATH": str(self.programs), **env},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    def installs(self) -> list[str]:
        """The lists that were installed since the last question, in order."""
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.write_text("")
        return [call for call in calls if "pip install" in call or "pip sync" in call]

    def _add(self, name: str, text: str) -> Path:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_uv_is_used_where_it_is_installed(place: Place) -> None:
    place.add_python()
    place.add_uv()
    assert place.run("run").returncode == 0
    (call,) = place.installs()
    assert call.startswith("uv pip sync")
    assert "--require-hashes" in call
    assert call.endswith(" requirements.txt")


def test_pip_is_used_without_uv(place: Place) -> None:
    place.add_python()
    assert place.run("run").returncode == 0
    (call,) = place.installs()
    assert "-m pip install" in call
    assert "--require-hashes -r requirements.txt" in call


def test_pip_takes_over_when_uv_fails(place: Place) -> None:
    place.add_python()
    place.add_uv(code=2)
    done = place.run("run")
    assert done.returncode == 0
    assert "uv could not install them; trying pip." in done.stderr
    assert [call.split()[0] for call in place.installs()][-1] == "python"


def test_nothing_is_installed_twice(place: Place) -> None:
    place.add_python()
    place.run("run")
    place.installs()
    assert place.run("run").returncode == 0
    assert place.installs() == []


def test_changed_list_is_installed(place: Place) -> None:
    place.add_python()
    place.run("run")
    place.installs()
    (place.folder / "requirements.txt").write_text("run, newer\n")
    place.run("run")
    assert len(place.installs()) == 1


def test_dev_is_added_to_run(place: Place) -> None:
    place.add_python()
    place.run("run")
    place.installs()
    place.run("dev")
    assert [call.split()[-1] for call in place.installs()] == ["requirements-dev.txt"]


def test_run_after_dev_keeps_what_dev_installed(place: Place) -> None:
    place.add_python()
    place.run("dev")
    place.installs()
    place.run("run")
    assert place.installs() == []
    assert (place.folder / ".venv" / "requirements.txt").read_text() == "run\n"
    assert (place.folder / ".venv" / "requirements-dev.txt").read_text() == "run\ndev\n"


def test_failed_installation_leaves_no_stamp(place: Place) -> None:
    python = place.add_python()
    place.run("run")
    python.write_text(python.read_text().replace("esac", '*"pip install"*) exit 1 ;;\nesac'))
    (place.folder / "requirements.txt").write_text("run, newer\n")
    assert place.run("run").returncode == 1
    assert not (place.folder / ".venv" / "requirements.txt").exists()


def test_environment_of_another_machine_is_made_anew(place: Place) -> None:
    place.add_python()
    broken = place.folder / ".venv" / "bin"
    broken.mkdir(parents=True)
    (broken / "python").symlink_to("/nowhere/python3")
    (place.folder / ".venv" / "requirements.txt").write_text("run\n")
    done = place.run("run")
    assert "Making .venv anew" in done.stderr
    assert len(place.installs()) == 1


def test_old_python_is_named(place: Place) -> None:
    place.add_python("python3", version="3.9.2", old=True)
    done = place.run("run")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed (found: python3, version 3.9.2)" in done.stderr


def test_machine_without_python_is_told(place: Place) -> None:
    done = place.run("run")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed (found: none)" in done.stderr


def test_old_python_is_passed_over_for_a_new_one(place: Place) -> None:
    place.add_python("python3.11", old=True)
    place.add_python("python3.13", version="3.13.0")
    assert place.run("run").returncode == 0
    assert (place.folder / ".venv" / "bin" / "python").readlink() == place.programs / "python3.13"


def test_chosen_python_has_to_be_new_enough(place: Place) -> None:
    place.add_python()
    chosen = place.add_python("chosen", version="3.10.1", old=True)
    done = place.run("run", PYTHON=str(chosen))
    assert done.returncode == 1
    assert f"PYTHON is {chosen}, version 3.10.1; Python 3.11 or newer is needed." in done.stderr


def test_missing_venv_module_names_the_package(place: Place) -> None:
    place.add_python(without_venv=True)
    done = place.run("run")
    assert done.returncode == 1
    assert "On Debian and Ubuntu: apt install python3-venv" in done.stderr


def test_lists_hold_pinned_and_hashed_packages_only() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        assert all("==" in line and "--hash=sha256:" in line for line in text.splitlines() if line), name
        assert "://" not in text


def test_dev_list_holds_the_whole_run_list() -> None:
    def names(name: str) -> set[str]:
        return {line.split()[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert names("requirements.txt") < names("requirements-dev.txt")


def test_make_alone_lists_what_it_can_do() -> None:
    # As typed by a person, also when these tests themselves run below a make.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make"], cwd=ROOT, env=env, capture_output=True, text=True, check=True)  # noqa: S607
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert listed == ["help", "run", "demo", "test", "check", "bench", "requirements", "clean"]
