from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import heads, persons
from audit.census import beginnings, verdict, verify_all
from audit.models import INSTALLATION
from audit.verify import Verdict
from teams.models import Team


class Command(BaseCommand):
    help = (
        "Verify the audit trail: every chain, those of deleted teams too, or one (by the id of its team; 0 is the "
        "installation's own). A broken chain is marked. Exit code 1 as long as a break is not filed with recover_audit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chain", type=int, help="only this chain")

    def handle(self, *args: Any, **options: Any) -> None:
        teams, only = set(Team.objects.values_list("pk", flat=True)), options["chain"]
        verdicts = verify_all(teams) if only is None else [verdict(only, teams, beginnings())]
        for each in verdicts:
            self.stdout.write(self._line(each, teams))
            if not each.intact:
                heads.mark_broken(each.chain, each.problem)
        strangers = persons.impostors()
        if strangers:
            self.stdout.write(f"names: REPLACED for person {', '.join(map(str, strangers))}")
        if strangers or not all(each.intact for each in verdicts):
            raise CommandError("The audit trail does not verify.", returncode=1)

    def _line(self, found: Verdict, teams: set[int]) -> str:
        gone = " (deleted)" if found.chain not in teams else ""
        name = "installation" if found.chain == INSTALLATION else f"team {found.chain}{gone}"
        older = f"; earlier: {found.filed}" if found.filed else ""
        if found.intact:
            return f"{name}: {found.entries} entries, intact{older}"
        return f"{name}: BROKEN at entry {found.first_bad}: {found.problem}{older}"
