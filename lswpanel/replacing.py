"""The way out when keys are lost for good: give up what they held, keep the rest, and say so in the trail.

Each step is a transaction of its own and has nothing to do when it is repeated; the check values, which make a start
refuse the new keys, go last. So it may be cut off and begun again.
"""

from collections.abc import Collection, Iterator

from django.contrib.sessions.models import Session
from django.db import transaction

import audit.log
from audit import census, persons
from audit.actions import AuditAction
from audit.checkpoints import making, proof
from audit.models import INSTALLATION, AuditHead
from audit.origin import Actor
from audit.recovery import NothingBroken, recover
from jobs.engine import standing
from lswpanel import keychecks, starting
from lswpanel.supervisor.errors import StartError
from servers import resealing
from servers.services import api_key_give_up
from teams.models import Team

REASON = "{} was lost and replaced."


def lost() -> list[str]:
    """The names of the secrets that are missing or not the database's."""
    return sorted({*starting.missing_secrets(), *keychecks.problems()})


def costs(names: Collection[str]) -> Iterator[str]:
    """What giving them up means, a line each."""
    for api_key in resealing.unreadable() if "ENCRYPTION_KEYS" in names else ():
        yield f"The API key “{api_key.name}” of {api_key.team} cannot be opened and is dropped; enter it again."
    if "AUDIT_KEYS" in names:
        yield "The audit trail up to now can be read but not verified any more; it is kept, and goes on in a new part."
    if "CHECKPOINT_KEY" in names:
        yield "Checkpoints begin anew; files of earlier ones are checked with the earlier public key."
    yield "Everybody has to sign in again. Servers, jobs and people stay."


def replace(names: Collection[str], actor: Actor) -> int:
    """Give up what the lost secrets held; those that this process has take their place. How many API keys it cost.

    Raises StartError while another process signs a checkpoint.
    """
    if "AUDIT_KEYS" in names:
        _close_chains(actor)
    if "CHECKPOINT_KEY" in names and not making.begin_anew(REASON.format("CHECKPOINT_KEY")):
        raise StartError("A worker is signing a checkpoint; repeat this in two minutes.")
    dropped = resealing.unreadable()
    for api_key in dropped:
        api_key_give_up(api_key, actor=actor, reason=REASON.format("ENCRYPTION_KEYS"))
    with transaction.atomic():
        Session.objects.all().delete()
        keychecks.replace(names)
        told: audit.log.Fields = {"secrets": ", ".join(names), "api_keys": len(dropped)}
        change = audit.log.Change(after=told)
        audit.log.record(AuditAction.KEYS_REPLACE, chain=INSTALLATION, actor=actor, change=change)
    return len(dropped)


@transaction.atomic
def _close_chains(actor: Actor) -> None:
    """The installation's first: the others are told of in it. Teams that stood still because of a break go on."""
    teams = {team.pk: team for team in Team.objects.order_by("pk")}
    for head in AuditHead.objects.exclude(broken_at=None).filter(pk__in=teams).order_by("pk"):
        if head.broken_at:
            standing.go_on(teams[head.pk], head.broken_at)
    persons.seal_anew()
    points = proof.prove().points
    for verdict in census.verify_all(teams):
        above, _ = points.highest(verdict.chain)
        try:
            recover(verdict.chain, reason=REASON.format("AUDIT_KEYS"), actor=actor, teams=teams, above=above)
        except NothingBroken:
            continue
