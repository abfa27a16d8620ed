"""The bells: what a message to a worker may carry."""

import inspect

import pytest

import lswpanel.tasks
from jobs import tasks
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
