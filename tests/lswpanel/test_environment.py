"""Settings out of the environment: what is good is taken, what is not stops the start with a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from lswpanel import environment

pytestmark = pytest.mark.once
NAME = "SOME_SETTING"
Give = Callable[[str], None]


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Give:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)
    return lambda value: monkeypatch.setenv(NAME, value)


GOOD: list[tuple[Callable[[], Any], str, Any]] = [
    (lambda: environment.text(NAME, "default"), "  padded \n", "padded"),
    (lambda: environment.boolean(NAME), "", False),
    (lambda: environment.boolean(NAME, True), " ", True),
    (lambda: environment.boolean(NAME), "YES", True),
    (lambda: environment.boolean(NAME, True), "off", False),
    (lambda: environment.integer(NAME, 7), "", 7),
    (lambda: environment.integer(NAME, 7), "0", 0),
    (lambda: environment.integer(NAME, 7, at_most=65535), "65535", 65535),
    (lambda: environment.number(NAME, 1.0), "", 1.0),
    (lambda: environment.number(NAME, 1.0), "2.5", 2.5),
    (lambda: environment.choice(NAME, "INFO", "DEBUG"), "", "INFO"),
    (lambda: environment.choice(NAME, "INFO", "DEBUG"), "debug", "DEBUG"),
    (lambda: environment.origin(NAME, "http://localhost:1").geturl(), "", "http://localhost:1"),
    (
        lambda: environment.origin(NAME, "").geturl(),
        "https://Panel.Example.com/",
        "https://panel.example.com",
    ),
    (lambda: environment.origin(NAME, "").geturl(), "http://[::1]:8000", "http://[::1]:8000"),
]
BAD: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: environment.boolean(NAME), "maybe", "on or off, not 'maybe'"),
    (lambda: environment.integer(NAME, 7, at_least=1), "0", "at least 1, not '0'"),
    (lambda: environment.integer(NAME, 7), "-1", "at least 0"),
    (lambda: environment.integer(NAME, 7), "1.5", "whole number"),
    (lambda: environment.integer(NAME, 7), "٣", "whole number"),
    (lambda: environment.integer(NAME, 7), "9" * 5000, "whole number"),
    (lambda: environment.integer(NAME, 7, at_most=65535), "65536", "at most 65535"),
    (lambda: environment.number(NAME, 1.0), "0", "positive number"),
    (lambda: environment.number(NAME, 1.0), "-3", "positive number"),
    (lambda: environment.number(NAME, 1.0), "nan", "positive number"),
    (lambda: environment.number(NAME, 1.0), "inf", "positive number"),
    (lambda: environment.number(NAME, 1.0), "1,5", "positive number"),
    (lambda: environment.choice(NAME, "INFO", "DEBUG"), "loud", "one of INFO, DEBUG, not 'loud'"),
]
ADDRESSES = [
    "panel.example.com",
    "https://",
    "ftp://h",
    "https://h/path",
    "https://h?q",
    "https://h#f",
    "//h",
]
MISSHAPEN = ["https://u:p@h", "https://u@h", "http://[", "https://h:99999", "https://h:0", "https://h:x"]


@pytest.mark.parametrize(("read", "given", "expected"), GOOD)
def test_good_value_is_taken(give: Give, read: Callable[[], Any], given: str, expected: Any) -> None:
    give(given)
    assert read() == expected


@pytest.mark.parametrize(("read", "given", "words"), BAD)
def test_bad_value_stops_the_start_and_is_named(
    give: Give, read: Callable[[], Any], given: str, words: str
) -> None:
    give(given)
    with pytest.raises(ImproperlyConfigured, match=words) as stopped:
        read()
    assert str(stopped.value).startswith(NAME)
    assert len(str(stopped.value)) < 200


@pytest.mark.req("X16")
@pytest.mark.parametrize("address", [*ADDRESSES, *MISSHAPEN])
def test_origin_is_nothing_but_scheme_host_and_port(give: Give, address: str) -> None:
    give(address)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} must look like https"):
        environment.origin(NAME, "http://localhost:8000")


@pytest.mark.parametrize(
    "address", ["postgres://u:p@h:5432/d", "postgresql://h/d", "sqlite:////tmp/x.sqlite3"]
)
def test_supported_database_is_taken(address: str) -> None:
    assert environment.supported_database("DATABASE_URL", address) == address


@pytest.mark.parametrize(
    "address",
    ["mysql://u:hunter2@h/d", "postgis://u:hunter2@h/d", "hunter2", "postgres://u:hunter2@h:port/d"],
)
def test_other_database_is_refused_without_repeating_the_password(address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL and SQLite") as stopped:
        environment.supported_database("DATABASE_URL", address)
    assert "hunter2" not in str(stopped.value)


# --- Secrets ----------------------------------------------------------------------------------------------------


def test_variable_wins_over_file_and_file_over_folder(
    give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / NAME.lower()).write_text("of the folder")
    (tmp_path / "named").write_text(" of the file\n")
    assert environment.secret(NAME, folder=tmp_path) == "of the folder"
    assert environment.secret_file(NAME, tmp_path) == tmp_path / NAME.lower()
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "named"))
    assert environment.secret(NAME, folder=tmp_path) == "of the file"
    assert environment.secret_file(NAME, tmp_path) == tmp_path / "named"
    give("of the variable")
    assert environment.secret(NAME, folder=tmp_path) == "of the variable"
    assert environment.secret_file(NAME, tmp_path) is None


def test_relative_file_is_the_same_wherever_one_stands(
    give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{NAME}_FILE", "secrets/named")
    assert environment.secret_file(NAME) == environment.ROOT / "secrets" / "named"


def test_missing_secret_says_what_to_set(give: Give) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is missing: set {NAME} or {NAME}_FILE"):
        environment.secret(NAME)


def test_reading_a_secret_makes_none(give: Give, tmp_path: Path) -> None:
    assert environment.secret(NAME, folder=tmp_path / "keys") == ""
    assert list(tmp_path.iterdir()) == []


def test_named_file_that_is_missing_is_named(
    give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match=f"missing.*{tmp_path / 'absent'}"):
        environment.secret(NAME, folder=tmp_path)


@pytest.mark.parametrize(("held", "words"), [(b" \n", "is empty"), (b"\xff\x00", "is not text")])
def test_file_without_text_is_no_secret(give: Give, tmp_path: Path, held: bytes, words: str) -> None:
    (tmp_path / NAME.lower()).write_bytes(held)
    with pytest.raises(ImproperlyConfigured, match=words):
        environment.secret(NAME, folder=tmp_path)


def test_optional_secret_may_be_given_nowhere(
    give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert environment.optional_secret(NAME) == ""
    (tmp_path / "named").write_text("of the file")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "named"))
    assert environment.optional_secret(NAME) == "of the file"
