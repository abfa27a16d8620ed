"""The first thing pytest loads (`-p tests.bootstrap`): decides what the Django settings will read.

TEST_DB=sqlite (the default) or postgres chooses the database; TEST_DATABASE_URL names an existing PostgreSQL
instead of starting one. What the developer's shell says about the panel is set aside.
"""

import atexit
import functools
import gc
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support")

from tests.support import chromium  # noqa: E402  (after the line that makes its assertions speak)
from tests.support.postgres import Postgres  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
DATABASES = ("sqlite", "postgres")
# Nobody listens on the discard port; a test that forgets its own upstream is refused at once.
NOWHERE = "http://127.0.0.1:9/cloud/v2"
# What these ask hangs on no database, or on none in particular: PostgreSQL is the one that is more easily offended by
# what people send, and the browser opens every page on it.
ON_POSTGRES = ("tests/bad_input/test_requests.py", "tests/lswpanel/test_database.py")
ON_SQLITE = (
    "tests/bad_input/test_keys.py",
    "tests/bad_input/test_other_teams.py",
    "tests/bad_input/test_upstream.py",
    "tests/contract",
    "tests/jobs/test_answers.py",
    "tests/jobs/test_job_detail.py",
    "tests/jobs/test_job_new.py",
    "tests/jobs/test_reinstall.py",
    "tests/jobs/test_snapshot_new.py",
    "tests/jobs/test_snapshot_pages.py",
    "tests/jobs/test_words.py",
    "tests/lswpanel/test_frame.py",
    "tests/servers/leaseweb",
    "tests/servers/credential_pages",
    "tests/servers/test_facts.py",
    "tests/servers/test_freshness.py",
    "tests/servers/test_server_detail.py",
    "tests/servers/test_server_traffic.py",
    "tests/teams/test_account_pages.py",
    "tests/teams/test_human.py",
    "tests/test_contrast.py",
    "tests/test_templates.py",
    "tests/test_urls.py",
)

pytest_plugins = [
    "tests.support.chromium",
    "tests.support.panel",
    "tests.support.processes",
    "tests.support.stack",
    "tests.support.valkey",
]

database = os.environ.get("TEST_DB") or "sqlite"
data = Path(tempfile.mkdtemp(prefix="lsw-test-"))
atexit.register(shutil.rmtree, data, ignore_errors=True)
server: Postgres | None = None


def _prepare_environment() -> None:
    settings = (ROOT / "lswpanel" / "settings.py").read_text()
    for name in re.findall(r'environment\.\w+\("(\w+)"', settings):
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="lswpanel.settings",
        DATA_DIR=str(data),
        SECRET_KEY=secrets.token_urlsafe(48),
        AUDIT_KEYS=secrets.token_urlsafe(32),
        CHECKPOINT_KEY=secrets.token_urlsafe(32),
        ENCRYPTION_KEYS=secrets.token_urlsafe(32),
        LEASEWEB_API_URL=NOWHERE,
        UNSAFE_POSTGRES="on",
        BROKER_URL=f"redis+socket://:{secrets.token_urlsafe(12)}@{data}/valkey.sock?virtual_host=0",
    )
    if url := _database_url():
        os.environ["DATABASE_URL"] = url


def _database_url() -> str:
    """Empty for SQLite: without DATABASE_URL the settings choose a file in DATA_DIR."""
    global server
    if database not in DATABASES:
        raise pytest.UsageError(f"TEST_DB must be one of {', '.join(DATABASES)}, not {database!r}.")
    if database == "sqlite":
        return ""
    if given := os.environ.get("TEST_DATABASE_URL"):
        return given
    server = Postgres()
    atexit.register(server.stop)
    server.start()
    return server.url("lswpanel")


_prepare_environment()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite_browser: a browser test that runs on SQLite, too")
    config.addinivalue_line("markers", "once: asks what hangs on no database, so it runs with SQLite only")
    _spare_static_files()
    _spare_passwords()
    if database == "sqlite":
        _use_database_file()


def _spare_static_files() -> None:
    """Each new test client loads the middleware anew; looking through all static files each time is most of that."""
    from django.conf import settings

    settings.WHITENOISE_AUTOREFRESH = True


def _spare_passwords() -> None:
    """Hundreds of people are given a password or sign in; tests/lswpanel/test_settings.py looks at the real hash."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["tests.support.passwords.QuickArgon2PasswordHasher"]


def _use_database_file() -> None:
    """A file as in production, not memory: threads and other processes have to see it."""
    from django.conf import settings

    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(data / "test.sqlite3")
    settings.DATABASE_FILE = data / "test.sqlite3"


@pytest.fixture(scope="session", autouse=True)
def static_files() -> None:
    """Collected once, as at every start of the panel: templates ask for names that hold a hash."""
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)


# --- Which tests run -----------------------------------------------------------------------------------

_deselected = pytest.StashKey[int]()
_skipped = pytest.StashKey[int]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _divide_between_databases(config, items)
    browser_tests = [item for item in items if item.get_closest_marker("browser")]
    if not browser_tests or chromium.program():
        return
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("There is no chromium, and with CI=true the browser tests are not skipped.")
    config.stash[_skipped] = len(browser_tests)
    for item in browser_tests:
        item.add_marker(pytest.mark.skip(reason="no chromium on this machine"))


def _divide_between_databases(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests whose outcome hangs little or not at all on the database run on one of the two."""
    left = [item for item in items if _database_of(item) not in (database, None)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if _database_of(item) in (database, None)]
        config.stash[_deselected] = len(left)


def _database_of(item: pytest.Item) -> str | None:
    """The one database `item` runs on; None: on both."""
    if item.get_closest_marker("once") or _is_in(ON_SQLITE, item.path):
        return "sqlite"
    if _is_in(ON_POSTGRES, item.path):
        return "postgres"
    if item.get_closest_marker("browser") and not item.get_closest_marker("sqlite_browser"):
        return "postgres"
    return None


@functools.cache
def _is_in(paths: tuple[str, ...], file: Path) -> bool:
    return any(file.is_relative_to(ROOT / path) for path in paths)


def pytest_collection_finish() -> None:
    """Five thousand tests are many objects; looking through them for garbage again and again takes its time."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Having nothing to do on this database is no failure when the rest runs on the other one."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.stash.get(_deselected, 0):
        session.exitstatus = pytest.ExitCode.OK


def pytest_report_header() -> str:
    return f"database: {database}, chromium: {chromium.program() or 'none'}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left := config.stash.get(_deselected, 0):
        other = "postgres" if database == "sqlite" else "sqlite"
        terminalreporter.write_line(f"{left} tests run on the other database only: make test DB={other}")
    if skipped := config.stash.get(_skipped, 0):
        terminalreporter.write_line(
            f"{skipped} BROWSER TESTS WERE SKIPPED: install chromium to run them.", red=True, bold=True
        )
