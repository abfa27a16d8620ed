import os

import httpx
import pytest
from django.db import connection

from lswpanel.celery import app
from tests.support.stack import Stack, database_url
from tests.support.valkey import Valkey

pytestmark = pytest.mark.processes


def test_web_serves_the_database_of_the_test(stack: Stack) -> None:
    url = stack.web()
    answer = httpx.get(f"{url}/healthz/", timeout=120)
    assert (answer.status_code, answer.text) == (200, "ok")


def test_worker_and_beat_share_the_broker(stack: Stack, broker: Valkey) -> None:
    worker = stack.worker()
    worker.wait_for_line("ready.")
    stack.beat()
    with app.connection_for_read() as link:
        assert link.as_uri(include_password=True) == broker.url
    assert app.control.ping(timeout=120, limit=1)


def test_database_url_is_the_one_that_django_uses(transactional_db: None) -> None:
    url = database_url()
    assert url.startswith("sqlite:///" if connection.vendor == "sqlite" else "postgresql://")
    assert str(connection.settings_dict["NAME"]).endswith(url.rpartition("/")[2])
    assert url != os.environ.get("DATABASE_URL")
