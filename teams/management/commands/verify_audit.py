from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import heads, persons
from audit.census import beginnings, verdict, verify_all
from audit.checkpoints import making, offline, proof
from audit.checkpoints.key import public_key
from audit.checkpoints.signed import BadCheckpointError
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
        offline.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["checkpoints"]:
            self._compare(options["checkpoints"], options["public_key"])
        else:
            self._verify(options)

    def _compare(self, file: Path, keys: list[str] | None) -> None:
        """A file of checkpoints by itself, and each entry that it names with the one in this database.

        Only a file that this panel's own key signed marks chains: another may be of another panel.
        """
        try:
            found = offline.checked(file, keys or [public_key()])
        except offline.UnusableError as error:
            raise CommandError(f"{error}.", returncode=offline.UNUSABLE) from error
        except BadCheckpointError as error:
            raise CommandError(f"checkpoints: BROKEN: {error}", returncode=offline.BROKEN) from error
        self.stdout.write(offline.summary(found))
        faults = proof.missing(proof.Points.of(found))
        if not keys:
            making.tell(faults)
        if self._told(faults):
            raise CommandError("The audit trail is not what was signed.", returncode=offline.BROKEN)

    def _told(self, faults: list[proof.Fault]) -> bool:
        """Whether there are faults; each is said."""
        for fault in faults:
            self.stdout.write(f"checkpoints: BROKEN: {heads.name_of(fault.chain)}: {fault.problem}")
        return bool(faults)

    def _verify(self, options: dict[str, Any]) -> None:
        teams, only = set(Team.objects.values_list("pk", flat=True)), options["chain"]
        verdicts = verify_all(teams) if only is None else [verdict(only, teams, beginnings())]
        for each in verdicts:
            self.stdout.write(self._line(each, teams))
            if not each.intact:
                heads.mark_broken(each.chain, each.problem)
        strangers = persons.impostors()
        if strangers:
            self.stdout.write(f"names: REPLACED for person {', '.join(map(str, strangers))}")
        unproven = only is None and self._unproven()
        if unproven or strangers or not all(each.intact for each in verdicts):
            raise CommandError("The audit trail does not verify.", returncode=1)

    def _unproven(self) -> bool:
        """Whether something that a checkpoint signed is gone, the newest entries of a chain included."""
        found = proof.prove()
        making.tell(found.faults)
        if self._told(found.faults):
            return True
        if number := found.points.number():
            self.stdout.write(f"checkpoints: up to {number}, every entry that they signed is there")
        return False

    def _line(self, found: Verdict, teams: set[int]) -> str:
        gone = " (deleted)" if found.chain not in teams else ""
        name = "installation" if found.chain == INSTALLATION else f"team {found.chain}{gone}"
        older = f"; earlier: {found.filed}" if found.filed else ""
        if found.intact:
            return f"{name}: {found.entries} entries, intact{older}"
        return f"{name}: BROKEN at entry {found.first_bad}: {found.problem}{older}"
