from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit import heads, persons
from audit.checkpoints import making, proof
from audit.models import INSTALLATION, AuditHead
from audit.origin import Actor
from audit.recovery import NothingBroken, recover
from jobs.engine import standing
from teams.models import Team, User

SHORTEST_REASON = 5


class Command(BaseCommand):
    help = (
        "Go on after an audit chain was broken: what is broken stays as evidence, the verdict and the reason become "
        "the first entry of a new part, and verify_audit tells of the break for ever. Find out what happened first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--chain", type=int, required=True, help="id of the team; 0 is the installation's own"
        )
        parser.add_argument("--reason", required=True, help="what you found out; it is kept in the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        chain, reason = options["chain"], options["reason"].strip()
        if len(reason) < SHORTEST_REASON:
            raise CommandError("Say in a few words what happened: --reason is kept in the trail.")
        try:
            number = self._recover(chain, reason)
        except (NothingBroken, heads.ChainBroken) as error:
            raise CommandError(f"{error} {self._first(error)}".strip()) from None
        if chain == INSTALLATION:
            self._go_on_signing(reason)
        self.stdout.write(
            f"The break is filed in entry {number} of {heads.name_of(chain)}, which goes on from there."
        )

    def _go_on_signing(self, reason: str) -> None:
        """What is wrong with the checkpoints themselves is set aside; what they signed of other chains still counts."""
        broken = [fault for fault in proof.prove().faults if fault.chain == INSTALLATION]
        if broken and not making.begin_anew(reason):
            raise CommandError(
                "A worker is signing a checkpoint. The break is filed; run this again in a minute."
            )

    def _first(self, error: Exception) -> str:
        return "Recover it first: --chain 0." if isinstance(error, heads.ChainBroken) else ""

    @transaction.atomic
    def _recover(self, chain: int, reason: str) -> int:
        teams, since = {team.pk: team for team in Team.objects.all()}, self._since(chain)
        # Before the heads are locked: the counter of the team comes first, as everywhere.
        if chain in teams and since:
            standing.go_on(teams[chain], since)
        above, _ = proof.prove().points.highest(chain)
        entry = recover(chain, reason=reason, actor=Actor(), teams=teams, above=above)
        for user in User.objects.filter(is_active=True):
            persons.remember(user.pk, user.name, user.email)
        return entry.sequence

    def _since(self, chain: int) -> datetime | None:
        return AuditHead.objects.filter(pk=chain).values_list("broken_at", flat=True).first()
