"""Acts on API keys and readings, each one transaction with its audit entry."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

import audit.log
from audit.actions import AuditAction
from audit.models import Outcome
from audit.origin import Actor
from servers import details, live, sync, witness
from servers.leaseweb import LeasewebError, Secret, looks_like_key
from servers.models import ApiKey, Server, ServerKey, ServerReading, Snapshot
from teams.access import Access
from teams.cursor import bump
from teams.edits import demand_unchanged
from teams.models import Team, User
from teams.names import fitting_name

KEY_AS_NAME = "This looks like an API key. Choose a name that your team knows the account by."


class KeyRefused(Exception):
    """Leaseweb did not accept the key, or could not be asked; the message is for the form."""

    def __init__(self, error: LeasewebError) -> None:
        super().__init__(error.plain)
        self.correlation_id = error.correlation_id


def api_key_add(*, team: Team, name: str, key: Secret, actor: Actor, user: User | None) -> ApiKey:
    """Try a key with one live reading, then seal and keep it.

    Raises KeyRefused when the reading fails (audited too, without the key), ValidationError for a name that is in
    use, empty, too long, or a key itself.
    """
    name = _fitting(name)
    if key.hidden_in(name) != name:
        raise ValidationError({"name": KEY_AS_NAME})
    _refuse_taken(team, name)
    try:
        live.try_key(key)
    except LeasewebError as error:
        _record_refused(team, name, actor, error)
        raise KeyRefused(error) from None
    return _keep(team, name, key, actor, user)


def _fitting(name: str) -> str:
    """A name that may be written down: it stands in the trail for ever, so it must not be a key."""
    if looks_like_key(name):
        raise ValidationError({"name": KEY_AS_NAME})
    return fitting_name(ApiKey, name)


@transaction.atomic
def _keep(team: Team, name: str, key: Secret, actor: Actor, user: User | None) -> ApiKey:
    api_key = ApiKey(team=team, name=name, created_by=user)
    api_key.seal(key)
    try:
        with transaction.atomic():
            api_key.save()
    except IntegrityError:
        _refuse_taken(team, name)
        raise
    _record(AuditAction.API_KEY_ADD, api_key, actor, audit.log.Change(after=_shown(api_key)))
    return api_key


def _shown(api_key: ApiKey) -> audit.log.Fields:
    return {"name": api_key.name, "fingerprint": api_key.fingerprint}


def _refuse_taken(team: Team, name: str) -> None:
    if ApiKey.objects.filter(team=team, name=name, removed_at=None).exists():
        raise ValidationError({"name": f"The team has a key called “{name}” already."})


def _record_refused(team: Team, name: str, actor: Actor, error: LeasewebError) -> None:
    with transaction.atomic():
        audit.log.record(
            AuditAction.API_KEY_REFUSED,
            chain=team.pk,
            actor=actor,
            target=audit.log.Target("api_key", "", name),
            outcome=Outcome.REFUSED,
            reason=error.plain,
            upstream=audit.log.Upstream(error.status, correlation_id=error.correlation_id),
        )


@transaction.atomic
def api_key_remove(access: Access, api_key: ApiKey) -> None:
    """Forget a key: its text is wiped, its servers move to another key that sees them, history stays readable.

    The team's counter is taken first: readings take it first, too, and find the key either whole or gone.
    """
    _forget(api_key, access.actor)


@transaction.atomic
def api_key_give_up(api_key: ApiKey, *, actor: Actor, reason: str) -> None:
    """Forget a key that nothing opens any more; servers, jobs and history stay as with one that somebody removes."""
    _forget(api_key, actor, reason)


def _forget(api_key: ApiKey, actor: Actor, reason: str = "") -> None:
    seq = bump(api_key.team_id)
    ApiKey.objects.filter(pk=api_key.pk).update(removed_at=Now(), sealed="")
    ServerKey.objects.filter(api_key=api_key).delete()
    sync.hand_over(Server.objects.filter(api_key=api_key), seq)
    before = audit.log.Change(before=_shown(api_key))
    _record(AuditAction.API_KEY_REMOVE, api_key, actor, before, reason)


@transaction.atomic
def api_key_rename(access: Access, api_key: ApiKey, name: str, *, seen: str | None = None) -> None:
    """Call a key something else.

    Raises ValidationError for a name that fits no key, as `api_key_add` does, and ChangedMeanwhile when `seen`, if
    given, is not the mark of the name that it has.
    """
    name = _fitting(name)
    kept = access.api_keys().select_for_update(no_key=True).values_list("name", flat=True).get(pk=api_key.pk)
    demand_unchanged(kept, seen)
    _refuse_taken(access.team, name)
    ApiKey.objects.filter(pk=api_key.pk).update(name=name)
    change = audit.log.Change({"name": kept}, {"name": name})
    _record(AuditAction.API_KEY_RENAME, api_key, access.actor, change)


@transaction.atomic
def api_key_ask_reading(access: Access, api_key: ApiKey) -> None:
    """Ask a worker to read all servers of a key now; asking again while it is awaited changes nothing."""
    unasked = ApiKey.objects.filter(pk=api_key.pk, refresh_asked_at=None)
    if unasked.update(refresh_asked_at=Now()):
        _record(AuditAction.SERVER_REFRESH, api_key, access.actor, audit.log.Change())


@transaction.atomic
def server_ask_reading(access: Access, server: Server) -> None:
    """Ask a worker to read one server now; asking again while it is awaited changes nothing. Raises OutOfReach."""
    witness.key_of(server)
    seq = bump(access.team.pk)
    unasked = Server.objects.filter(pk=server.pk, refresh_asked_at=None)
    if unasked.update(refresh_asked_at=Now(), changed_seq=seq):
        _record_refresh(access, server)


@transaction.atomic
def detail_ask_reading(access: Access, server: Server, subject: str) -> None:
    """Ask a worker to read one subject of a server now: its snapshots, templates, names of credentials, or traffic.

    Asking again while it is awaited changes nothing. Raises OutOfReach.
    """
    witness.key_of(server)
    seq = bump(access.team.pk)
    unasked = ServerReading.objects.filter(pk=details.of(server, subject).pk, asked_at=None)
    if unasked.update(asked_at=Now()):
        Server.objects.filter(pk=server.pk).update(changed_seq=seq)
        _record_refresh(access, server, subject=subject)


@transaction.atomic
def snapshot_ask_reading(access: Access, snapshot: Snapshot) -> None:
    """Ask a worker to read one snapshot by itself now; asking again while it is awaited changes nothing.

    `snapshot` comes with its server. Raises OutOfReach.
    """
    witness.key_of(snapshot.server)
    seq = bump(access.team.pk)
    unasked = Snapshot.objects.filter(pk=snapshot.pk, asked_at=None)
    if unasked.update(asked_at=Now(), changed_seq=seq):
        _record_refresh(access, snapshot.server, snapshot=snapshot.name)


def _record_refresh(access: Access, server: Server, **what: str | int | bool | None) -> None:
    audit.log.record(
        AuditAction.SERVER_REFRESH,
        chain=access.team.pk,
        actor=access.actor,
        target=server.audit_target(),
        change=audit.log.Change(after=what),
    )


def _record(
    action: AuditAction, api_key: ApiKey, actor: Actor, change: audit.log.Change, reason: str = ""
) -> None:
    target = audit.log.Target("api_key", str(api_key.pk), api_key.name)
    audit.log.record(action, chain=api_key.team_id, actor=actor, target=target, change=change, reason=reason)


@transaction.atomic
def quota_set(access: Access, server: Server, quota: int | None, *, seen: str) -> None:
    """Set a server's limit of traffic per month, in bytes; None takes it away. The same limit again is no change.

    Raises ChangedMeanwhile unless `seen` is the mark of the limit that is kept.
    """
    seq = bump(access.team.pk)
    row = access.servers().select_for_update().get(pk=server.pk)
    if row.quota_bytes == quota:
        return
    demand_unchanged(row.quota_bytes, seen)
    Server.objects.filter(pk=row.pk).update(quota_bytes=quota, changed_seq=seq)
    audit.log.record(
        AuditAction.QUOTA_SET,
        chain=access.team.pk,
        actor=access.actor,
        target=row.audit_target(),
        change=audit.log.Change({"quota_bytes": row.quota_bytes}, {"quota_bytes": quota}),
    )
