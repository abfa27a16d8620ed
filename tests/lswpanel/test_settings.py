"""The panel refuses to start unsafe, and says in one line what to change; a safe one passes every check."""

import base64
import os
import re
import runpy
import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.checks import ERROR, WARNING, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory, override_settings

from lswpanel.settings import PASSWORD_HASHERS
from teams.models import User
from tests.support.panel import manage, one_line
from tests.support.processes import ROOT

pytestmark = pytest.mark.once
SAFE = {
    "PUBLIC_URL": "https://panel.example.com",
    "TRUSTED_PROXY_COUNT": "1",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "AUDIT_KEYS": secrets.token_urlsafe(32),
    "CHECKPOINT_KEY": secrets.token_urlsafe(32),
    "ENCRYPTION_KEYS": secrets.token_urlsafe(32),
}


def settings_of(data: Path, patch: pytest.MonkeyPatch, **env: str) -> dict[str, Any]:
    """What the settings make of an environment that holds nothing but `env` and a data folder."""
    with patch.context() as shell:
        shell.setattr(os, "environ", {"DATA_DIR": str(data), **env})
        return runpy.run_path(str(ROOT / "lswpanel" / "settings.py"))


KEY, OTHER, THIRD = (secrets.token_urlsafe(32) for _ in range(3))
REFUSED = [
    (
        {"PUBLIC_URL": "http://panel.example.com"},
        "PUBLIC_URL must start with https:// for every host but localhost",
    ),
    ({"PUBLIC_URL": "http://["}, "PUBLIC_URL must look like"),
    ({"BIND": "192.0.2.1"}, "BIND is 192.0.2.1, where others can listen in on plain http"),
    ({"BIND": "::", "BEHIND_LOOPBACK": "off"}, "BEHIND_LOOPBACK=on if"),
    ({"PUBLIC_URL": "https://panel.example.com"}, "set TRUSTED_PROXY_COUNT to the number of proxies"),
    ({"DATABASE_URL": "mysql://u:hunter2@db/panel"}, "DATABASE_URL must look like postgres://"),
    (
        {"DATABASE_URL": "postgres://u:hunter2@db/panel"},
        "SECRET_KEY is missing: set SECRET_KEY or SECRET_KEY_FILE",
    ),
]


@pytest.mark.req("S5")
@pytest.mark.parametrize(("env", "line"), REFUSED, ids=lambda part: str(part)[:50])
def test_unsafe_setting_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], line: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=line) as refusal:
        settings_of(tmp_path / "data", monkeypatch, **env)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(("env", "line"), [REFUSED[-2], ({"SECRET_KEY": "short"}, "SECRET_KEY is too weak")])
