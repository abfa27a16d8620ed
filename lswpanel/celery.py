"""The Celery application. Messages are hints that carry an id; the database is the queue."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lswpanel.settings")

app = Celery("lswpanel")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery leaves logging alone when a receiver is connected; ours is set up by Django's LOGGING."""
