"""A simulator whose time stands still until a test moves it."""

from collections.abc import Iterator

import pytest

from servers.leaseweb.simulator import Simulator

from .talk import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[Simulator]:
    with Simulator(servers=12, clock=clock, wall=clock.wall) as running:
        yield running
