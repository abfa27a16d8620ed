"""Refusals in the trail: each of them counts, the first of a kind are told one by one, the rest in one line (A8).

A kind is one person, right and object. Within a minute twenty of a kind and two hundred of a person have an entry of
their own, so that neither fills the trail, and no kind hides another: whatever is left out is summed up per kind.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import ExpressionWrapper, F, Sum, Value
from django.db.models.fields import DateTimeField
from django.db.models.functions import Now

from audit import heads
from audit.actions import AuditAction
from audit.heads import ChainBroken, ChainClosed
from audit.log import Change, Target, record
from audit.models import Outcome
from audit.origin import Actor
from teams.bookkeeping import FOR_THE_TRAIL, bookkeeping
from teams.models import Refusal
from teams.permissions import Permission

log = structlog.get_logger()
MOST_OF_A_KIND = 20
MOST_OF_A_PERSON = 200
WITHIN = timedelta(minutes=1)
MOST_AT_ONCE = 200


def note(*, team_id: int, actor: Actor, permission: Permission, target: Target, reason: str) -> None:
    """Count a refusal of a member, and leave an entry for it as long as that tells something new.

    `actor` is the person, who has an id; `target` what they were refused, `reason` the sentence they were shown. Where
    the trail of the team is broken, or cannot be written just now, the refusal stands all the same, and the log has it.
    """
    with heads.noticed(), bookkeeping("a refusal", wait=FOR_THE_TRAIL):
        _note(team_id, actor, permission, target, reason)
        return
    log.warning("refusal not recorded", team=team_id, user=actor.user_id, permission=permission)


@transaction.atomic
def _note(team_id: int, actor: Actor, permission: Permission, target: Target, reason: str) -> None:
    row = _counter(team_id, actor, permission, target)
    told = row.told < MOST_OF_A_KIND and _told_to(team_id, actor) < MOST_OF_A_PERSON
    column = "told" if told else "untold"
    Refusal.objects.filter(pk=row.pk).update(**{column: F(column) + 1})
    if told:
        _record(team_id, actor, target, f"{permission}: {reason}")


def summarise() -> int:
    """Write down what the minutes that are over left out; how many lines that took. For the tick."""
    over = Refusal.objects.filter(since__lte=_a_minute_ago())
    if not over.exists():
        return 0
    over.filter(untold=0).delete()
    return sum(_summed_up(pk) for pk in over.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])


def _summed_up(pk: int) -> bool:
    try:
        return _conclude(pk)
    except (ChainBroken, ChainClosed):
        for row in Refusal.objects.filter(pk=pk):
            log.warning("refusals not recorded", team=row.team_id, user=row.user_id, left_out=row.untold)
            row.delete()
        return False


@transaction.atomic
def _conclude(pk: int) -> bool:
    """Two ticks may come at once: the one that takes the row away writes its line."""
    row = Refusal.objects.select_for_update().filter(pk=pk).first()
    if row is None or not Refusal.objects.filter(pk=pk).delete()[0]:
        return False
    # The row is not sealed, so it is the panel that says so, and no act of that person.
    actor = Actor(on_behalf_of=row.user_id, role=row.role)
    target = Target(row.target_type, row.target_id, row.target_label)
    change = Change(after={"more": row.untold, "permission": row.permission})
    _record(row.team_id, actor, target, f"{row.permission}: +{row.untold} more within a minute", change)
    return True


def _record(team_id: int, actor: Actor, target: Target, reason: str, change: Change = Change()) -> None:
    record(
        AuditAction.PERMISSION_DENY,
        chain=team_id,
        actor=actor,
        target=target,
        outcome=Outcome.REFUSED,
        change=change,
        reason=reason,
    )


def _counter(team_id: int, actor: Actor, permission: Permission, target: Target) -> Refusal:
    """The row of this kind, locked. One whose minute is over and that no tick took yet goes on counting."""
    row, _ = Refusal.objects.select_for_update().get_or_create(
        team_id=team_id,
        user_id=actor.user_id or 0,
        permission=permission,
        target_type=target.kind,
        target_id=target.id,
        defaults={"target_label": target.label, "role": actor.role},
    )
    return row


def _told_to(team_id: int, actor: Actor) -> int:
    lately = Refusal.objects.filter(team_id=team_id, user_id=actor.user_id or 0, since__gt=_a_minute_ago())
    return lately.aggregate(all=Sum("told"))["all"] or 0


def _a_minute_ago() -> ExpressionWrapper:
    return ExpressionWrapper(Now() - Value(WITHIN), output_field=DateTimeField())
