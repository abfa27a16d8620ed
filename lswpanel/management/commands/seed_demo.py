from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from lswpanel import demo
from lswpanel.checks import TAG


class Command(BaseCommand):
    help = "Prepare the demonstration, fill it with a team, its servers and its first jobs, and print the logins."
    requires_system_checks = (TAG,)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This fills a database with made-up people; it runs only with DEMO=on.")
        call_command("prepare", verbosity=0)
        demo.seed()
        self.stdout.write("\n".join(demo.logins()))
