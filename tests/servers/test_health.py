"""What answers say of a key: written once, audited once, and left alone when it needs a rest."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from audit.verify import verify
from servers import budget, health
from servers.leaseweb import (
    AuthError,
    BadAnswer,
    Forbidden,
    LeasewebError,
    NoAnswer,
    NotFound,
    RateLimited,
    Unavailable,
    Unreachable,
)
from servers.models import ApiKey
from tests.cast import MakeApiKey

pytestmark = pytest.mark.django_db
Health = ApiKey.Health
TROUBLES: list[LeasewebError] = [
    Unavailable(),
    Unreachable(),
    NoAnswer(),
    BadAnswer(),
    RateLimited(retry_after=1),
]


def fresh(api_key: ApiKey) -> ApiKey:
    """The key as another worker loads it."""
    return ApiKey.objects.select_related("team").get(pk=api_key.pk)


def told(api_key: ApiKey) -> list[tuple[str, str]]:
    entries = AuditEvent.objects.filter(chain=api_key.team_id, action="api_key.health").order_by("sequence")
    return [(entry.before["health"], entry.after["health"]) for entry in entries]


def rests(api_key: ApiKey, seconds: float, *, since: datetime) -> bool:
    """Whether it was told, between `since` and now, to rest for so long. SQLite tells milliseconds and no less."""
    until = fresh(api_key).paused_until
    earliest = since.replace(microsecond=since.microsecond // 1000 * 1000)
    return until is not None and earliest <= until - timedelta(seconds=seconds) <= timezone.now()


def fail(api_key: ApiKey, error: LeasewebError, *, times: int = 1) -> None:
    for _ in range(times):
        health.note_failure(fresh(api_key), error)


def test_failure_keeps_the_reason_and_the_correlation_id(api_key: ApiKey) -> None:
    fail(api_key, Unavailable("Down\r\nfor now", status=503, correlation_id="c-1"))
    found = fresh(api_key)
    assert (found.health, found.failures, found.correlation_id) == (Health.FAILING, 1, "c-1")
    assert "\n" not in found.error
    assert "Down" in found.error
    assert found.error_at is not None


def test_hostile_words_fit_into_their_columns(api_key: ApiKey) -> None:
    fail(api_key, Unavailable("\u202e\x00" * 4000, correlation_id="c" * 4000))
    assert len(fresh(api_key).error) <= 500
    assert len(fresh(api_key).correlation_id) <= 100


def test_success_forgets_failures_and_wakes_the_key(api_key: ApiKey) -> None:
    fail(api_key, Unavailable(), times=6)
    health.note_success(fresh(api_key))
    found = fresh(api_key)
    assert (found.health, found.failures, found.error, found.paused_until) == (Health.WORKING, 0, "", None)


@pytest.mark.parametrize("error", [AuthError(status=401), Forbidden(status=403)])
def test_refused_reading_refuses_the_key_and_is_audited_once(api_key: ApiKey, error: LeasewebError) -> None:
    workers = [fresh(api_key) for _ in range(3)]
    for worker in workers:
        health.note_failure(worker, error)
    assert fresh(api_key).health == Health.REFUSED
    assert told(api_key) == [("working", "refused")]
    entry = AuditEvent.objects.get(action="api_key.health")
    assert (entry.actor_id, entry.target_id, entry.reason) == (None, str(api_key.pk), error.plain)
    health.note_success(fresh(api_key))
    assert told(api_key) == [("working", "refused"), ("refused", "working")]
    assert verify(api_key.team_id).intact


def test_missing_server_says_nothing_of_the_key(api_key: ApiKey) -> None:
    fail(api_key, NotFound(), times=9)
    assert (fresh(api_key).failures, fresh(api_key).error, fresh(api_key).paused_until) == (0, "", None)


@pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("known", [Health.REFUSED, Health.READS_ONLY])
def test_answer_that_did_not_come_takes_back_nothing_that_leaseweb_said(
    api_key: ApiKey, error: LeasewebError, known: str
) -> None:
    loaded_before = fresh(api_key)
    ApiKey.objects.update(health=known)
    health.note_failure(loaded_before, error)
    assert fresh(api_key).health == loaded_before.health == known
    assert fresh(api_key).error


def test_reading_does_not_disprove_reads_only_and_an_accepted_action_does(api_key: ApiKey) -> None:
    health.note_action_refused(fresh(api_key), Forbidden(status=403), about="1")
    fail(api_key, Unavailable())
    health.note_success(fresh(api_key))
    assert fresh(api_key).health == Health.READS_ONLY
    health.note_action_accepted(fresh(api_key))
    health.note_action_accepted(fresh(api_key))
    assert fresh(api_key).health == Health.WORKING
    assert told(api_key) == [("working", "reads_only"), ("reads_only", "working")]


@pytest.mark.parametrize("before", [Health.WORKING, Health.FAILING, Health.REFUSED])
def test_accepted_action_says_nothing_new_of_other_keys(api_key: ApiKey, before: str) -> None:
    ApiKey.objects.update(health=before)
    health.note_action_accepted(fresh(api_key))
    assert (fresh(api_key).health, told(api_key)) == (before, [])


@pytest.mark.parametrize("error", [AuthError(status=401), Forbidden(status=403)])
@pytest.mark.parametrize(
    ("calls", "refused"),
    [
        ("a", False),
        ("list", False),
        ("a a a", False),
        ("a works b", False),
        ("list works list", False),
        ("a b", True),
        ("a list", True),
        ("list a", True),
        ("list list", True),
    ],
)
def test_two_refusals_in_a_row_refuse_a_key_and_one_does_not(
    api_key: ApiKey, calls: str, refused: bool, error: LeasewebError
) -> None:
    """On different servers; the list is the key's own, so it confirms itself."""
    for call in calls.split():
        if call == "works":
            health.note_success(fresh(api_key))
        else:
            about = health.LIST if call == "list" else call
            health.note_failure(fresh(api_key), error, about=about)
    assert (fresh(api_key).health == Health.REFUSED) == refused
    assert told(api_key) == ([("failing", "refused")] if refused else [])


