"""The call budget: shared in the database, with a share that background reading cannot touch."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from servers import budget, health, passes
from servers.clock import after, before
from servers.leaseweb import RateLimited
from servers.models import ApiKey
from tests.servers.conftest import Cloud

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def slow_refill(settings: Any) -> None:
    """A budget so small that the moments a test takes earn nothing worth a call."""
    settings.CALL_BUDGET_PER_MINUTE = 0.01


def leave(api_key: ApiKey, tokens: float, *, since: timedelta = timedelta(0)) -> None:
    ApiKey.objects.filter(pk=api_key.pk).update(budget_tokens=tokens, budget_at=before(since))


def taken(api_key: ApiKey, *, background: bool, tries: int = 20) -> int:
    return sum(budget.take(api_key.pk, background=background) for _ in range(tries))


def tokens(api_key: ApiKey) -> float:
    return ApiKey.objects.values_list("budget_tokens", flat=True).get(pk=api_key.pk)


def test_clicks_may_use_all_and_background_seven_tenths(api_key: ApiKey) -> None:
    leave(api_key, budget.BURST)
    assert taken(api_key, background=True) == 7
    assert taken(api_key, background=False) == 3
    assert not budget.take(api_key.pk, background=False)


def test_call_that_does_not_fit_takes_nothing(api_key: ApiKey) -> None:
    leave(api_key, 1.5)
    assert not budget.take(api_key.pk, background=False, calls=2)
    assert tokens(api_key) == pytest.approx(1.5, abs=0.2)
    assert budget.take(api_key.pk, background=False)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_budget_grows_back_with_time(api_key: ApiKey, settings: Any, scale: float) -> None:
    settings.CALL_BUDGET_PER_MINUTE, settings.TIME_SCALE = 60, scale
    ApiKey.objects.update(budget_tokens=0, budget_at=before(timedelta(seconds=2)))
    began = ApiKey.objects.get().budget_at
    assert budget.take(api_key.pk, background=False)
    after_it = ApiKey.objects.get()
    earned = (after_it.budget_at - began).total_seconds() * scale
    assert earned >= 2
    assert after_it.budget_tokens == pytest.approx(earned - 1)


def test_budget_grows_to_the_burst_and_no_further(api_key: ApiKey) -> None:
    leave(api_key, 0, since=timedelta(days=3))
    assert taken(api_key, background=False) == 10


def test_idle_time_is_earned_once(api_key: ApiKey) -> None:
    """A full budget earns nothing, and does not save the time up for later either."""
    leave(api_key, budget.BURST, since=timedelta(days=3))
    assert budget.take(api_key.pk, background=False)
    budget.charge(api_key.pk, calls=9)
    assert not budget.take(api_key.pk, background=False)


def test_clock_that_went_back_takes_nothing_away(api_key: ApiKey) -> None:
    ApiKey.objects.update(budget_tokens=5, budget_at=after(timedelta(hours=1)))
    assert budget.take(api_key.pk, background=False)
    assert tokens(api_key) == pytest.approx(4, abs=0.1)


def test_further_pages_are_charged_and_may_leave_a_debt(api_key: ApiKey) -> None:
    leave(api_key, budget.BURST)
    budget.charge(api_key.pk, calls=25)
    assert tokens(api_key) == -15
    budget.charge(api_key.pk, calls=0)
    assert tokens(api_key) == -15
    assert not budget.take(api_key.pk, background=False)


@pytest.mark.parametrize(("had", "left"), [(10.0, 3.0), (3.5, 3.0), (2.0, 2.0), (-4.0, -4.0)])
def test_background_pages_leave_the_share_of_clicks_alone(api_key: ApiKey, had: float, left: float) -> None:
    leave(api_key, had)
    budget.charge(api_key.pk, calls=40, background=True)
    assert tokens(api_key) == pytest.approx(left)


def test_pass_over_a_large_fleet_takes_a_page_at_a_time_and_leaves_the_share_of_clicks(
    cloud: Cloud, settings: Any
) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 10
    cloud.sim.world.add_servers(cloud.sim.world.account("main"), count=740)
    api_key = cloud.key()
    cloud.turn(api_key)
    assert len(cloud.calls()) == 7
    assert (api_key.pass_offset, api_key.pass_total, api_key.synced_at) == (350, 752, None)
    assert budget.take(api_key.pk, background=False, calls=2)
    assert not budget.take(api_key.pk, background=True)
    cloud.sync(api_key)
    assert len(cloud.calls()) == 16


@pytest.mark.parametrize(("servers", "seconds"), [(0, 60), (148, 60), (588, 103)])
def test_large_fleet_is_read_less_often(cloud: Cloud, settings: Any, servers: int, seconds: int) -> None:
    """Twelve pages at seven background calls a minute take 103 seconds; fewer keep the usual minute."""
    settings.CALL_BUDGET_PER_MINUTE = 10
    cloud.sim.world.add_servers(cloud.sim.world.account("main"), count=servers)
    api_key = cloud.key()
    cloud.sync(api_key)
    assert api_key.synced_at is not None
    pause, longest = timedelta(seconds=seconds), timezone.now() - api_key.synced_at
    assert pause - SECOND <= api_key.next_sync_at - api_key.synced_at <= pause + longest + SECOND


@pytest.mark.parametrize(("background", "calls"), [(True, 1), (False, 1), (False, 2)])
def test_paused_or_removed_key_gives_nothing(api_key: ApiKey, background: bool, calls: int) -> None:
    leave(api_key, budget.BURST)
    ApiKey.objects.update(paused_until=after(timedelta(hours=1)))
    assert budget.paused(api_key)
    assert not budget.take(api_key.pk, background=background, calls=calls)
    ApiKey.objects.update(paused_until=before(SECOND))
    assert not budget.paused(api_key)
    assert budget.take(api_key.pk, background=background, calls=calls)
    ApiKey.objects.update(removed_at=timezone.now())
    assert not budget.take(api_key.pk, background=background, calls=calls)


def test_key_that_does_not_exist_gives_nothing(db: None) -> None:
    assert not budget.take(4711, background=False)


def test_pass_without_budget_is_put_off_and_asks_nobody(cloud: Cloud) -> None:
    api_key, begun = cloud.key(), timezone.now()
    leave(api_key, 3.0)
    assert passes.read_if_due(api_key) is None
    api_key.refresh_from_db()
    assert cloud.calls() == []
    assert api_key.synced_at is None
    assert ApiKey.objects.filter(next_sync_at__lte=after(passes.WAIT_FOR_BUDGET)).exists()
    assert api_key.next_sync_at >= begun + passes.WAIT_FOR_BUDGET - SECOND


def test_more_is_saved_up_when_the_budget_is_large(api_key: ApiKey, settings: Any) -> None:
    """Fifteen seconds' worth."""
    settings.CALL_BUDGET_PER_MINUTE = 240
    leave(api_key, 0, since=timedelta(days=3))
    assert taken(api_key, background=False, tries=60) == 60
    assert tokens(api_key) < 5


