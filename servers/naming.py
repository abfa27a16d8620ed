"""What people call a server: its reference at Leaseweb, and a note that never leaves the panel."""

from django.db import transaction
from django.db.models.functions import Now

import audit.log
from audit.actions import AuditAction
from audit.models import Outcome
from servers import live, mapping, sync, witness
from servers.clock import database_time
from servers.leaseweb import Sent, VirtualServer
from servers.models import ApiKey, Server
from servers.sync import Reading
from servers.witness import Deed, Result
from teams.access import Access
from teams.bookkeeping import persistent
from teams.cursor import bump
from teams.edits import demand_unchanged


def server_rename(access: Access, server: Server, reference: str, *, seen: str | None = None) -> Result:
    """Give a server another reference at Leaseweb (PUT /virtualServers/{id}); `server` comes with its key.

    The empty one takes the name off; the one that it has already costs no call. What is asked is audited and
    committed before the call; without that there is no call (A2). A success is written into our row at once where
    nothing else about the server changed meanwhile; else, and when Leaseweb did not confirm it, the next reading
    tells. Raises OutOfReach when nobody can be asked, ChangedMeanwhile when `seen`, if given, is not the mark of the
    name that the server has or is about to have.
    """
    api_key = witness.key_of(server)
    if reference == server.reference:
        return Result(Outcome.DONE)
    change = audit.log.Change({"reference": server.reference}, {"reference": reference})
    deed = Deed(AuditAction.SERVER_RENAME, access, server, change)
    _announce(deed, reference, seen)
    sent = live.rename(api_key, server.upstream_id, reference)
    result = witness.of_sent(sent)
    _conclude(deed, api_key, sent, result)
    witness.tell_key(api_key, server, sent)
    return result


@transaction.atomic(durable=True)
def _announce(deed: Deed, reference: str, seen: str | None) -> None:
    """The wanted name stands in the row first, so that no reading takes it for somebody else's doing."""
    row = (
        Server.objects.select_for_update(no_key=True)
        .only("reference", "reference_asked")
        .get(pk=deed.server.pk)
    )
    demand_unchanged(row.coming_reference, seen)
    Server.objects.filter(pk=deed.server.pk).update(reference_asked=reference)
    witness.announce(deed)


@persistent
@transaction.atomic(durable=True)
def _conclude(deed: Deed, api_key: ApiKey, sent: Sent, result: Result) -> None:
    if result.done and sent.server is not None and _shows_nothing_else(deed.server, sent.server):
        sync.apply_server(api_key, Reading(database_time(api_key), (sent.server,)))
        _nothing_asked(deed)
    elif result.may_be_done:
        _ask_reading(deed)
    else:
        _nothing_asked(deed)
    witness.conclude(deed, result)


def _shows_nothing_else(server: Server, answer: VirtualServer) -> bool:
    """What was done elsewhere meanwhile enters the timeline, which only a reading of the engine can do."""
    now = mapping.columns(answer)
    return (now["state"], now["template"]) == (server.state, server.template)


def _nothing_asked(deed: Deed) -> None:
    """Take back our own mark only: somebody may have asked for another name meanwhile."""
    ours = Server.objects.filter(pk=deed.server.pk, reference_asked=deed.change.after["reference"])
    ours.update(reference_asked=None)


def _ask_reading(deed: Deed) -> None:
    seq = bump(deed.access.team.pk)
    Server.objects.filter(pk=deed.server.pk).update(refresh_asked_at=Now(), changed_seq=seq)


@transaction.atomic
def server_note(access: Access, server: Server, note: str, *, seen: str) -> None:
    """Write the team's own note on a server; Leaseweb never sees it. The same note again is no change.

    Raises ChangedMeanwhile unless `seen` is the mark of the note that stands there, under the team's lock.
    """
    seq = bump(access.team.pk)
    kept = access.servers().values_list("note", flat=True).get(pk=server.pk)
    if kept == note:
        return
    demand_unchanged(kept, seen)
    Server.objects.filter(pk=server.pk).update(note=note, changed_seq=seq)
    audit.log.record(
        AuditAction.SERVER_NOTE,
        chain=access.team.pk,
        actor=access.actor,
        target=server.audit_target(),
        change=audit.log.Change({"note": kept}, {"note": note}),
    )
