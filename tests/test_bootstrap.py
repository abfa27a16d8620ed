"""The choice of tests per database and browser, in runs of pytest of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.once]
# Its tests show no page, so nothing is collected for them.
SAMPLE = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def static_files(): pass

def test_both(): pass

@pytest.mark.browser
def test_browser(): pass

@pytest.mark.browser
@pytest.mark.sqlite_browser
def test_flow(): pass

@pytest.mark.once
def test_once():
    from django.conf import settings

    assert settings.PORT == 8000
    assert not settings.DEMO
    assert settings.LEASEWEB_API_URL == "http://127.0.0.1:9/cloud/v2"
"""
SHELL = {"PORT": "9999", "DEMO": "on", "LEASEWEB_API_URL": "https://elsewhere.example/cloud/v2"}


def run(path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(path),
        "-c",
        "pyproject.toml",
        "-q",
        "-p",
        "no:cacheprovider",
        *words,
    ]
    # None of these tests asks the database, so none has to be started.
    env.setdefault("TEST_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "DATABASE_URL")}
    return subprocess.run(
        command, env={**kept, **env}, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "test_sample.py"
    path.write_text(SAMPLE)
    return path


def test_sqlite_leaves_browser_tests_to_postgres(sample: Path) -> None:
    """And what the shell says about the panel does not reach the tests."""
    done = run(sample, TEST_DB="sqlite", CHROMIUM=sys.executable, **SHELL)
    assert "3 passed, 1 deselected" in done.stdout
    assert "1 tests run on the other database only: make test DB=postgres" in done.stdout
    assert done.returncode == 0


def test_postgres_leaves_to_sqlite_what_runs_once(sample: Path) -> None:
    done = run(sample, TEST_DB="postgres", CHROMIUM=sys.executable)
    assert "3 passed, 1 deselected" in done.stdout
    assert "1 tests run on the other database only: make test DB=sqlite" in done.stdout
    assert done.returncode == 0


def test_nothing_left_for_a_database_is_no_failure(sample: Path) -> None:
    done = run(sample, "-k", "test_browser", TEST_DB="sqlite", CHROMIUM=sys.executable)
    assert done.returncode == 0


def test_nothing_found_at_all_is_a_failure(sample: Path) -> None:
    done = run(sample, "-k", "no_such_test", TEST_DB="sqlite", CHROMIUM=sys.executable)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_missing_chromium_is_said_at_the_end(sample: Path) -> None:
    done = run(sample, TEST_DB="postgres", CHROMIUM="no-such-browser")
    assert "1 passed, 2 skipped, 1 deselected" in done.stdout
    assert "2 BROWSER TESTS WERE SKIPPED: install chromium to run them." in done.stdout
    assert done.returncode == 0


def test_missing_chromium_is_an_error_in_continuous_integration(sample: Path) -> None:
    done = run(sample, TEST_DB="postgres", CHROMIUM="no-such-browser", CI="true")
    assert "with CI=true the browser tests are not skipped" in done.stderr + done.stdout
    assert done.returncode == pytest.ExitCode.USAGE_ERROR


def test_unknown_database_is_refused(sample: Path) -> None:
    done = run(sample, TEST_DB="oracle")
    assert "TEST_DB must be one of sqlite, postgres, not 'oracle'." in done.stderr + done.stdout
    assert done.returncode != 0
