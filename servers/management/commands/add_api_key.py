from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.origin import Actor
from servers import services
from servers.leaseweb import Secret
from teams import people_cli


class Command(BaseCommand):
    help = "Add a Leaseweb API key to a team; it is tried with one reading first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", required=True, help="slug or name of the team")
        parser.add_argument("--name", required=True, help="what the key is called here")
        parser.add_argument("--key-stdin", action="store_true", help="read the key from standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        team = people_cli.find_team(options["team"])
        with people_cli.plain_errors():
            try:
                key = Secret.api_key(
                    people_cli.read_secret(from_stdin=options["key_stdin"], prompt="API key: ")
                )
                added = services.api_key_add(
                    team=team, name=options["name"], key=key, actor=Actor(), user=None
                )
            except ValueError as error:
                raise CommandError(str(error)) from None
            except services.KeyRefused as error:
                raise CommandError(f"{error} (correlation id: {error.correlation_id or 'none'})") from None
        self.stdout.write(f"Added “{added.name}” ({added.fingerprint}) to {team.name}.")
