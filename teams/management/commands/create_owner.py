from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.origin import Actor
from teams import people_cli, services


class Command(BaseCommand):
    help = "Make an account and a team that it owns."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--team", required=True, help="name of the new team")
        parser.add_argument("--name", default="", help="the person's name")
        people_cli.add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        password = people_cli.read_secret(from_stdin=options["password_stdin"], prompt="Password: ")
        with people_cli.plain_errors():
            user, team = services.owner_create(
                email=options["email"],
                password=password,
                team_name=options["team"],
                name=options["name"],
                actor=Actor(),
            )
        self.stdout.write(f"{user.email} owns the team {team.name} (/t/{team.slug}/).")
