"""Leases of readings: soon free when the reader is dead, kept while it lives."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from jobs.engine.leasing import with_lease
from servers import details
from servers.clock import after, before
from servers.lease import LEASE
from servers.models import ApiKey, ServerReading
from teams.models import Team
from tests.cast import MakeServer
from tests.support.waiting import wait_for

Subject = ServerReading.Subject
# More renewals than fit into one lease.
SEVERAL = 6


@pytest.fixture
def snapshots(make_server: MakeServer, team: Team, api_key: ApiKey) -> ServerReading:
    """A reading that is due."""
    reading = details.of(make_server(team, api_key=api_key), Subject.SNAPSHOTS)
    ServerReading.objects.update(due_at=before(LEASE))
    return reading


def await_renewals(rows: QuerySet[Any], moment: str) -> None:
    seen: set[Any] = set()

    def enough() -> bool:
        seen.update(rows.values_list(moment, flat=True))
        return len(seen) > SEVERAL

    wait_for(enough, what=f"renewals of {moment}")


@pytest.mark.django_db
def test_dead_reader_keeps_what_it_read_for_fifteen_seconds_at_most(
    api_key: ApiKey, snapshots: ServerReading
) -> None:
    longest = after(timedelta(seconds=15))
    held: list[ApiKey] = []
    assert details.claim(snapshots.pk) is not None
    assert ServerReading.objects.filter(lease_until__lte=longest).exists()
    with_lease(api_key.pk, lambda _: held.extend(ApiKey.objects.filter(poll_lease_until__lte=longest)))
    assert held == [api_key]


@pytest.mark.django_db(transaction=True)
def test_reader_that_lives_keeps_its_key_however_long_it_takes(api_key: ApiKey, settings: Any) -> None:
    settings.TIME_SCALE = 30

    def slow(key: ApiKey) -> None:
        await_renewals(ApiKey.objects.filter(pk=key.pk), "poll_lease_until")
        assert not with_lease(key.pk, slow)

    assert with_lease(api_key.pk, slow)
    assert ApiKey.objects.get().poll_lease_until is None


@pytest.mark.django_db(transaction=True)
def test_lease_that_ran_out_is_not_taken_back(snapshots: ServerReading, settings: Any) -> None:
    """A reader that was frozen wakes up, and somebody else may have begun meanwhile."""
    settings.TIME_SCALE = 30
    other = details.of(snapshots.server, Subject.TEMPLATES)
    assert details.claim(snapshots.pk) is not None
    assert details.lease(other)
    with details.kept(snapshots), details.kept(other):
        ServerReading.objects.filter(pk=snapshots.pk).update(lease_until=before(LEASE))
        await_renewals(ServerReading.objects.filter(pk=other.pk), "lease_until")
        assert details.claim(snapshots.pk) is not None
