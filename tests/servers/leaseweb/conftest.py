from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from servers.leaseweb import Client, Secret
from tests.servers.leaseweb.wire import RawServer, Script

KEY = "key-0123456789abcdef"


@pytest.fixture
def wire() -> Iterator[Callable[..., RawServer]]:
    """Starts raw servers: ``wire(script)`` or ``wire(script, tls=context)``."""
    with ExitStack() as stack:

        def start(script: Script, **options: Any) -> RawServer:
            return stack.enter_context(RawServer(script, **options))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Makes clients for a raw server or an address; they are closed after the test."""
    with ExitStack() as stack:

        def make(target: RawServer | str, *, key: str = KEY, **options: Any) -> Client:
            address = target if isinstance(target, str) else target.url
            return stack.enter_context(Client(Secret(key), address, **options))

        yield make
