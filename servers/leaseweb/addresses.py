"""Where calls go: the base address and the parts of a path (X10)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

import httpx

from servers.leaseweb.scalars import is_id

USERNAME_MAX_LENGTH = 256

_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?"
    r"(/[A-Za-z0-9_~-]+)*/cloud/v2",
    re.ASCII,
)
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")


def check_base_url(address: str) -> str:
    """The base address of the API without a trailing slash.

    Raises ValueError unless it is https and ends in `/cloud/v2`, without user name, query and fragment; http is
    taken on loopback only, for the simulator.
    """
    trimmed = address.rstrip("/") if isinstance(address, str) else ""
    for sign, meaning in (("@", "a user name"), ("?", "a query"), ("#", "a fragment")):
        if sign in trimmed:
            raise ValueError(f"The address of the Leaseweb API must not contain {meaning}.")
    shape = _SHAPE.fullmatch(trimmed)
    if shape is None or not _is_host(shape["host"]) or not 0 < int(shape["port"] or 443) < 65536:
        raise ValueError("The address of the Leaseweb API must look like https://api.leaseweb.com/cloud/v2.")
    if shape["scheme"] == "http" and not _is_loopback(shape["host"]):
        raise ValueError("The address of the Leaseweb API must be https; http works on this machine only.")
    return str(httpx.URL(trimmed))


def _is_host(host: str) -> bool:
    """Whether this is an IP address in its usual spelling, or a name whose labels can be looked up."""
    if host.startswith("[") or _DIGITS_AND_DOTS.fullmatch(host):
        return _ip(host) is not None
    return len(host) <= 253 and all(0 < len(label) <= 63 for label in host.split("."))


def _is_loopback(host: str) -> bool:
    found = _ip(host)
    return host.lower() == "localhost" if found is None else found.is_loopback


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def path_of(*parts: str) -> str:
    """The parts joined to a path below the base address.

    Raises ValueError unless each is 1 to 64 letters, digits, dots, underscores or hyphens, and no dot segment.
    """
    if not all(isinstance(part, str) and is_id(part) for part in parts):
        raise ValueError("An id for the Leaseweb API: 1 to 64 letters, digits, dots, underscores or dashes.")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def is_username(username: str) -> bool:
    """Whether a user name can stand in a path: 1 to 256 printable characters, and no dot segment."""
    fits = isinstance(username, str) and 0 < len(username) <= USERNAME_MAX_LENGTH
    return fits and username not in {".", ".."} and username.isprintable()


def username_part(username: str) -> str:
    """A user name, percent-encoded as one part of a path. Raises ValueError where `is_username` says no."""
    if not is_username(username):
        raise ValueError("This user name cannot be asked for: 1 to 256 printable characters are needed.")
    return f"/{quote(username, safe='')}"
