import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.panel import environment
from tests.support.processes import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.once]


def prepare(folder: Path) -> str:
    """What `manage.py prepare` says about the data folder `folder`."""
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    env = environment(folder, port=8000)
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_prepare_says_what_it_does_and_has_nothing_to_say_again(tmp_path: Path) -> None:
    assert "Bringing the database up to date (" in prepare(tmp_path)
    assert (tmp_path / "static" / "staticfiles.json").is_file()
    assert prepare(tmp_path) == ""
