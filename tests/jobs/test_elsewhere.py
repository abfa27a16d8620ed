"""How a change made elsewhere is told, and that the trail tells it the same way."""

import pytest
from django.test import Client

from audit.models import AuditEvent
from jobs import elsewhere
from jobs.engine import reading
from jobs.models import ExternalEvent
from servers.models import Server, Snapshot
from teams.models import User
from tests.cast import ClientOf
from tests.support.engine_room import EngineRoom
from tests.support.pages import text_of

What = ExternalEvent.What
SENTENCES = {
    (What.APPEARED, "", "", ""): "Leaseweb lists the server now",
    (What.VANISHED, "", "", ""): "Leaseweb no longer lists the server",
    (What.STATE, "", "RUNNING", "STOPPED"): "state: running → stopped",
    (What.STATE, "", "STOPPING", "STOPPED"): "state: now stopped, was seen stopping",
    (What.STATE, "", "RUNNING", "MELTED"): "state: running → melted",
    (What.REFERENCE, "", "web-01", "web, old"): "reference: “web-01” → “web, old”",
    (What.REFERENCE, "", "web-01", ""): "reference: “web-01” → none",
    (What.TEMPLATE, "", "Debian 12", "Debian 13"): "system: Debian 12 → Debian 13",
    (What.TEMPLATE, "", "Debian 12", ""): "system: Debian 12 → not told",
    (What.SNAPSHOT_NEW, "before", "", "READY"): "snapshot “before” appeared",
    (What.SNAPSHOT_GONE, "before", "READY", ""): "snapshot “before” is gone",
    (What.SNAPSHOT_STATE, "a", "READY", "REVERTING"): "snapshot “a”: ready → being restored",
    ("firewall_state", "", "on", "off"): "firewall state: on → off",
}


@pytest.mark.parametrize(("change", "told"), SENTENCES.items(), ids=SENTENCES.values())
def test_change_is_told_in_plain_words(change: tuple[str, str, str, str], told: str) -> None:
    what, subject, before, after = change
    event = ExternalEvent(what=what, subject=subject, before=before, after=after)
    assert elsewhere.sentence(event) == told


@pytest.mark.parametrize("what", What.values)
def test_every_kind_of_change_has_words(what: str) -> None:
    assert what in {change[0] for change in SENTENCES}


def test_states_are_told_by_their_labels() -> None:
    for states, what in ((Server.State, What.STATE), (Snapshot.State, What.SNAPSHOT_STATE)):
        for state in states:
            event = ExternalEvent(what=what, before=state.value, after="")
            assert str(state.label) in elsewhere.sentence(event)


@pytest.mark.django_db
def test_trail_tells_an_external_change_in_the_same_words(
    room: EngineRoom, admin: User, client_of: ClientOf
) -> None:
    server = room.server("RUNNING")
    room.set_state(server, "STOPPED")
    assert reading.read_key(room.api_key.pk)
    event = ExternalEvent.objects.get(server=server)
    entry = AuditEvent.objects.get(action="server.external", target_id=str(server.pk))
    assert entry.reason == elsewhere.sentence(event) == "state: running → stopped"
    trail: Client = client_of(admin)
    line = f"the panel saw a change made elsewhere {server.shown_name} state: running → stopped done"
    assert line in text_of(trail.get("/t/north-ops/audit/").content)
    shown = text_of(trail.get(f"/t/north-ops/audit/{entry.sequence}/").content)
    assert "state RUNNING STOPPED" in shown
