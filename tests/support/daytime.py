"""For tests that lay out days and then ask for them: midnight must not come in between."""

import pytest
from django.utils import timezone


@pytest.fixture
def daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's clock goes on from noon (UTC) of the day that it is; the database's stays as it is."""
    clock = timezone.now
    ahead = clock().replace(hour=12, minute=0, second=0, microsecond=0) - clock()
    monkeypatch.setattr(timezone, "now", lambda: clock() + ahead)
