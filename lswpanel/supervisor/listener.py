"""The listening socket. The supervisor holds it, so a restart of the web server never drops the port."""

import errno
import socket

from lswpanel.supervisor.errors import StartError

BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """A bound and listening TCP socket. Raises StartError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartError(_sentence(host, port, error)) from error


def reachable(listener: socket.socket) -> tuple[str, int]:
    """The address at which this machine reaches `listener`; one bound to everything is asked on loopback."""
    host, port = listener.getsockname()[:2]
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared, not bound)
    return loopback.get(host, host), port


def _sentence(host: str, port: int, error: OSError) -> str:
    place = f"Port {port} on {host}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{place} is already in use. Stop what uses it, or choose another one with PORT."
        case errno.EACCES:
            return f"{place} needs more rights than this user has. Choose one above 1023 with PORT."
        case _:
            return f"{place} cannot be used: {error.strerror or error}. Check BIND and PORT."
