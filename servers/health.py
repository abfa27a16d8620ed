"""What the answers to a key say about it: working, failing, refused, reads only; and when to leave it alone.

A breaker: after five failures in a row the key rests for 30 s, doubling to 5 min; while a click waits it is tried every
15 s. A Retry-After of any call is honoured by all calls of the key.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, Value, When
from django.db.models.functions import Now

import audit.log
from audit.actions import AuditAction
from audit.origin import Actor
from audit.text import one_line
from servers.budget import FAILURES_TO_REST, PROBE_EVERY
from servers.clock import after, scaled
from servers.leaseweb import AuthError, Forbidden, LeasewebError, NotFound, RateLimited, Unavailable
from servers.models import ApiKey
from servers.traffic.units import UnknownUnit

Health = ApiKey.Health
REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=5)
RETRY_AFTER_UNSAID = 30.0
SLOWED = timedelta(minutes=10)
THINGS_THAT_ARE_NOT_THE_KEYS_FAULT = (NotFound, UnknownUnit)
# What a refused call was about when it was the key's own list, and how soon that list is asked after a refusal.
LIST = "*"
ASK_AGAIN = timedelta(seconds=5)
# What Leaseweb said of the key itself; an answer that did not come takes nothing of that back.
KNOWN_LIMITS = (Health.REFUSED, Health.READS_ONLY)


def note_success(api_key: ApiKey) -> None:
    """A reading came back: the key works, and a breaker closes; what Leaseweb asked for by Retry-After goes on.

    That it may not act ("reads only") is not disproved by reading.
    """
    asked = When(retry_after_until__gt=Now(), then=F("retry_after_until"))
    still = Case(asked, default=Value(None), output_field=DateTimeField())
    ApiKey.objects.filter(pk=api_key.pk).exclude(failures=0, error="", refused_about="").update(
        failures=0, error="", paused_until=still, refused_about=""
    )
    if api_key.health not in (Health.WORKING, Health.READS_ONLY):
        _change(api_key, Health.WORKING, reason="")


def error_columns(error: LeasewebError) -> dict[str, Any]:
    """The columns that keep why a reading failed; keys, readings and snapshots have the same ones."""
    return {
        "error": one_line(error.plain, 500),
        "error_at": Now(),
        "correlation_id": one_line(error.correlation_id, 100),
    }


def heed(api_key: ApiKey, error: LeasewebError | None) -> None:
    """Keep the Retry-After of an answer, whatever call it answered; 429 means 30 s without one, and half the budget.

    What was asked for is never shortened, neither by a later answer nor by a reading that comes back.
    """
    if not isinstance(error, (RateLimited, Unavailable)):
        return
    limited = isinstance(error, RateLimited)
    seconds = RETRY_AFTER_UNSAID if limited and error.retry_after is None else error.retry_after
    if seconds is not None:
        _keep_latest(api_key, "retry_after_until", timedelta(seconds=seconds))
        _keep_latest(api_key, "paused_until", timedelta(seconds=seconds))
    if limited:
        ApiKey.objects.filter(pk=api_key.pk).update(slowed_until=after(SLOWED))


def try_soon(api_key: ApiKey) -> None:
    """A click waits for a key that rests: it is tried 15 s after its last failure, unless Leaseweb asked for more."""
    asked = Q(retry_after_until__gt=Now())
    resting = ApiKey.objects.exclude(asked).filter(pk=api_key.pk, failures__gte=FAILURES_TO_REST)
    soon = F("error_at") + Value(scaled(PROBE_EVERY))
    # A shorter pause is soon enough, or that of somebody who is trying it this very moment.
    resting.filter(paused_until__gt=soon).filter(paused_until__gt=after(PROBE_EVERY)).update(
        paused_until=soon
    )


def note_action_accepted(api_key: ApiKey) -> None:
    """Leaseweb accepted an action: the key is for more than reading."""
    ApiKey.objects.filter(pk=api_key.pk).exclude(refused_about="").update(refused_about="")
    if api_key.health == Health.READS_ONLY:
        _change(api_key, Health.WORKING, reason="Leaseweb accepted an action with it.")


def note_failure(api_key: ApiKey, error: LeasewebError, *, about: str = LIST) -> None:
    """A reading failed: keep the reason, rest if it keeps failing, and say so when the key itself was refused.

    `about` is Leaseweb's id of the server that was asked about, or LIST. One refusal may be a slip of Leaseweb's or
    one server's trouble: a key is refused by two in a row, on different servers or with the list last.
    """
    if isinstance(error, THINGS_THAT_ARE_NOT_THE_KEYS_FAULT):
        return
    ApiKey.objects.filter(pk=api_key.pk).update(
        failures=F("failures") + 1,
        refresh_asked_at=None,
        **error_columns(error),
    )
    _rest(api_key, error)
    if isinstance(error, (AuthError, Forbidden)) and _is_second(api_key, about):
        _change(api_key, Health.REFUSED, reason=error.plain)
        return
    ApiKey.objects.filter(pk=api_key.pk).exclude(health__in=KNOWN_LIMITS).update(health=Health.FAILING)
    api_key.refresh_from_db(fields=["health"])


def _is_second(api_key: ApiKey, about: str) -> bool:
    """Whether a refusal confirms another one that nothing came between; if not, the key's list is asked soon."""
    key = ApiKey.objects.filter(pk=api_key.pk)
    others = key.exclude(refused_about="")
    if (others if about == LIST else others.exclude(refused_about=about)).exists():
        return True
    key.update(refused_about=about, next_sync_at=after(ASK_AGAIN))
    return False


