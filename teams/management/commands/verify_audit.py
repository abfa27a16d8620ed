from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.models import INSTALLATION
from audit.verify import Verdict, chains, verify
from teams.models import Team, User


class Command(BaseCommand):
    help = "Verify the audit trail: every chain, or the one of a team (by id; 0 is the installation's own)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chain", type=int, help="only this chain")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = set(Team.objects.values_list("pk", flat=True))
        begun |= {INSTALLATION} if User.objects.exists() else set()
        wanted = [options["chain"]] if options["chain"] is not None else sorted(begun | set(chains()))
        verdicts = [verify(chain, begun=chain in begun) for chain in wanted]
        for verdict in verdicts:
            self.stdout.write(self._line(verdict))
        if not all(verdict.intact for verdict in verdicts):
            raise CommandError("The audit trail does not verify.", returncode=1)

    def _line(self, verdict: Verdict) -> str:
        name = "installation" if verdict.chain == INSTALLATION else f"team {verdict.chain}"
        if verdict.intact:
            return f"{name}: {verdict.entries} entries, intact"
        return f"{name}: BROKEN at entry {verdict.first_bad}: {verdict.problem}"
