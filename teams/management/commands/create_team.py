from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.origin import Actor
from teams import people_cli, services


class Command(BaseCommand):
    help = "Make a team for an owner who has an account already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--owner", required=True, help="e-mail address of the owner")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = people_cli.find_user(options["owner"])
        with people_cli.plain_errors():
            team = services.team_create(name=options["name"], owner=owner, actor=Actor())
        self.stdout.write(f"{owner.email} owns the team {team.name} (/t/{team.slug}/).")