@pytest.mark.parametrize(
    ("per_minute", "full", "turns"), [(240, 60, 39), (60, 15, 7), (10, 10, 4), (1000, 250, 227)]
)
def test_turns_leave_calls_for_several_clicks(
    api_key: ApiKey, settings: Any, per_minute: int, full: int, turns: int
) -> None:
    settings.CALL_BUDGET_PER_MINUTE, settings.TIME_SCALE = per_minute, 0.001
    leave(api_key, full)
    left = budget.for_several_clicks()
    assert sum(budget.take(api_key.pk, background=True, leave=left) for _ in range(full)) == turns
    assert budget.take(api_key.pk, background=True), "the regular list pass"


def test_429_halves_the_budget_for_ten_minutes(api_key: ApiKey, settings: Any) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 240
    health.heed(api_key, RateLimited(retry_after=0))
    assert ApiKey.objects.filter(slowed_until__gt=after(timedelta(minutes=9))).exists()
    leave(api_key, 0, since=timedelta(minutes=1))
    assert budget.take_for_send(api_key.pk, calls=1)
    assert tokens(api_key) == pytest.approx(29), "fifteen seconds of 120 a minute"
    slow = budget.time_until(api_key.pk, calls=1029)
    ApiKey.objects.update(slowed_until=before(SECOND))
    assert slow > 1.9 * budget.time_until(api_key.pk, calls=1029)


def test_while_clicks_wait_all_calls_are_theirs(api_key: ApiKey) -> None:
    leave(api_key, budget.BURST)
    budget.put_clicks_first(api_key.pk, timedelta(seconds=60))
    budget.put_clicks_first(api_key.pk, timedelta(seconds=1))
    assert budget.clicks_wait(api_key.pk)
    assert taken(api_key, background=True) == taken(api_key, background=False) == 0
    assert budget.take_for_send(api_key.pk, calls=10)
    assert not budget.take_for_send(api_key.pk, calls=1)
    ApiKey.objects.update(clicks_until=before(SECOND), budget_tokens=budget.BURST)
    assert not budget.clicks_wait(api_key.pk)
    assert taken(api_key, background=False) == 10


def test_readings_for_jobs_keep_a_pace_of_their_own_while_clicks_wait(api_key: ApiKey, settings: Any) -> None:
    """Nine calls at 15 % of 240 a minute are worth fifteen seconds, however much is left of the budget."""
    settings.CALL_BUDGET_PER_MINUTE = 240
    leave(api_key, -5)
    assert not budget.take_for_poll(api_key.pk, calls=9), "without clicks, as everybody"
    budget.put_clicks_first(api_key.pk, timedelta(seconds=60))
    assert [budget.take_for_poll(api_key.pk, calls=9) for _ in range(2)] == [True, False]
    assert ApiKey.objects.filter(polls_after__gt=after(timedelta(seconds=13))).exists()
    ApiKey.objects.update(polls_after=before(SECOND), paused_until=after(timedelta(hours=1)))
    assert not budget.take_for_poll(api_key.pk, calls=9)


@pytest.mark.django_db(transaction=True)
def test_takers_at_once_get_no_more_than_there_is(api_key: ApiKey) -> None:
    leave(api_key, budget.BURST)
    got: list[int] = []

    def taker() -> None:
        try:
            got.append(taken(api_key, background=False, tries=4))
        finally:
            connection.close()

    threads = [threading.Thread(target=taker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), sum(got)) == (8, 10)
