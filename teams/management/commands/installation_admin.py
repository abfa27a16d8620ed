from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.origin import Actor
from teams import people_cli, services


class Command(BaseCommand):
    help = (
        "Let an account look after the installation (its sign-ins and accounts), or end that with --remove."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--remove", action="store_true", help="end it instead")

    def handle(self, *args: Any, **options: Any) -> None:
        user = people_cli.find_user(options["email"])
        on = not options["remove"]
        with people_cli.plain_errors():
            services.installation_admin_set(user=user, on=on, actor=Actor())
        self.stdout.write(f"{user.email} is {'now' if on else 'no longer'} an installation administrator.")
