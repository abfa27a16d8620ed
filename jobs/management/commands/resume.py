from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import heads
from jobs.engine import resuming, send_counter
from jobs.models import Job


class Command(BaseCommand):
    help = (
        "Let requests be sent again after an older copy of the database was put back. What was not sent by then is "
        "listed and expires, since it may have been sent in the database's other life; what was in flight becomes "
        "unknown and is settled by a person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="only list what is held back")
        parser.add_argument(
            "--keep",
            type=int,
            nargs="+",
            default=[],
            metavar="JOB",
            help="send these after all: you know that they were not",
        )
        parser.add_argument("--reason", default="", help="what happened; kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        if not send_counter.held():
            self.stdout.write("Nothing is held back.")
            return
        unsent, keep = list(resuming.unsent()), set(options["keep"])
        if strange := keep - {job.pk for job in unsent}:
            raise CommandError(f"Not among the jobs that wait: {', '.join(map(str, sorted(strange)))}.")
        for job in unsent:
            self._tell(job, "is kept" if job.pk in keep else "expires")
        for job in resuming.in_flight():
            self._tell(job, "becomes unknown")
        if not options["list"]:
            self._resume(keep, options["reason"])

    def _resume(self, keep: set[int], reason: str) -> None:
        try:
            resuming.resume(keep=keep, reason=reason)
        except heads.ChainBroken as error:
            raise CommandError(
                f"The audit trail of {heads.name_of(error.chain)} is broken. Run manage.py recover_audit "
                f"--chain {error.chain} first, then this again."
            ) from None
        self.stdout.write("Requests are sent again.")

    def _tell(self, job: Job, fate: str) -> None:
        self.stdout.write(f"job {job.pk}: {job.kind} of {job.server.shown_name} ({job.team.name}) {fate}")