def test_first_refusal_has_the_list_asked_soon(api_key: ApiKey) -> None:
    ApiKey.objects.update(next_sync_at=timezone.now() + timedelta(minutes=1))
    health.note_failure(fresh(api_key), AuthError(status=401), about="1")
    assert fresh(api_key).next_sync_at <= timezone.now() + timedelta(seconds=5)
    assert fresh(api_key).health == Health.FAILING


def test_refused_action_with_401_counts_like_a_reading(api_key: ApiKey) -> None:
    health.note_action_refused(fresh(api_key), AuthError(status=401), about="1")
    assert fresh(api_key).health == Health.WORKING
    health.note_action_accepted(fresh(api_key))
    health.note_action_refused(fresh(api_key), AuthError(status=401), about="2")
    assert fresh(api_key).health == Health.WORKING
    health.note_action_refused(fresh(api_key), AuthError(status=401), about="1")
    assert fresh(api_key).health == Health.REFUSED


def test_refused_action_is_forgotten_when_a_reading_works(api_key: ApiKey) -> None:
    for server in ("1", "2"):
        health.note_action_refused(fresh(api_key), AuthError(status=401), about=server)
        assert fresh(api_key).health == Health.WORKING
        health.note_success(fresh(api_key))


def test_trouble_of_the_network_fills_nobodys_trail(api_key: ApiKey) -> None:
    for _ in range(3):
        fail(api_key, Unreachable())
        health.note_success(fresh(api_key))
    assert told(api_key) == []


@pytest.mark.parametrize("error", [AuthError(), Forbidden()])
def test_key_refused_at_its_first_readings_is_audited(
    make_api_key: MakeApiKey, team: Any, error: LeasewebError
) -> None:
    api_key = make_api_key(team, health=Health.UNTRIED)
    fail(api_key, error)
    assert told(api_key) == []
    fail(api_key, error)
    assert told(api_key) == [("failing", "refused")]


def test_first_reading_that_works_is_no_news(make_api_key: MakeApiKey, team: Any) -> None:
    api_key = make_api_key(team, health=Health.UNTRIED)
    health.note_success(fresh(api_key))
    assert (fresh(api_key).health, told(api_key)) == (Health.WORKING, [])


# --- Leaving a key alone ----------------------------------------------------------------------------------------


def test_breaker_opens_after_five_failures_in_a_row(api_key: ApiKey) -> None:
    fail(api_key, Unavailable(), times=4)
    assert not budget.paused(api_key)
    begun = timezone.now()
    fail(api_key, Unavailable())
    assert rests(api_key, 30, since=begun)
    assert not budget.take(api_key.pk, background=False)


def test_success_in_between_starts_the_count_anew(api_key: ApiKey) -> None:
    for _ in range(3):
        fail(api_key, Unavailable(), times=4)
        health.note_success(fresh(api_key))
    assert not budget.paused(api_key)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(5, 30), (6, 60), (7, 120), (8, 240), (9, 300), (40, 300), (5000, 300)]
)
def test_rest_doubles_up_to_five_minutes(api_key: ApiKey, failures: int, seconds: int) -> None:
    ApiKey.objects.update(failures=failures - 1)
    begun = timezone.now()
    fail(api_key, Unavailable())
    assert rests(api_key, seconds, since=begun)


