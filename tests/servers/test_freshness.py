"""Why a figure may be old, and what the page advises."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servers import freshness
from servers.models import ApiKey, Server

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def key(**fields: Any) -> ApiKey:
    return ApiKey(**{"name": "Main", "health": "working", "next_sync_at": NOW + MINUTE, **fields})


def server(seen: timedelta = SECOND, **fields: Any) -> Server:
    return Server(**{"shown_name": "web", "seen_at": NOW - seen, "api_key": key(), **fields})


def test_of_server_has_no_doubt_about_a_fresh_reading() -> None:
    assert freshness.of_server(server(), NOW) is None
    assert freshness.of_server(server(5 * MINUTE), NOW) is None


def test_of_server_doubts_a_reading_older_than_five_minutes() -> None:
    doubt = freshness.of_server(server(5 * MINUTE + SECOND), NOW)
    assert doubt is not None
    assert doubt.text == "Figures are 5 min old."
    assert "Refresh" in doubt.advice


@pytest.mark.parametrize("health", [ApiKey.Health.REFUSED, ApiKey.Health.FAILING])
def test_of_server_names_the_key_that_does_not_work(health: str) -> None:
    doubt = freshness.of_server(server(api_key=key(health=health)), NOW)
    assert doubt is not None
    assert "“Main”" in doubt.text
    assert doubt.about_key


def test_of_server_says_that_no_key_is_left() -> None:
    doubt = freshness.of_server(server(api_key=None), NOW)
    assert doubt is not None
    assert doubt.text == freshness.NO_KEY


def test_of_server_says_since_when_it_is_gone() -> None:
    doubt = freshness.of_server(server(api_key=None, gone_at=NOW - MINUTE), NOW)
    assert doubt is not None
    assert doubt.text == "Leaseweb has not listed this server since 10 Mar 2026, 11:59."


def test_why_quiet_tells_a_pause_from_a_worker_that_is_not_there() -> None:
    assert "left alone until" in freshness.why_quiet(key(paused_until=NOW + MINUTE), NOW)
    assert "worker" in freshness.why_quiet(key(next_sync_at=NOW - 3 * MINUTE), NOW)
    assert "call budget" in freshness.why_quiet(key(), NOW)


def test_of_key_leaves_a_key_alone_that_is_read_as_it_should_be() -> None:
    assert freshness.of_key(key(), NOW) is None
    assert freshness.of_key(key(health="untried"), NOW) is None
    assert freshness.of_key(key(next_sync_at=NOW - 3 * MINUTE, paused_until=NOW + MINUTE), NOW) is None


@pytest.mark.parametrize(
    ("health", "tone"),
    [(ApiKey.Health.REFUSED, "danger"), (ApiKey.Health.FAILING, "warn"), (ApiKey.Health.READS_ONLY, "warn")],
)
def test_of_key_wants_a_person_for_a_key_in_trouble(health: str, tone: str) -> None:
    found = freshness.of_key(key(health=health), NOW)
    assert found is not None
    assert found.tone == tone
    assert found.text[0].isupper()


def test_of_key_says_that_a_list_is_not_whole_though_the_key_works() -> None:
    found = freshness.of_key(key(list_error="50 of 120"), NOW)
    assert found is not None
    assert (found.advice, found.tone) == ("50 of 120", "warn")


def test_of_key_says_how_far_the_first_pass_came() -> None:
    found = freshness.of_key(key(synced_at=None, pass_offset=350, pass_total=10_000), NOW)
    assert found is not None
    assert "350 of 10,000 so far" in found.text
    assert found.tone == "info"


def test_of_key_wants_a_person_when_nobody_reads_it() -> None:
    found = freshness.of_key(key(next_sync_at=NOW - 3 * MINUTE), NOW)
    assert found is not None
    assert "not being read" in found.text


@pytest.mark.parametrize("health", ApiKey.Health.values)
def test_every_health_has_advice(health: str) -> None:
    assert freshness.advice(key(health=health), NOW)
    assert health in ("working", "untried") or freshness.trouble(key(health=health))
