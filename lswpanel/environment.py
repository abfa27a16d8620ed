"""Reads settings from the environment. A secret may also stand in a file named by `<NAME>_FILE`."""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

# Where relative paths start, so that they mean the same wherever a command is typed.
ROOT = Path(__file__).resolve().parent.parent
DIGITS = re.compile(r"[0-9]{1,18}")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def boolean(name: str, default: bool = False) -> bool:
    """True for 1, true, yes, on; false for 0, false, no, off; anything else stops the start."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off, not {value!r}.")


def integer(name: str, default: int, *, at_least: int = 0, at_most: int | None = None) -> int:
    value = text(name)
    if not value:
        return default
    if not DIGITS.fullmatch(value) or int(value) < at_least:
        raise ImproperlyConfigured(
            f"{name} must be a whole number of at least {at_least}, not {value[:20]!r}."
        )
    if at_most is not None and int(value) > at_most:
        raise ImproperlyConfigured(f"{name} must be at most {at_most}, not {value}.")
    return int(value)


def number(name: str, default: float) -> float:
    """A positive number, with a dot for the decimals."""
    value = text(name)
    try:
        result = float(value) if value else default
    except ValueError:
        result = 0.0
    if not 0 < result < 1e6:
        raise ImproperlyConfigured(f"{name} must be a positive number, not {value!r}.")
    return result


def choice(name: str, *options: str) -> str:
    """One of `options`, whatever its case; the first one when nothing is said."""
    value = text(name)
    found = next((option for option in options if option.lower() == value.lower()), None)
    if value and found is None:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}.")
    return found or options[0]


def origin(name: str, default: str) -> SplitResult:
    """An address of a scheme, a host and perhaps a port; nothing else may be in it."""
    value = text(name).rstrip("/").lower() or default
    try:
        found = urlsplit(value)
        sound = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        sound = False
    if not sound or value != f"{found.scheme}://{found.netloc}" or "@" in value:
        raise ImproperlyConfigured(
            f"{name} must look like https://panel.example.com, without a path or a user."
        )
    return found


def host_of(address: SplitResult) -> str:
    """The host as a Host header spells it: an IPv6 address stands in brackets."""
    host = address.hostname or ""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def supported_database(name: str, value: str) -> str:
    """`value` if it is empty or a database the panel can use; else stops the start, without repeating the address."""
    if not value:
        return ""
    try:
        scheme, _ = urlsplit(value).scheme, urlsplit(value).port
    except ValueError:
        scheme = ""
    if scheme not in ("postgres", "postgresql", "sqlite"):
        raise ImproperlyConfigured(
            f"{name} must look like postgres://user:password@host:5432/name; PostgreSQL and SQLite are supported."
        )
    return value


def secret_file(name: str, folder: Path | None = None) -> Path | None:
    """Where the secret called `name` is kept: the file that `<NAME>_FILE` names, else the one in `folder`.

    None when the variable itself holds it, and when nothing names a file.
    """
    if text(name):
        return None
    if given := text(f"{name}_FILE"):
        return ROOT / given
    return folder / name.lower() if folder else None


def secret(name: str, *, folder: Path | None = None) -> str:
    """The secret called `name`: the variable itself, else what its file holds.

    Empty when it is missing from `folder`, where a first start makes it (`starting.py`). Raises ImproperlyConfigured
    when it is given nowhere, and for a file that cannot be read or holds nothing.
    """
    path = secret_file(name, folder)
    if path is None:
        if value := text(name):
            return value
        raise ImproperlyConfigured(f"{name} is missing: set {name} or {name}_FILE.")
    if not text(f"{name}_FILE") and not path.exists():
        return ""
    try:
        value = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} is missing: set {name} or {name}_FILE ({path}: {error.strerror})."
        ) from error
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"{name} in {path} is not text.") from error
    if not value:
        raise ImproperlyConfigured(f"{name} is empty in {path}.")
    return value


def optional_secret(name: str) -> str:
    """Like `secret`, but empty when it is given nowhere."""
    return secret(name) if text(name) or text(f"{name}_FILE") else ""