def test_rest_is_shortened_by_the_time_scale(api_key: ApiKey, settings: Any) -> None:
    settings.TIME_SCALE = 2
    begun = timezone.now()
    fail(api_key, Unavailable(), times=5)
    assert rests(api_key, 15, since=begun)


@pytest.mark.parametrize(("asked", "seconds"), [(7.0, 7), (600.0, 600), (None, 30), (0.0, 0)])
def test_retry_after_is_honoured_at_the_first_failure(
    api_key: ApiKey, asked: float | None, seconds: int
) -> None:
    begun = timezone.now()
    fail(api_key, RateLimited(retry_after=asked))
    assert rests(api_key, seconds, since=begun)


def test_key_that_rested_is_read_again_and_works(api_key: ApiKey) -> None:
    fail(api_key, Unavailable(), times=5)
    ApiKey.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    assert budget.take(api_key.pk, background=True)
    health.note_success(fresh(api_key))
    fail(api_key, Unavailable())
    assert not budget.paused(api_key), "one failure after a recovery is the first one again"


def test_retry_after_outlives_a_reading_that_was_on_its_way(api_key: ApiKey) -> None:
    begun = timezone.now()
    fail(api_key, Unavailable())
    health.heed(fresh(api_key), RateLimited(retry_after=60))
    health.note_success(fresh(api_key))
    assert rests(api_key, 60, since=begun)
    assert fresh(api_key).failures == 0


@pytest.mark.parametrize("later", [RateLimited(retry_after=5), Unavailable(retry_after=5), Unavailable()])
def test_retry_after_is_not_shortened_by_what_comes_later(api_key: ApiKey, later: LeasewebError) -> None:
    begun = timezone.now()
    health.heed(fresh(api_key), RateLimited(retry_after=300))
    fail(api_key, later, times=5)
    assert rests(api_key, 300, since=begun)


def test_unavailable_is_heeded_only_where_it_says_how_long(api_key: ApiKey) -> None:
    begun = timezone.now()
    health.heed(fresh(api_key), Unavailable())
    health.heed(fresh(api_key), None)
    assert not budget.paused(api_key)
    health.heed(fresh(api_key), Unavailable(retry_after=20))
    assert rests(api_key, 20, since=begun)
    assert fresh(api_key).slowed_until is None


# --- While a click waits ----------------------------------------------------------------------------------------


def test_click_has_a_resting_key_tried_fifteen_seconds_after_its_last_failure(api_key: ApiKey) -> None:
    fail(api_key, Unavailable(), times=8)
    failed_at = fresh(api_key).error_at
    health.try_soon(fresh(api_key))
    until = fresh(api_key).paused_until
    assert failed_at is not None
    assert until is not None
    assert abs(until - failed_at - timedelta(seconds=15)) < timedelta(milliseconds=2)


def test_click_shortens_no_retry_after_and_no_rest_that_ends_sooner(api_key: ApiKey) -> None:
    begun = timezone.now()
    fail(api_key, Unavailable(), times=8)
    health.heed(fresh(api_key), RateLimited(retry_after=500))
    health.try_soon(fresh(api_key))
    assert rests(api_key, 500, since=begun)
    soon = timezone.now() + timedelta(seconds=3)
    ApiKey.objects.update(retry_after_until=None, paused_until=soon)
    health.try_soon(fresh(api_key))
    assert fresh(api_key).paused_until == soon


def test_clicks_that_wait_leave_alone_who_tries_the_key_just_now(api_key: ApiKey) -> None:
    """A Leaseweb that hangs must not hold a thread for each of them."""
    now = timezone.now()
    ApiKey.objects.update(
        failures=6, error_at=now - timedelta(seconds=20), paused_until=now + timedelta(seconds=40)
    )
    tried = []
    for _ in range(4):
        health.try_soon(fresh(api_key))
        tried.append(budget.take_for_send(api_key.pk, calls=2))
    assert tried == [True, False, False, False]


def test_only_one_caller_tries_a_key_whose_rest_is_over(api_key: ApiKey) -> None:
    ApiKey.objects.update(failures=7, paused_until=timezone.now() - timedelta(seconds=1))
    assert [budget.take_for_send(api_key.pk, calls=1) for _ in range(3)] == [True, False, False]
    begun = fresh(api_key).paused_until
    assert begun is not None
    assert begun > timezone.now() + timedelta(seconds=10)
    health.note_success(fresh(api_key))
    assert budget.take_for_send(api_key.pk, calls=1)
    assert budget.take_for_send(api_key.pk, calls=1)
