""".ci/run with a make that only writes down how it was called."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.once
SYSTEM = ("bash", "env", "dirname")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The PATH of .ci/run: the shell, chromium and make."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in SYSTEM:
        (folder / name).symlink_to(str(shutil.which(name)))
    add(folder, "chromium", "")
    add(folder, "make", f'echo "make $* CI=$CI" >> {tmp_path}/calls')
    return folder


def add(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def run(programs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / ".ci" / "run")],
        env={"PATH": str(programs)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def calls(programs: Path) -> list[str]:
    path = programs.with_name("calls")
    return path.read_text().splitlines() if path.exists() else []


def test_ci_checks_and_then_tests(programs: Path) -> None:
    assert run(programs).returncode == 0
    assert calls(programs)[:2] == ["make check CI=true", "make test CI=true"]


def test_ci_stops_at_the_first_failure_and_names_it(programs: Path) -> None:
    add(programs, "make", f'echo "make $*" >> {programs.with_name("calls")}; exit 1')
    done = run(programs)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == ".ci/run: failed: make check"
    assert calls(programs) == ["make check"]


def test_ci_installs_a_missing_chromium_without_asking(programs: Path) -> None:
    (programs / "chromium").unlink()
    add(programs, "apt-get", f'echo "apt-get $* $DEBIAN_FRONTEND" >> {programs.with_name("calls")}')
    assert run(programs).returncode == 0
    update, install = calls(programs)[:2]
    assert update == "apt-get update -qq noninteractive"
    assert install.startswith("apt-get install -y")
    assert " chromium " in install


def test_ci_says_that_it_cannot_install_chromium(programs: Path) -> None:
    (programs / "chromium").unlink()
    done = run(programs)
    assert done.returncode == 1
    assert "neither chromium nor apt-get" in done.stderr
    assert calls(programs) == []