def test_unsafe_start_is_refused_with_one_clear_line(
    data_folder: Path, env: dict[str, str], line: str
) -> None:
    """Whether the settings refuse it or the checks."""
    done = manage(data_folder, "check", **env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [found for found in done.stderr.splitlines() if line in found], done.stderr
    assert "hunter2" not in done.stdout + done.stderr


WEAK = [
    ({"SECRET_KEY": "short"}, "SECRET_KEY is too weak"),
    ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is too weak"),
    ({"AUDIT_KEYS": "ab" * 30}, "AUDIT_KEYS is too weak"),
    ({"AUDIT_KEYS": KEY[:31]}, "AUDIT_KEYS is too weak"),
    ({"AUDIT_KEYS": "correct-horse-battery-" * 3}, "AUDIT_KEYS is too weak"),
    ({"SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789"}, "SECRET_KEY is too weak"),
    ({"SECRET_KEY": KEY, "AUDIT_KEYS": KEY}, "SECRET_KEY and AUDIT_KEYS hold the same key"),
    (
        {"SECRET_KEY": KEY, "ENCRYPTION_KEYS": f"mine:{KEY}="},
        "SECRET_KEY and ENCRYPTION_KEYS hold the same key",
    ),
    ({"ENCRYPTION_KEYS": f"a:{KEY},{KEY}"}, "ENCRYPTION_KEYS and ENCRYPTION_KEYS hold the same key"),
    ({"ENCRYPTION_KEYS": base64.b64encode(bytes(range(32))).decode()}, "ENCRYPTION_KEYS: every key"),
    ({"AUDIT_KEYS": f"{KEY}, old:{KEY[:31]}"}, "AUDIT_KEYS is too weak"),
    ({"CHECKPOINT_KEY": "short"}, "CHECKPOINT_KEY is too weak"),
    ({"ENCRYPTION_KEYS": "c2hvcnQ"}, "ENCRYPTION_KEYS: every key is base64 of at least 32 random bytes"),
    ({"ENCRYPTION_KEYS": ","}, "ENCRYPTION_KEYS: every key"),
    ({"ENCRYPTION_KEYS": f"{KEY},short:c2hvcnQ"}, "ENCRYPTION_KEYS: every key"),
    ({"TIME_SCALE": 10.0, "LEASEWEB_API_URL": "https://api.leaseweb.com/cloud/v2"}, "TIME_SCALE: keep 1"),
    ({"LEASEWEB_API_URL": "http://api.leaseweb.com/cloud/v2"}, "LEASEWEB_API_URL: The address"),
    ({"LEASEWEB_API_URL": "https://user@api.leaseweb.com/cloud/v2"}, "LEASEWEB_API_URL: The address"),
    ({"LEASEWEB_API_URL": "file:///etc/passwd"}, "LEASEWEB_API_URL: The address"),
    ({"LEASEWEB_API_URL": ""}, "LEASEWEB_API_URL: The address"),
]


@pytest.mark.parametrize(("values", "line"), WEAK, ids=lambda part: str(part)[:50])
def test_check_finds_a_setting_that_is_not_safe(values: dict[str, Any], line: str) -> None:
    with override_settings(**values):
        (found,) = run_checks()
    assert found.level == ERROR
    assert found.msg.startswith(line)
    assert not any(value and str(value) in found.msg for value in values.values())


@pytest.mark.parametrize("ring", [KEY, f"2026.1:{KEY}=", f"new:{KEY}, old_2:{OTHER}\n {THIRD}"])
def test_check_takes_a_good_ring(ring: str) -> None:
    with override_settings(ENCRYPTION_KEYS=ring):
        assert run_checks() == []


def test_web_server_refuses_what_the_commands_refuse(data_folder: Path) -> None:
    """gunicorn loads the application without any command; the checks run there, too."""
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_folder), "SECRET_KEY": "short"}
    done = subprocess.run(
        [sys.executable, "-c", "import lswpanel.wsgi"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert "SECRET_KEY is too weak" in done.stderr.splitlines()[-1]


def test_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    assert str(tmp_path / "data") in one_line(manage(tmp_path / "data", "prepare"))


@pytest.mark.parametrize(
    "env", [{}, SAFE, {**SAFE, "DATABASE_URL": "postgres://u:p@db/panel", "LOG_LEVEL": "debug"}]
)
def test_panel_passes_the_deploy_check_without_a_warning(data_folder: Path, env: dict[str, str]) -> None:
    """On localhost, with secrets of its own making, and in public."""
    done = manage(data_folder, "check", "--deploy", "--fail-level", "WARNING", **env)
    assert (done.returncode, done.stderr) == (0, "")


SHOWN = (
    "DEBUG",
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "DEVICE_COOKIE_NAME",
    "MESSAGE_COOKIE_NAME",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "ALLOWED_HOSTS",
    "SECURE_PROXY_SSL_HEADER",
)
COOKIES = ("session", "csrf", "device", "messages")
HOSTS = ["localhost", "127.0.0.1", "[::1]"]
LOCAL = (False, *(f"{name}-8000" for name in COOKIES), False, False, 0, False, False, HOSTS, None)
BEHIND_TLS = (["panel.example.com"], ("HTTP_X_FORWARDED_PROTO", "https"))
HSTS = 2 * 365 * 24 * 3600
PUBLIC = (False, *(f"__Host-{name}" for name in COOKIES), True, True, HSTS, False, False, *BEHIND_TLS)
PRELOADED = (False, *(f"__Host-{name}" for name in COOKIES), True, True, HSTS, True, True, *BEHIND_TLS)


@pytest.mark.req("X16")
@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({}, LOCAL),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, LOCAL),
        (SAFE, PUBLIC),
        ({**SAFE, "HSTS_PRELOAD": "on"}, PRELOADED),
        ({"HSTS_PRELOAD": "on"}, LOCAL),
        ({"TRUSTED_PROXY_COUNT": "1"}, LOCAL),
    ],
)
def test_public_url_decides_how_strict_browsers_are_told_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], shown: tuple[Any, ...]
) -> None:
    settings = settings_of(tmp_path / "data", monkeypatch, **env)
    assert tuple(settings.get(name) for name in SHOWN) == shown


