"""How an entry is turned into bytes, hashed and sealed, and how a chain begins and ends (A3)."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from audit.keys import Seal, fits, known, same, seal
from audit.models import AuditEvent, AuditHead

COVERED = (
    "chain_id", "sequence", "action", "outcome", "actor_id", "actor_digest", "actor_role", "on_behalf_of",
    "behalf_digest", "session", "ip", "user_agent", "request_id", "target_type", "target_id", "target_label",
    "job_id", "before", "after", "reason", "upstream_status", "upstream_job_id", "correlation_id",
)  # fmt: skip


def entries(chain: int) -> QuerySet[AuditEvent]:
    """Every entry of a chain: pages, exports and verification read this and nothing else."""
    return AuditEvent.objects.filter(chain=chain)


def canonical(event: AuditEvent) -> bytes:
    """The one spelling of an entry: sorted keys, no spaces, ASCII, UTC to the microsecond."""
    content: dict[str, Any] = {name: getattr(event, name) for name in COVERED}
    content["at"] = spelled(event.at)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def spelled(moment: datetime) -> str:
    """A moment as entries are hashed with it, whatever zone the database answers in."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def content_hash(event: AuditEvent) -> str:
    """SHA-256 of what an entry says. Whoever has it can follow the chain without the content itself."""
    return hashlib.sha256(canonical(event)).hexdigest()


def row_hash(prev_hash: str, content: str) -> str:
    """SHA-256 over the hash before and the hash of the content, so that no entry can change without all later ones."""
    return _sha256(f"{prev_hash}\n{content}")


def link(event: AuditEvent, prev_hash: str) -> None:
    """Tie an entry that is not written yet to the one before it, and seal it."""
    event.prev_hash, event.content_hash = prev_hash, content_hash(event)
    event.row_hash = row_hash(prev_hash, event.content_hash)
    made = seal(row_message(event))
    event.key_id, event.row_mac = made.key_id, made.mac


def genesis(chain: int, birth: str, start: int) -> str:
    """What stands for the hash before the first entry, so that no chain can pass for the beginning of another."""
    return _sha256(f"begin\n{chain}\n{birth}\n{start}")


def row_message(event: AuditEvent) -> str:
    """What the seal of an entry covers: its hash, which covers all of it."""
    return f"row\n{event.row_hash}"


def row_seal(event: AuditEvent) -> Seal:
    return Seal(event.key_id, event.row_mac)


def head_message(head: AuditHead) -> str:
    """What the seal of a head covers: which chain, where it began, where it ends, and whether it is closed."""
    closed = "closed" if head.closed else "open"
    return f"head\n{head.chain}\n{head.birth}\n{head.start}\n{head.sequence}\n{head.row_hash}\n{closed}"


def head_seal(head: AuditHead) -> Seal:
    return Seal(head.key_id, head.mac)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def problem_of_content(event: AuditEvent) -> str:
    """What is wrong with an entry by itself: its hashes and its seal."""
    number, content = event.sequence, content_hash(event)
    if not same(event.content_hash, content) or not same(event.row_hash, row_hash(event.prev_hash, content)):
        return f"entry {number} was changed after it was written"
    if not known(event.key_id):
        return f"entry {number} was sealed with a key that is not in AUDIT_KEYS"
    if not fits(row_message(event), row_seal(event)):
        return f"entry {number} was not sealed with this installation's key"
    return ""
