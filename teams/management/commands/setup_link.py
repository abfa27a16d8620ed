from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse

from teams import services


class Command(BaseCommand):
    help = "Print a fresh one-time link that makes the first owner; prints nothing once there is an account."

    def handle(self, *args: Any, **options: Any) -> None:
        token = services.setup_link_create()
        if token:
            self.stdout.write(f"{settings.PUBLIC_URL}{reverse('teams:setup', args=[token])}")
