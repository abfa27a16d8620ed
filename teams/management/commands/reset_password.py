from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.origin import Actor
from teams import people_cli, services


class Command(BaseCommand):
    help = "Set somebody's password; they are signed out everywhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        people_cli.add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user = people_cli.find_user(options["email"])
        password = people_cli.read_secret(from_stdin=options["password_stdin"], prompt="New password: ")
        with people_cli.plain_errors():
            services.password_reset(user=user, password=password, actor=Actor())
        self.stdout.write(f"The password of {user.email} was set.")
