"""The Celery application. Messages are hints that carry an id; the database is the queue."""

import os
import sys

import django
from celery import Celery
from celery.signals import beat_init, celeryd_after_setup, setup_logging, worker_init, worker_shutdown
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from lswpanel.supervisor.children import ENDED

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")

app = Celery("lswpanel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery leaves logging alone when a receiver is connected; ours is set up by Django's LOGGING."""


@worker_init.connect
@beat_init.connect
def refuse_unsafe(**_: object) -> None:
    """A worker with secrets that are not the database's would seal and sign what nobody can open.

    Celery logs other exceptions of a receiver and goes on; without its database a worker comes back later.
    """
    django.setup()
    from lswpanel import serving

    try:
        serving.refuse_unsafe()
    except (ImproperlyConfigured, OperationalError) as error:
        sys.exit(f"lswpanel: {error}")


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
