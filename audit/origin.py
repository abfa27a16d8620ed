"""Who acts, and from where: what every entry takes from a request, a command or a worker."""

import hashlib
import ipaddress
import re
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from audit.text import one_line

PORT = r"(?::[0-9]{1,5})?"
BRACKETED = re.compile(rf"\[([^\[\]]*)\]{PORT}")
WITH_PORT = re.compile(rf"([0-9.]+){PORT}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `user_id` is empty when the panel itself does; then `on_behalf_of` may name a person."""

    user_id: int | None = None
    role: str = ""
    on_behalf_of: int | None = None
    session: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


def from_request(request: HttpRequest, *, role: str = "", user_id: int | None = None) -> Actor:
    """The person behind a request. `user_id` names somebody whom the session does not know (yet)."""
    known = getattr(request, "user", None)
    session_key = getattr(getattr(request, "session", None), "session_key", None) or ""
    return Actor(
        user_id=user_id if user_id is not None else getattr(known, "pk", None),
        role=role,
        session=hashlib.sha256(session_key.encode()).hexdigest()[:16] if session_key else "",
        ip=client_ip(request),
        user_agent=one_line(request.headers.get("User-Agent", ""), 256),
        request_id=getattr(request, "request_id", ""),
    )


def client_ip(request: HttpRequest) -> str:
    """The address of the browser, believing exactly TRUSTED_PROXY_COUNT proxies and nothing the client wrote."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    count = settings.TRUSTED_PROXY_COUNT
    return plain_ip(hops[-count] if count and len(hops) >= count else request.META.get("REMOTE_ADDR", ""))


def plain_ip(text: str) -> str:
    """One spelling of the address in `text`, whatever the proxy wrote around it; empty when there is none.

    Proxies add ports and brackets (RFC 7239), quotes, zones; a socket for both families says ::ffff:203.0.113.9.
    """
    text = text.strip().strip('"')
    if found := BRACKETED.fullmatch(text) or WITH_PORT.fullmatch(text):
        text = found[1]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
