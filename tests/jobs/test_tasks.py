"""The bells: what a message to a worker may carry."""

import inspect

import pytest

import lswpanel.tasks
from jobs import tasks
from lswpanel import queues
from lswpanel.celery import app

pytestmark = pytest.mark.once
OURS = [name for name in app.tasks if name.startswith((tasks.__name__, lswpanel.tasks.__name__))]


@pytest.mark.req("K6")
@pytest.mark.parametrize("name", OURS)
def test_message_carries_one_id_at_most(name: str) -> None:
    parameters = inspect.signature(app.tasks[name].run).parameters.values()
    assert len(parameters) <= 1
    for each in parameters:
        assert each.name.endswith("_id")
        assert each.annotation is int


def test_every_bell_is_known() -> None:
    assert {"jobs.tasks.submit_job", "jobs.tasks.tick", "lswpanel.tasks.demo_keep_moving"} <= set(OURS)


@pytest.mark.parametrize(
    ("task", "queue"), [("submit_job", queues.SENDS), ("tick", queues.SENDS), ("poll_key", queues.READINGS)]
)
def test_sends_and_ticks_have_a_queue_of_their_own(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, f"jobs.tasks.{task}")["queue"].name == queue
    assert set(app.amqp.queues) == {queues.READINGS, queues.SENDS}
    assert len({each.routing_key for each in app.amqp.queues.values()}) == 2
