from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.origin import Actor
from teams import people_cli, services
from teams.models import User
from teams.permissions import Role


class Command(BaseCommand):
    help = "Make somebody a member of a team; an account is made when there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", required=True, help="slug or name of the team")
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", required=True, choices=[role.value for role in Role])
        parser.add_argument("--name", default="", help="the person's name, for a new account")
        people_cli.add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        team = people_cli.find_team(options["team"])
        user = User.objects.filter(email=options["email"].lower()).first()
        role, name = Role(options["role"]), options["name"]
        # Before the transaction: nobody else could write as long as somebody thinks about a password.
        password = "" if user else self._password(options)
        with people_cli.plain_errors():
            membership = (
                services.member_add(team=team, user=user, role=role, actor=Actor())
                if user
                else services.member_add_new(
                    team=team, email=options["email"], password=password, name=name, role=role, actor=Actor()
                )
            )
        self.stdout.write(f"{membership.user.email} is {options['role']} of {team.name}.")

    def _password(self, options: dict[str, Any]) -> str:
        return people_cli.read_secret(from_stdin=options["password_stdin"], prompt="Password: ")