@pytest.mark.parametrize(
    "env",
    [
        {"BIND": "::1"},
        {"BIND": "127.0.0.2"},
        {"BIND": "localhost"},
        {"BIND": "192.0.2.1", "BEHIND_LOOPBACK": "on"},
        {**SAFE, "BIND": "192.0.2.1"},
    ],
)
def test_panel_may_listen_where_nobody_can_listen_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    assert settings_of(tmp_path / "data", monkeypatch, **env)["BIND"] == env["BIND"]


def test_public_address_may_be_ipv6(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rf: RequestFactory
) -> None:
    env = {**SAFE, "PUBLIC_URL": "https://[2001:db8::1]"}
    with override_settings(ALLOWED_HOSTS=settings_of(tmp_path / "data", monkeypatch, **env)["ALLOWED_HOSTS"]):
        assert rf.get("/", headers={"host": "[2001:db8::1]"}).get_host() == "[2001:db8::1]"


@pytest.mark.parametrize(
    ("given", "folder"), [("", "data"), ("elsewhere/here", "elsewhere/here"), ("/srv/panel", "/srv/panel")]
)
def test_data_folder_is_the_same_wherever_one_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str, folder: str
) -> None:
    """Empty, as a line of .env may be; relative, as it mostly is there."""
    monkeypatch.chdir(tmp_path)
    assert settings_of(tmp_path, monkeypatch, DATA_DIR=given)["DATA_DIR"] == ROOT / folder


def test_reading_the_settings_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a process that goes on where the database was deleted under it."""
    database = settings_of(tmp_path / "data", monkeypatch)["DATABASES"]["default"]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data").mkdir()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(database["NAME"], uri=True)
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(("place", "level"), [("data", ERROR), ("mounted", WARNING)])
def test_secret_that_others_can_read_is_found(tmp_path: Path, place: str, level: int, settings: Any) -> None:
    path = tmp_path / place / "audit_key"
    path.parent.mkdir()
    path.write_text(KEY)
    settings.DATA_DIR, settings.SECRET_FILES = tmp_path / "data", {"AUDIT_KEY": path}
    path.chmod(0o640)
    (found,) = run_checks()
    assert found.level == level
    assert f"chmod 600 {path}" in found.msg
    path.chmod(0o600)
    assert run_checks() == []


@pytest.mark.parametrize(
    "env", [{"PORT": "8001"}, {"PUBLIC_URL": "http://localhost:8001"}, {"PUBLIC_URL": "http://[::1]"}]
)
def test_two_panels_on_one_host_do_not_sign_each_other_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    """Browsers share the cookies of a host between its ports."""
    names = [name for name in SHOWN if name.endswith("COOKIE_NAME")]
    first, second = (settings_of(tmp_path / "data", monkeypatch, **each) for each in ({}, env))
    assert not {first[name] for name in names} & {second[name] for name in names}


@pytest.mark.django_db
def test_every_cookie_has_a_name_of_this_panel(client: Client) -> None:
    User.objects.create_user("ann@example.com", "a long walk along the canal")
    client.post("/accounts/login/", {"login": "ann@example.com", "password": "a long walk along the canal"})
    client.post("/profile/", {"name": "Ann", "time_zone": "UTC", "theme": "dark"})
    assert set(client.cookies) == {f"{name}-8000" for name in COOKIES}


def test_every_setting_is_in_the_example(settings: Any) -> None:
    """With its file, if it is a secret; and nothing is there that nobody reads."""
    code = "".join(path.read_text() for path in (ROOT / "lswpanel").rglob("*.py"))
    read = set(re.findall(r'environment\.\w+\(\s*"(\w+)"', code)) | {"VALKEY_SERVER"}
    files = {f"{name}_FILE" for name in (*settings.SECRETS, "DATABASE_URL", "EMAIL_HOST_PASSWORD")}
    shown = re.findall(r"^#([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(shown) == len(set(shown))
    assert set(shown) == read | files


def test_passwords_are_hashed_with_argon2id_at_the_full_cost() -> None:
    """The hasher of the panel; the other tests use a quick one of the same kind."""
    with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS):
        hashed = make_password("a long walk along the canal")
    assert hashed.startswith("argon2$argon2id$v=19$m=32768,t=3,p=1$")
