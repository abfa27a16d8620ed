"""The trail of a call that a person waits for: what is asked for is committed before it, what came of it after (A2)."""

from dataclasses import dataclass

import structlog

import audit.log
from audit.actions import AuditAction
from audit.heads import ChainBroken
from audit.models import Outcome
from servers import freshness, health
from servers.leaseweb import AuthError, Forbidden, LeasewebError, NotFound, Refused, SendOutcome, Sent
from servers.models import ApiKey, Server
from teams.access import Access

log = structlog.get_logger()
OUTCOMES = {
    SendOutcome.ACCEPTED: Outcome.DONE,
    SendOutcome.REFUSED: Outcome.REFUSED,
    SendOutcome.NOT_SENT: Outcome.FAILED,
    SendOutcome.AMBIGUOUS: Outcome.UNSURE,
}
REFUSALS = (AuthError, Forbidden, NotFound, Refused)
UNCONFIRMED = "Leaseweb did not confirm it: it may have been carried out or not."


class OutOfReach(Exception):
    """Nothing can be asked of Leaseweb about this server; the message says why."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody is about to do to a server at Leaseweb. Nothing in it is a secret (A9)."""

    action: AuditAction
    access: Access
    server: Server
    change: audit.log.Change
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `words` are for the person and empty when it is done; the rest is Leaseweb's."""

    outcome: Outcome
    words: str = ""
    status: int | None = None
    correlation_id: str = ""

    @property
    def done(self) -> bool:
        return self.outcome == Outcome.DONE

    @property
    def may_be_done(self) -> bool:
        """Done, or not confirmed: doing it again is not the next thing to offer."""
        return self.outcome in (Outcome.DONE, Outcome.UNSURE)


def key_of(server: Server) -> ApiKey:
    """The key to ask Leaseweb with about a server that comes with it. Raises OutOfReach when it cannot be asked."""
    reason = freshness.out_of_reach(server)
    if reason or server.api_key is None:
        raise OutOfReach(reason)
    return server.api_key


def announce(deed: Deed) -> None:
    """Write down what is about to be asked, as part of a transaction that is committed before the call is made."""
    _record(deed, Result(Outcome.ASKED), deed.reason)


def conclude(deed: Deed, result: Result) -> None:
    """Write down what came of it, with Leaseweb's words instead of the person's."""
    try:
        _record(deed, result, result.words)
    except ChainBroken:
        about = {
            "action": str(deed.action),
            "server": deed.server.pk,
            "correlation_id": result.correlation_id,
        }
        log.error("answer not recorded", outcome=str(result.outcome), status=result.status, **about)
        raise


def of_sent(sent: Sent) -> Result:
    """What an answer to a call that changes something proves, in plain words."""
    outcome = OUTCOMES[sent.outcome]
    plain = sent.error.plain if sent.error else ""
    words = UNCONFIRMED if outcome == Outcome.UNSURE else plain
    return Result(outcome, words, sent.status, sent.correlation_id)


def of_unread(error: LeasewebError) -> Result:
    """Why a reading showed nothing."""
    outcome = Outcome.REFUSED if isinstance(error, REFUSALS) else Outcome.FAILED
    return Result(outcome, error.plain, error.status, error.correlation_id)


def tell_key(api_key: ApiKey, server: Server, sent: Sent) -> None:
    """Note what an answer says about the key itself; one 403 may as well be about the server."""
    if sent.outcome is SendOutcome.ACCEPTED:
        health.note_action_accepted(api_key)
    elif isinstance(sent.error, AuthError):
        health.note_action_refused(api_key, sent.error, about=server.upstream_id)
    health.heed(api_key, sent.error)


def _record(deed: Deed, result: Result, reason: str) -> None:
    audit.log.record(
        deed.action,
        chain=deed.access.team.pk,
        actor=deed.access.actor,
        target=deed.server.audit_target(),
        outcome=result.outcome,
        change=deed.change,
        reason=reason,
        upstream=audit.log.Upstream(result.status, correlation_id=result.correlation_id),
    )
