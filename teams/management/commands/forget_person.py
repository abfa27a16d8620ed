from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.origin import Actor
from teams import people_cli, services


class Command(BaseCommand):
    help = (
        "Erase somebody's name and address, also beside what they did, and close their account. The audit trail keeps "
        "their number, and stays intact. It cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--email")
        who.add_argument(
            "--id", type=int, help="the number of the person, as the pages of audit entries show it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = (
            people_cli.find_user(options["email"]) if options["email"] else people_cli.find_id(options["id"])
        )
        with people_cli.plain_errors():
            teams = services.person_forget(user=user, actor=Actor())
        places = ", ".join(team.name for team in teams) or "no team"
        self.stdout.write(
            f"Person {user.pk} was forgotten, and is a member of nothing any more (was in {places})."
        )
