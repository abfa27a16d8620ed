"""How an entry is turned into bytes, hashed and keyed (A3)."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from audit.models import AuditEvent

COVERED = (
    "chain", "sequence", "action", "outcome", "actor_id", "actor_role", "on_behalf_of", "session", "ip",
    "user_agent", "request_id", "target_type", "target_id", "target_label", "job_id", "before", "after", "reason",
    "upstream_status", "upstream_job_id", "correlation_id",
)  # fmt: skip


def canonical(event: AuditEvent) -> bytes:
    """The one spelling of an entry: sorted keys, no spaces, ASCII, UTC to the microsecond."""
    content: dict[str, Any] = {name: getattr(event, name) for name in COVERED}
    content["at"] = spelled(event.at)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def spelled(moment: datetime) -> str:
    """A moment as entries are hashed with it, whatever zone the database answers in."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def row_hash(event: AuditEvent) -> str:
    """SHA-256 over the hash before and this entry, so that no entry can change without all later ones."""
    return hashlib.sha256(event.prev_hash.encode() + b"\n" + canonical(event)).hexdigest()


def row_mac(event: AuditEvent) -> str:
    """Shows that the panel wrote the entry: who can write the database but lacks AUDIT_KEY cannot make it."""
    return _mac(f"row\n{event.row_hash}")


def head_mac(chain: int, sequence: int, last_hash: str) -> str:
    """Shows where a chain ends, so that its last entries cannot be cut off unnoticed."""
    return _mac(f"head\n{chain}\n{sequence}\n{last_hash}")


def same(one: str, other: str) -> bool:
    """Compares in a time that tells nothing of where two seals differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _mac(message: str) -> str:
    return hmac.new(settings.AUDIT_KEY.encode(), message.encode(), hashlib.sha256).hexdigest()
