"""A server whose passwords can be asked for, and somebody who may."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from servers.models import Server, ServerReading
from teams.models import User
from tests.cast import ClientOf
from tests.support.engine_room import EngineRoom
from tests.support.proof import prove


@pytest.fixture
def server(room: EngineRoom) -> Server:
    """One whose credentials were read a while ago."""
    server = room.server()
    row, _ = ServerReading.objects.get_or_create(server=server, subject="credentials")
    ServerReading.objects.filter(pk=row.pk).update(
        read_at=timezone.now() - timedelta(minutes=90),
        content=[{"type": "OPERATING_SYSTEM", "username": "root"}],
    )
    return server


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> Client:
    """An admin who gave their password a moment ago."""
    return prove(client_of(admin), admin)
