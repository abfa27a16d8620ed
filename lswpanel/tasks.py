from celery import shared_task
from django.conf import settings

from lswpanel import demo


@shared_task
def demo_keep_moving() -> None:
    """Only scheduled in a demonstration, and harmless elsewhere."""
    if settings.DEMO:
        demo.keep_moving()
