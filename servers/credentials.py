"""Passwords of servers: shown one at a time, fetched live and kept nowhere; and stored at Leaseweb."""

from datetime import datetime, timedelta

from django.db import transaction

import audit.log
from audit.actions import AuditAction
from audit.models import AuditEvent, Outcome
from servers import details, health, live, witness
from servers.clock import before, scaled
from servers.leaseweb import CredentialType, Forbidden, LeasewebError, NotFound, Secret
from servers.models import ApiKey, Server, ServerReading
from servers.witness import Deed, Result
from teams.access import Access
from teams.bookkeeping import persistent

MOST_REVEALS = 5
REVEALS_WITHIN = timedelta(minutes=10)


class TooManyReveals(Exception):
    """This person has seen enough passwords for now (R1); `again_at` is when the next one may be shown."""

    def __init__(self, again_at: datetime) -> None:
        super().__init__(f"{MOST_REVEALS} passwords were revealed within the last 10 minutes.")
        self.again_at = again_at


class NotRevealed(Exception):
    """Leaseweb gave no password; the message is for the person."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.words)
        self.result = result


def credential_reveal(
    access: Access, server: Server, kind: CredentialType, username: str, *, reason: str = ""
) -> Secret:
    """Fetch the password that Leaseweb's portal shows (GET …/credentials/{type}/{username}), keeping it nowhere.

    Who asks, for what and why is audited and committed before the call; without that there is no call (R1, A2).
    Raises OutOfReach, TooManyReveals (both before any call) and NotRevealed.
    """
    api_key = witness.key_of(server)
    deed = _deed(AuditAction.CREDENTIAL_REVEAL, access, server, kind, username, reason)
    _announce_reveal(deed)
    try:
        found = live.reveal(api_key, server.upstream_id, kind, username)
    except LeasewebError as error:
        raise NotRevealed(_unread(deed, api_key, error)) from None
    _conclude(deed, Result(Outcome.DONE))
    return found.password


def _unread(deed: Deed, api_key: ApiKey, error: LeasewebError) -> Result:
    """Note a failure where it belongs; a password that is not there any more makes the list of them old."""
    result = witness.of_unread(error)
    _conclude(deed, result)
    # That the key may not read this password says nothing of a key that reads the list.
    if not isinstance(error, live.NotAsked | Forbidden):
        health.note_failure(api_key, error, about=deed.server.upstream_id)
    if isinstance(error, NotFound):
        details.freshen(deed.server, ServerReading.Subject.CREDENTIALS, timedelta(0))
    return result


def credential_store(
    access: Access, server: Server, kind: CredentialType, username: str, password: Secret
) -> Result:
    """Change what Leaseweb's portal shows (PUT …/credentials); the machine's own password stays as it is.

    Audited and committed before the call and after it, by user name alone. Raises OutOfReach.
    """
    api_key = witness.key_of(server)
    deed = _deed(AuditAction.CREDENTIAL_STORE, access, server, kind, username)
    with transaction.atomic(durable=True):
        witness.announce(deed)
    sent = live.store(api_key, server.upstream_id, kind, username, password)
    result = witness.of_sent(sent)
    _conclude(deed, result)
    witness.tell_key(api_key, server, sent)
    if result.may_be_done:
        details.freshen(server, ServerReading.Subject.CREDENTIALS, timedelta(0))
    return result


def _deed(
    action: AuditAction, access: Access, server: Server, kind: CredentialType, username: str, reason: str = ""
) -> Deed:
    about = audit.log.Change(after={"type": kind.value, "username": username})
    return Deed(action, access, server, about, reason)


def _announce_reveal(deed: Deed) -> None:
    """Counted after it was written, under the lock of the trail: of many at once no more than allowed get through."""
    try:
        with transaction.atomic(durable=True):
            witness.announce(deed)
            asked = _reveals(deed.access)
            if len(asked) > MOST_REVEALS:
                raise TooManyReveals(asked[-1] + scaled(REVEALS_WITHIN))
    except TooManyReveals as refusal:
        _conclude(deed, Result(Outcome.REFUSED, str(refusal)))
        raise


def _reveals(access: Access) -> list[datetime]:
    """When this person asked for passwords lately, in any of their teams, newest first; one more than allowed."""
    lately = AuditEvent.objects.filter(
        chain__in=access.user.teams.values("pk"),
        actor_id=access.user.pk,
        action=AuditAction.CREDENTIAL_REVEAL,
        outcome=Outcome.ASKED,
        at__gt=before(REVEALS_WITHIN),
    )
    return list(lately.order_by("-at").values_list("at", flat=True)[: MOST_REVEALS + 1])


@persistent
@transaction.atomic(durable=True)
def _conclude(deed: Deed, result: Result) -> None:
    witness.conclude(deed, result)
