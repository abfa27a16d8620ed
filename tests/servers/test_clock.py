"""Durations in the database's clock, shortened by TIME_SCALE."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from servers.clock import after, before, scaled
from servers.models import ApiKey

pytestmark = pytest.mark.django_db
SPAN = timedelta(minutes=3)


@pytest.mark.parametrize("scale", [1.0, 2.0, 100.0, 0.5])
def test_moments_lie_a_scaled_duration_from_the_databases_now(
    api_key: ApiKey, settings: Any, scale: float
) -> None:
    settings.TIME_SCALE = scale
    row = ApiKey.objects.annotate(now=Now(), later=after(SPAN), earlier=before(SPAN)).get()
    assert row.later - row.now == row.now - row.earlier == SPAN / scale == scaled(SPAN)


def test_moment_is_written_and_compared_by_the_database(api_key: ApiKey) -> None:
    ApiKey.objects.update(paused_until=after(SPAN))
    assert not ApiKey.objects.filter(paused_until__lte=Now()).exists()
    assert ApiKey.objects.filter(paused_until__gt=after(SPAN - timedelta(minutes=2))).exists()
    ApiKey.objects.update(paused_until=before(timedelta(seconds=1)))
    assert ApiKey.objects.filter(paused_until__lte=Now()).exists()


def test_moment_does_not_hang_on_the_zone_of_the_process(api_key: ApiKey) -> None:
    with timezone.override("Asia/Kolkata"):
        ApiKey.objects.update(paused_until=after(SPAN))
    api_key.refresh_from_db()
    assert api_key.paused_until is not None
    assert abs(api_key.paused_until - timezone.now() - SPAN) < timedelta(minutes=30)
