"""The call budget of a key: a token bucket in the database, shared by every process.

Leaseweb documents no rate limit, so the panel sets its own (CALL_BUDGET_PER_MINUTE); for ten minutes after a 429 it is
half of that. Up to fifteen seconds' worth may be saved up. Background reading leaves the last three calls to clicks,
and what is read by its turn leaves 30 % of what may be saved up.

Sends come first. As soon as a click has to wait for a call, nothing else is read with that key until all have been
sent, but for the readings that jobs on their way are judged by, which then take POLL_SHARE of the budget.

A key that was told to wait (Retry-After, open breaker) gives nothing. When the rest of a breaker is over, one caller
is let through to try; the next one PROBE_EVERY later, unless that reading came back.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import Case, DateTimeField, F, FloatField, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least, Now

from servers.clock import after
from servers.leaseweb import PAGE_SIZE
from servers.models import ApiKey

BURST = 10.0
BURST_TIME = timedelta(seconds=15)
RESERVE = 0.3
MOST_AT_HAND = 20.0
POLL_SHARE = 0.15
FAILURES_TO_REST = 5
PROBE_EVERY = timedelta(seconds=15)


def take(api_key_id: int, *, background: bool, calls: int = 1, leave: float = 0) -> bool:
    """Take `calls` for a reading that belongs to no job; False when the key is paused, the share of the budget is used
    up, or clicks wait.

    `leave` is what has to be left over for background reading that matters more.
    """
    floor = calls + leave + (BURST * RESERVE if background else 0.0)
    return _spend(api_key_id, calls, floor, _no_click_waits())


def take_for_send(api_key_id: int, *, calls: int) -> bool:
    """Take what a send and the readings before it need; False when the key is paused or has not so many calls left."""
    return _spend(api_key_id, calls, calls)


def take_for_poll(api_key_id: int, *, calls: int) -> bool:
    """Take the first of `calls` for reading what jobs are judged by; the others are charged as they are made.

    False when it is not the time: the key is paused or has no call left. While clicks wait its calls are theirs, and
    readings come at their own pace instead, whatever is left.
    """
    if _spend(api_key_id, 1, 1, _no_click_waits()):
        return True
    due = Q(clicks_until__gt=Now()) & (Q(polls_after=None) | Q(polls_after__lte=Now()))
    key = ApiKey.objects.filter(awake(), due, pk=api_key_id, removed_at=None)
    pace = timedelta(minutes=calls / (_per_minute(api_key_id) * POLL_SHARE))
    return (
        key.update(
            budget_tokens=F("budget_tokens") - 1, paused_until=_while_trying(), polls_after=after(pace)
        )
        == 1
    )


def put_clicks_first(api_key_id: int, wait: timedelta) -> None:
    """A click has to wait so long for its calls: until then there are none for others."""
    until = after(wait)
    later = Q(clicks_until=None) | Q(clicks_until__lt=until)
    ApiKey.objects.filter(later, pk=api_key_id).update(clicks_until=until)


def clicks_wait(api_key_id: int) -> bool:
    return ApiKey.objects.filter(pk=api_key_id, clicks_until__gt=Now()).exists()


def time_until(api_key_id: int, *, calls: int) -> timedelta:
    """About how long until `calls` have come together, of which others take none but for POLL_SHARE."""
    _refill(api_key_id)
    tokens = ApiKey.objects.values_list("budget_tokens", flat=True).get(pk=api_key_id)
    return timedelta(minutes=max(calls - tokens, 0.0) / (_per_minute(api_key_id) * (1 - POLL_SHARE)))


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


def list_calls(api_key: ApiKey) -> int:
    """How many calls a pass through all servers of a key takes, as far as it is known."""
    entries = max(api_key.server_count, api_key.pass_total or 0)
    return max(1, api_key.list_calls, -(-entries // PAGE_SIZE))


def for_several_clicks() -> float:
    """What reading by turns leaves: so many calls are at hand when several clicks come at once."""
    return min(_most(settings.CALL_BUDGET_PER_MINUTE) * RESERVE, MOST_AT_HAND)


def paused(api_key: ApiKey) -> bool:
    return not ApiKey.objects.filter(awake(), pk=api_key.pk).exists()


def awake() -> Q:
    """Keys that may be asked something now."""
    return Q(paused_until=None) | Q(paused_until__lte=Now())


def _no_click_waits() -> Q:
    return Q(clicks_until=None) | Q(clicks_until__lte=Now())


def _spend(api_key_id: int, calls: int, floor: float, only_if: Q = Q()) -> bool:
    _refill(api_key_id)
    affordable = ApiKey.objects.filter(
        awake(), only_if, pk=api_key_id, removed_at=None, budget_tokens__gte=floor
    )
    spent = affordable.update(budget_tokens=F("budget_tokens") - calls, paused_until=_while_trying())
    return spent == 1


def _while_trying() -> Case:
    """Whoever tries a key whose rest is over keeps all others off it until the answer is there, or long in coming."""
    resting = When(failures__gte=FAILURES_TO_REST, then=after(PROBE_EVERY))
    return Case(resting, default=F("paused_until"), output_field=DateTimeField())


def _per_minute(api_key_id: int) -> float:
    slowed = ApiKey.objects.filter(pk=api_key_id, slowed_until__gt=Now()).exists()
    return settings.CALL_BUDGET_PER_MINUTE / (2 if slowed else 1)


def _most(per_minute: float) -> float:
    return max(BURST, per_minute * (BURST_TIME / timedelta(minutes=1)))


def _refill(api_key_id: int) -> None:
    """Add what the time since the last refill is worth; of two processes that try at once one wins, which is enough."""
    row = (
        ApiKey.objects.filter(pk=api_key_id)
        .annotate(now=Now(), slowed=Case(When(slowed_until__gt=Now(), then=Value(2)), default=Value(1)))
        .values_list("budget_tokens", "budget_at", "now", "slowed")
    ).first()
    if row is None:
        return
    tokens, at, now, slowed = row
    per_minute = settings.CALL_BUDGET_PER_MINUTE / slowed
    earned = max((now - at) / timedelta(minutes=1), 0.0) * per_minute * settings.TIME_SCALE
    gained = max(min(earned, _most(per_minute) - tokens), 0.0)
    if earned > 0:
        # Not "equal": SQLite compares the text of times, and writes its own with fewer digits than Python does.
        new = Value(gained, output_field=FloatField())
        ApiKey.objects.filter(pk=api_key_id, budget_at__lte=at).update(
            budget_tokens=F("budget_tokens") + new, budget_at=now
        )