def note_action_refused(api_key: ApiKey, error: LeasewebError, *, about: str) -> None:
    """Leaseweb refused an action on server `about` for the key's sake: a 401 counts like that of a reading, 403 makes
    the key look like reads only.

    One 403 may be the server's state; the caller says so only after it happened on two different servers.
    """
    if not isinstance(error, AuthError):
        _change(api_key, Health.READS_ONLY, reason=error.plain)
    elif _is_second(api_key, about):
        _change(api_key, Health.REFUSED, reason=error.plain)


def _rest(api_key: ApiKey, error: LeasewebError) -> None:
    heed(api_key, error)
    failures = ApiKey.objects.values_list("failures", flat=True).get(pk=api_key.pk)
    if failures >= FAILURES_TO_REST and not isinstance(error, RateLimited):
        rest = min(REST * 2 ** min(failures - FAILURES_TO_REST, 10), LONGEST_REST)
        _keep_latest(api_key, "paused_until", rest)


def _keep_latest(api_key: ApiKey, moment: str, duration: timedelta) -> None:
    """Set a moment `duration` from now, unless a later one is kept."""
    until = after(duration)
    earlier = Q(**{moment: None}) | Q(**{f"{moment}__lt": until})
    ApiKey.objects.filter(earlier, pk=api_key.pk).update(**{moment: until})


def _change(api_key: ApiKey, health: str, *, reason: str) -> None:
    """Write a new health once; of several workers that see it the first one does.

    What Leaseweb says of the key itself, and that it takes it back, is audited; a network that comes and goes is not.
    """
    old = api_key.health
    with transaction.atomic():
        changed = ApiKey.objects.filter(pk=api_key.pk).exclude(health=health).update(health=health)
        if changed and (health in KNOWN_LIMITS or old in KNOWN_LIMITS):
            audit.log.record(
                AuditAction.API_KEY_HEALTH,
                chain=api_key.team_id,
                actor=Actor(),
                target=audit.log.Target("api_key", str(api_key.pk), api_key.name),
                change=audit.log.Change({"health": old}, {"health": str(health)}),
                reason=reason,
            )
    api_key.health = health
