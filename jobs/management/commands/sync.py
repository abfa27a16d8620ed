import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.engine import reading
from servers.models import ApiKey
from teams import people_cli

DONE, FAILED, OUT_OF_TIME = 0, 1, 2
LATE = "The time is up: what is left is read by the panel's worker, or by another sync."


class Command(BaseCommand):
    help = (
        "Read the servers of every API key now, or of one team's; then what is due of their snapshots, templates, "
        "credential names and traffic, as far as the key's call budget goes. Ends with 0 when every list was read "
        "whole, 1 when one could not be, and 2 when the time was up before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", help="slug or name of the team")
        parser.add_argument(
            "--minutes", type=float, default=10.0, help="begin no further call after so long (default: 10)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        keys = ApiKey.objects.filter(removed_at=None).select_related("team").order_by("team__slug", "name")
        if options["team"]:
            keys = keys.filter(team=people_cli.find_team(options["team"]))
        if not keys:
            raise CommandError("There is no API key to read with. Add one with add_api_key.")
        end = time.monotonic() + options["minutes"] * 60 / settings.TIME_SCALE
        outcomes = {self._read(api_key, lambda: time.monotonic() >= end) for api_key in keys}
        if FAILED in outcomes:
            raise CommandError("Not every key could be read.", returncode=FAILED)
        if OUT_OF_TIME in outcomes:
            raise CommandError(LATE, returncode=OUT_OF_TIME)

    def _read(self, api_key: ApiKey, late: Callable[[], bool]) -> int:
        """Read with one key and say what came of it."""
        outcome = self._read_list(api_key, late)
        if outcome == FAILED:
            self._say(api_key, api_key.list_error or api_key.error)
        if outcome != DONE:
            return outcome
        details = reading.read_all_details(api_key.pk, lambda read: self._go_on(api_key, read, late))
        self._say(api_key, f"{api_key.server_count} servers, {details} details of them")
        return OUT_OF_TIME if late() else DONE

    def _read_list(self, api_key: ApiKey, late: Callable[[], bool]) -> int:
        """Read on until a whole pass was written, a reading failed, or the time is up."""
        pause, was = threading.Event(), (api_key.synced_at, api_key.error_at, api_key.list_error)
        while True:
            at, ran = api_key.pass_offset, reading.read_key(api_key.pk)
            api_key.refresh_from_db()
            if api_key.synced_at != was[0]:
                return DONE
            if (api_key.error_at, api_key.list_error) != was[1:]:
                return FAILED
            if api_key.pass_offset != at:
                self._say(api_key, _so_far(api_key))
            elif late():
                self._say(api_key, _why_not(api_key, ran=ran))
            if late():
                return OUT_OF_TIME
            pause.wait(0 if api_key.pass_offset != at else 1)

    def _go_on(self, api_key: ApiKey, details: int, late: Callable[[], bool]) -> bool:
        if late():
            return False
        self._say(api_key, f"{details} details so far")
        return True

    def _say(self, api_key: ApiKey, what: str) -> None:
        self.stdout.write(f"{api_key.team.slug} · {api_key.name}: {what}")
        self.stdout.flush()


def _so_far(api_key: ApiKey) -> str:
    total = f" of {api_key.pass_total:,}" if api_key.pass_total is not None else ""
    return f"{api_key.pass_offset:,}{total} servers so far"


def _why_not(api_key: ApiKey, *, ran: bool) -> str:
    if not ran:
        return "another reading is under way"
    return api_key.list_error or api_key.error or "its call budget is used up; try again in a minute"
