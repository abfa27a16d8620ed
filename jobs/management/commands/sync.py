from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.engine import reading
from servers.models import ApiKey
from teams import people_cli


class Command(BaseCommand):
    help = (
        "Read the servers of every API key now, or of one team's; then what is due of their snapshots, templates, "
        "credential names and traffic, as far as the key's call budget goes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", help="slug or name of the team")

    def handle(self, *args: Any, **options: Any) -> None:
        keys = ApiKey.objects.filter(removed_at=None).select_related("team").order_by("team__slug", "name")
        if options["team"]:
            keys = keys.filter(team=people_cli.find_team(options["team"]))
        if not keys:
            raise CommandError("There is no API key to read with. Add one with add_api_key.")
        if not all([self._read(api_key) for api_key in keys]):
            raise CommandError("Not every key could be read.")

    def _read(self, api_key: ApiKey) -> bool:
        """Read with one key and say what came of it; True when a whole pass was written."""
        before = api_key.synced_at
        ran = reading.read_key(api_key.pk)
        api_key.refresh_from_db()
        done = ran and api_key.synced_at != before
        told = self._what_was_read(api_key) if done else self._why_not(api_key, ran=ran)
        self.stdout.write(f"{api_key.team.slug} · {api_key.name}: {told}")
        return done

    def _what_was_read(self, api_key: ApiKey) -> str:
        details = reading.read_all_details(api_key.pk)
        return f"{api_key.server_count} servers, {details} details of them"

    def _why_not(self, api_key: ApiKey, *, ran: bool) -> str:
        if not ran:
            return "another reading is under way"
        return api_key.error or "its call budget is used up; try again in a minute"
