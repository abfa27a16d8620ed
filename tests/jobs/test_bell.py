"""Telling workers through a broker that works, refuses or hangs."""

import socket
import threading
from collections.abc import Iterator

import pytest
from celery import Celery, Task

from jobs import heart
from jobs.bell import PATIENCE, Bell, bell
from jobs.models import Heartbeat
from jobs.tasks import submit_job
from lswpanel.celery import app
from tests.support.processes import free_port
from tests.support.valkey import Valkey
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once


class Hanging:
    """A broker that takes connections and never says a word."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener

    def hang_up(self) -> None:
        """Close the door; who waited in front of it is turned away."""
        self._listener.close()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    broker = Hanging(socket.create_server(("127.0.0.1", 0)))
    yield broker
    broker.hang_up()
    wait_for(lambda: not ringing(), what="nobody rings any more")


def ringing() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "bell"]


def task_of(port: int) -> "Task[[int], None]":
    app = Celery("elsewhere", broker=f"redis://127.0.0.1:{port}/0", set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": 60, "socket_connect_timeout": 60, "max_retries": 0}
    return app.task(name="elsewhere")(_nothing)


def _nothing(pk: int) -> None:
    """What the message would have done."""


def test_broker_that_hangs_is_not_waited_for_and_then_left_alone(hanging: Hanging) -> None:
    """The library would wait for sixty seconds."""
    bell, task = Bell(), task_of(hanging.port)
    bell.ring([(task, (1,))])
    assert bell.silent
    bell.ring([(task, (2,))])
    assert len(ringing()) == 1


def test_click_waits_for_the_broker_no_longer_than_nobody_notices() -> None:
    assert PATIENCE <= 0.3


def test_broker_that_is_heard_of_is_asked_again_at_once(hanging: Hanging) -> None:
    bell, task = Bell(), task_of(hanging.port)
    bell.ring([(task, (1,))])
    bell.heard()
    assert not bell.silent
    bell.ring([(task, (2,))])
    assert len(ringing()) == 2


def test_broker_that_refuses_is_known_to() -> None:
    bell = Bell()
    bell.ring([(task_of(free_port()), (1,))])
    assert bell.silent


@pytest.mark.processes
def test_broker_that_works_takes_the_hint(broker: Valkey) -> None:
    bell = Bell()
    bell.ring([(submit_job, (7,))])
    assert not bell.silent
    with broker.client() as client:
        assert sum(client.llen(queue) for queue in app.amqp.queues) == 1


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_worker_that_found_the_broker_silent_asks_again_although_it_never_ticks(
    broker: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others do, once the broker is back, and then nothing else would make it ring."""
    monkeypatch.setattr("jobs.bell.PAUSE", 0.0)
    bell.ring([(task_of(free_port()), (1,))])
    assert bell.silent
    heart.begin(Heartbeat.Driver.WORKER, ticks=False)
    try:
        wait_for(lambda: not bell.silent, what="the broker took a hint", seconds=30)
    finally:
        heart.end()
        wait_for(lambda: not ringing(), what="nobody rings any more")
