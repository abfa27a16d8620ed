"""`record()`: the only way into the audit trail."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError

from audit import chain as hashing
from audit import heads
from audit.actions import AuditAction
from audit.models import INSTALLATION, AuditEvent, Outcome
from audit.origin import Actor
from audit.persons import current_digest
from audit.text import one_line

Value = str | int | bool | None
Fields = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Target:
    """What was acted upon: `kind` such as "server", its id, and the label that it had at that moment."""

    kind: str = ""
    id: str = ""
    label: str = ""
    job_id: int | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """What Leaseweb answered: the HTTP status, its job id and its correlation id, each only if there was one."""

    status: int | None = None
    job_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The allow-listed fields before and after. Never a secret (A9): callers name each field."""

    before: Fields = field(default_factory=dict)
    after: Fields = field(default_factory=dict)


def record(
    action: AuditAction,
    *,
    chain: int,
    actor: Actor,
    target: Target = Target(),
    outcome: Outcome = Outcome.DONE,
    change: Change = Change(),
    reason: str = "",
    upstream: Upstream = Upstream(),
) -> AuditEvent:
    """Append one entry to the chain of a team (its id) or of the installation (0).

    It takes the chain's head as the last lock of the surrounding transaction and holds it to the commit, so call
    it at the end and never wait for the network inside. Raises NotInTransactionError outside `atomic()`, ChainBroken
    for a head that is missing or not what the last entry left, ChainClosed for a deleted team's: no audit, no
    change (A2, A3, G9). It never makes a head: `audit.heads.start_chain()` does.
    """
    head, now = heads.locked(
        chain, who=current_digest(actor.user_id), behalf=current_digest(actor.on_behalf_of)
    )
    event = AuditEvent(chain_id=chain, sequence=head.sequence + 1, at=now, action=action, outcome=outcome)
    _tell_who(event, actor, head)
    _tell_what(event, target, change, reason)
    _tell_upstream(event, upstream)
    _seal(event, head.row_hash)
    heads.move(head, event.sequence, event.row_hash)
    return event


def record_in(chains: Iterable[int], action: AuditAction, **entry: Any) -> list[AuditEvent]:
    """The same entry in several chains: their heads are locked ascending by team, the installation's last."""
    return [record(action, chain=chain, **entry) for chain in lock_order(chains)]


def seal_chain(chain: int, *, actor: Actor, label: str) -> None:
    """End the chain of a team, called `label`, that is being deleted: a last entry, then nothing can follow.

    It stays, is verified like any other, and the installation's chain says where it ends.
    """
    about: dict[str, Any] = {"actor": actor, "target": Target("team", str(chain), label)}
    last = record(AuditAction.TEAM_DELETE, chain=chain, **about)
    heads.close(chain)
    end: Fields = {"entries": last.sequence, "row_hash": last.row_hash}
    record(AuditAction.TEAM_DELETE, chain=INSTALLATION, change=Change(after=end), **about)


def lock_order(chains: Iterable[int]) -> list[int]:
    """In which order the heads of several chains are locked, so that no two callers wait for each other."""
    return sorted(set(chains), key=lambda chain: (chain == INSTALLATION, chain))


def _tell_who(event: AuditEvent, actor: Actor, head: Any) -> None:
    event.actor_id, event.actor_digest, event.actor_role = actor.user_id, head.who or "", actor.role
    event.on_behalf_of, event.behalf_digest = actor.on_behalf_of, head.behalf or ""
    event.session, event.ip = actor.session, actor.ip
    event.user_agent, event.request_id = actor.user_agent, one_line(actor.request_id, 64)


def _tell_what(event: AuditEvent, target: Target, change: Change, reason: str) -> None:
    event.target_type, event.target_id = target.kind, one_line(target.id, 40)
    event.target_label, event.job_id = one_line(target.label, 200), target.job_id
    event.before, event.after = _bounded(change.before), _bounded(change.after)
    event.reason = one_line(reason, 500)


def _bounded(fields: Fields) -> Fields:
    return {name: one_line(value, 500) if isinstance(value, str) else value for name, value in fields.items()}


def _tell_upstream(event: AuditEvent, upstream: Upstream) -> None:
    event.upstream_status = upstream.status
    event.upstream_job_id = one_line(upstream.job_id, 100)
    event.correlation_id = one_line(upstream.correlation_id, 100)


def _seal(event: AuditEvent, prev_hash: str) -> None:
    hashing.link(event, prev_hash)
    try:
        event.save(force_insert=True)
    except IntegrityError as error:
        heads.taken(event.chain_id, event.sequence, error)
