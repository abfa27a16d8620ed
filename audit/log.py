"""`record()`: the only way into the audit trail."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models.functions import Now

from audit import chain as hashing
from audit.actions import AuditAction
from audit.models import AuditEvent, AuditHead, AuditName, Outcome
from audit.origin import Actor
from audit.text import one_line

Value = str | int | bool | None
Fields = dict[str, Value]


class NotInTransactionError(RuntimeError):
    """An entry must share the transaction of the change that it tells of (A2)."""


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
    it at the end and never wait for the network inside. Raises NotInTransactionError outside `atomic()`: no
    audit, no change (A2, A3, G9).
    """
    if not connection.in_atomic_block:
        raise NotInTransactionError(f"{action} must be recorded inside transaction.atomic().")
    head, now = _locked_head(chain)
    event = AuditEvent(chain=chain, sequence=head.sequence + 1, at=now, action=action, outcome=outcome)
    _tell_who(event, actor)
    _tell_what(event, target, change, reason)
    _tell_upstream(event, upstream)
    _seal(event, head)
    return event


def remember_name(actor_id: int, name: str) -> None:
    """Keep the name under which a person is shown in the trail."""
    AuditName.objects.update_or_create(actor_id=actor_id, defaults={"name": name[:200]})


def _locked_head(chain: int) -> tuple[AuditHead, datetime]:
    heads = AuditHead.objects.select_for_update().annotate(now=Now())
    head = heads.filter(chain=chain).first()
    if head is None:
        AuditHead.objects.get_or_create(chain=chain)
        head = heads.get(chain=chain)
    return head, head.now


def _tell_who(event: AuditEvent, actor: Actor) -> None:
    event.actor_id, event.actor_role = actor.user_id, actor.role
    event.on_behalf_of = actor.on_behalf_of
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


def _seal(event: AuditEvent, head: AuditHead) -> None:
    event.prev_hash = head.row_hash
    event.row_hash = hashing.row_hash(event)
    event.row_mac = hashing.row_mac(event)
    event.save(force_insert=True)
    AuditHead.objects.filter(pk=head.pk).update(
        sequence=event.sequence,
        row_hash=event.row_hash,
        mac=hashing.head_mac(event.chain, event.sequence, event.row_hash),
    )
