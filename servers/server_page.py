"""What the page of a server shows, but for its jobs, and why its buttons cannot be pressed."""

from typing import Any

from django.utils import timezone

from servers import facts, freshness, queries
from servers.models import Server
from teams.access import Access
from teams.permissions import Permission


def context(access: Access, server: Server) -> dict[str, Any]:
    """One query."""
    now = timezone.now()
    return head(access, server) | {
        "ip": facts.main_ip(server),
        "sections": facts.sections(server, now),
        "ending": facts.ending(server, now),
        "seen_by": queries.seen_by(access, server),
        "doubt": freshness.of_server(server, now),
        "stale": freshness.is_stale(server, now),
        "reading": server.refresh_asked_at is not None,
        "no_refresh": why_no_refresh(access, server),
        "live_ids": (server.pk,),
        "server_as_list": (server,),
    }


def head(access: Access, server: Server) -> dict[str, Any]:
    """The name of a server, and why its buttons beside it cannot be pressed. No query."""
    why_no_rename = access.why_not(Permission.SERVERS_RENAME, server) or freshness.out_of_reach(server)
    return {
        "server": server,
        "why_no_rename": why_no_rename,
        "why_no_credentials": access.why_not(Permission.CREDENTIALS_REVEAL, server),
    }


def why_no_refresh(access: Access, server: Server) -> str:
    """Why a fresh reading cannot be asked for; empty when it can."""
    return access.why_not(Permission.SERVERS_REFRESH, server) or freshness.out_of_reach(server)
