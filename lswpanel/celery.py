"""The Celery application. Messages are hints that carry an id; the database is the queue."""

import os

from celery import Celery
from celery.signals import celeryd_after_setup, setup_logging, worker_shutdown

from lswpanel.supervisor.children import ENDED

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")

app = Celery("lswpanel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery leaves logging alone when a receiver is connected; ours is set up by Django's LOGGING."""


@celeryd_after_setup.connect
def begin_heartbeat(**_: object) -> None:
    """Each worker shows that it lives, even one that reaches no broker yet; the apps are loaded by now."""
    from jobs import heart
    from jobs.models import Heartbeat

    heart.begin(Heartbeat.Driver.WORKER, ticks=True, ended=int(os.environ.get(ENDED, "0")))


@worker_shutdown.connect
def end_heartbeat(**_: object) -> None:
    from jobs import heart

    heart.end()
