"""The call budget of a key: a token bucket in the database, shared by every process.

Leaseweb documents no rate limit, so the panel sets its own (CALL_BUDGET_PER_MINUTE). Background reading may not
touch the last 30 %, which are kept for clicks. A key that was told to wait (Retry-After, open breaker) gives nothing.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, FloatField, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least, Now

from servers.models import ApiKey

BURST = 10.0
RESERVE = 0.3


def take(api_key_id: int, *, background: bool, calls: int = 1, leave: int = 0) -> bool:
    """Take `calls` from the budget; False when the key is paused or the share of the budget is used up.

    `leave` is what has to be left over for background reading that matters more.
    """
    _refill(api_key_id)
    floor = calls + leave + (BURST * RESERVE if background else 0.0)
    affordable = ApiKey.objects.filter(_awake(), pk=api_key_id, removed_at=None, budget_tokens__gte=floor)
    return affordable.update(budget_tokens=F("budget_tokens") - calls) == 1


def charge(api_key_id: int, *, calls: int, background: bool = False) -> None:
    """Note calls that turned out to be needed (further pages). May go below zero: then the next ones wait.

    Background reading stops at what is kept for clicks; `spread` makes up for it by a longer pause.
    """
    if calls <= 0:
        return
    left: Combinable = F("budget_tokens") - Value(float(calls))
    if background:
        left = Greatest(left, Least(F("budget_tokens"), Value(BURST * RESERVE)))
    ApiKey.objects.filter(pk=api_key_id).update(budget_tokens=left)


def spread(calls: int) -> timedelta:
    """How long background reading that takes `calls` has to last to stay within its share of the budget."""
    return timedelta(minutes=calls / (settings.CALL_BUDGET_PER_MINUTE * (1 - RESERVE)))


def paused(api_key: ApiKey) -> bool:
    return not ApiKey.objects.filter(_awake(), pk=api_key.pk).exists()


def _awake() -> Q:
    return Q(paused_until=None) | Q(paused_until__lte=Now())


def _refill(api_key_id: int) -> None:
    """Add what the time since the last refill is worth; of two processes that try at once one wins, which is enough."""
    row = (
        ApiKey.objects.filter(pk=api_key_id)
        .annotate(now=Now())
        .values_list("budget_tokens", "budget_at", "now")
    ).first()
    if row is None:
        return
    tokens, at, now = row
    per_second = settings.CALL_BUDGET_PER_MINUTE / 60 * settings.TIME_SCALE
    earned = max((now - at) / timedelta(seconds=1), 0.0) * per_second
    gained = max(min(earned, BURST - tokens), 0.0)
    if earned > 0:
        # Not "equal": SQLite compares the text of times, and writes its own with fewer digits than Python does.
        new = Value(gained, output_field=FloatField())
        ApiKey.objects.filter(pk=api_key_id, budget_at__lte=at).update(
            budget_tokens=F("budget_tokens") + new, budget_at=now
        )
