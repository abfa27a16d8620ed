"""Verification as a worker's job: one at a time, in steps, and not to be led astray by what stands in the database."""

import json
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from audit import keys, leases, triggers, verification
from audit.heads import start_chain
from audit.models import AuditEvent, AuditHead, AuditLease, Outcome, Verification
from audit.origin import Actor
from tests.audit.test_log import CHAIN, write

pytestmark = pytest.mark.django_db
OTHER = 9
WHO = Actor(user_id=5, role="auditor", ip="192.0.2.9", request_id="a-request-of-theirs")


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ring is one step of two entries."""
    monkeypatch.setattr(verification, "STEP", 2)
    monkeypatch.setattr(verification, "SECONDS_AT_ONCE", 0.0)


@pytest.fixture(autouse=True)
def chain(db: None) -> None:
    start_chain(CHAIN)


def verdict() -> AuditEvent:
    return AuditEvent.objects.get(chain=CHAIN, action="audit.verify")


def run_until_done() -> None:
    while due := verification.due():
        verification.run(*due)


@pytest.mark.req("A7")
def test_verdict_is_an_entry_of_who_asked() -> None:
    write(3)
    assert verification.ask(CHAIN, WHO)
    run_until_done()
    entry = verdict()
    assert (entry.actor_id, entry.actor_role, entry.ip, entry.request_id) == (
        WHO.user_id,
        WHO.role,
        WHO.ip,
        WHO.request_id,
    )
    assert (entry.outcome, entry.after) == (Outcome.DONE, {"entries": 3, "intact": True, "first_bad": None})
    wish = verification.of_chain(CHAIN)
    assert wish is not None
    assert (wish.asked_by, wish.done_by, wish.entries, wish.problem) == ({}, WHO.user_id, 3, "")


def test_second_wish_is_none_while_the_first_is_met() -> None:
    write(1)
    assert [verification.ask(CHAIN, WHO) for _ in range(3)] == [True, False, False]
    run_until_done()
    assert verification.ask(CHAIN, WHO)


def places() -> list[int]:
    """How far the run is after each ring."""
    found = []
    while verification.due():
        verification.run(CHAIN)
        found.append(Verification.objects.get(pk=CHAIN).read)
    return found


@pytest.mark.usefixtures("small_steps")
def test_long_chain_is_walked_ring_by_ring_from_where_it_stopped() -> None:
    write(5)
    verification.ask(CHAIN, WHO)
    assert places() == [2, 4, 5]
    assert verdict().after["entries"] == 5


@pytest.mark.usefixtures("small_steps")
def test_entries_written_meanwhile_are_read_too() -> None:
    write(4)
    verification.ask(CHAIN, WHO)
    verification.run(CHAIN)
    write(3)
    assert places() == [4, 6, 7]
    assert verdict().after == {"entries": 7, "intact": True, "first_bad": None}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("bad", [1, 4, 5])
def test_first_wrong_entry_is_named(bad: int) -> None:
    write(5)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=CHAIN, sequence=bad).update(reason="changed")
    verification.ask(CHAIN, WHO)
    run_until_done()
    assert (verdict().outcome, verdict().after["first_bad"]) == (Outcome.FAILED, bad)
    wish = Verification.objects.get(pk=CHAIN)
    assert (wish.entries, wish.first_bad) == (bad - 1, bad)
    assert f"entry {bad} was changed" in wish.problem


@pytest.mark.usefixtures("small_steps")
def test_place_that_no_worker_wrote_is_not_believed() -> None:
    """Else whoever holds the database could have the rest of a chain verified only."""
    write(6)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=CHAIN, sequence=2).update(reason="changed")
    verification.ask(CHAIN, WHO)
    last = AuditEvent.objects.get(chain=CHAIN, sequence=4)
    Verification.objects.update(read=4, row_hash=last.row_hash)
    run_until_done()
    assert verdict().after["first_bad"] == 2


FORGED = {
    "somebody else": json.dumps({"actor": asdict(WHO), "key_id": next(iter(keys.ring())), "mac": "0" * 64}),
    "no seal": json.dumps(asdict(WHO)),
    "nobody": "{}",
    "no object": "[1]",
    "nothing": "null",
}
if connection.vendor == "sqlite":
    # PostgreSQL keeps neither.
    FORGED["half a character"] = FORGED["somebody else"].replace("0" * 64, r"\ud800")
    FORGED["no JSON"] = "{"


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_wish_that_nobody_sealed_is_met_as_the_panels_own_and_stops_no_other(forged: str) -> None:
    start_chain(OTHER)
    for chain in (CHAIN, OTHER):
        assert verification.ask(chain, WHO)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute("UPDATE audit_verification SET asked_by = %s WHERE chain = %s", [forged, CHAIN])
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
    run_until_done()
    assert (verdict().actor_id, verdict().ip) == (None, "")
    assert AuditEvent.objects.get(chain=OTHER, action="audit.verify").actor_id == WHO.user_id


def test_seal_of_a_wish_for_another_chain_does_not_fit() -> None:
    start_chain(OTHER)
    verification.ask(OTHER, WHO)
    theirs = Verification.objects.get(pk=OTHER).asked_by
    verification.ask(CHAIN, Actor(user_id=6))
    Verification.objects.filter(pk=CHAIN).update(asked_by=theirs)
    run_until_done()
    assert verdict().actor_id is None


@pytest.mark.usefixtures("small_steps")
def test_killed_worker_is_followed_by_another_that_goes_on() -> None:
    write(6)
    verification.ask(CHAIN, WHO)
    verification.run(CHAIN)
    AuditLease.objects.filter(pk=verification.LEASE).update(until=leases.after(verification.LEASE_TIME))
    assert verification.due() == ()
    verification.run(CHAIN)
    assert Verification.objects.get(pk=CHAIN).read == 2
    AuditLease.objects.update(until=F("until") - timedelta(minutes=1))
    assert places() == [4, 6, 6]
    assert verdict().after["entries"] == 6


def test_chains_take_turns_one_at_a_time() -> None:
    write(1)
    start_chain(OTHER)
    write(1, chain=OTHER)
    verification.ask(CHAIN, WHO)
    verification.ask(OTHER, WHO)
    assert verification.due() == (CHAIN,)
    with leases.held(verification.LEASE, timedelta(seconds=5)):
        assert verification.due() == ()
        verification.run(CHAIN)
    assert not AuditEvent.objects.filter(action="audit.verify").exists()
    run_until_done()
    assert AuditEvent.objects.filter(action="audit.verify").count() == 2


def test_chain_that_takes_no_entry_any_more_is_marked_and_the_verdict_kept() -> None:
    write(3)
    AuditHead.objects.filter(pk=CHAIN).update(row_hash="0" * 64)
    verification.ask(CHAIN, WHO)
    run_until_done()
    wish, head = Verification.objects.get(pk=CHAIN), AuditHead.objects.get(pk=CHAIN)
    assert (wish.problem, wish.done_by) == ("the head of the chain does not fit its last entry", WHO.user_id)
    assert (head.broken_at is not None, head.problem) == (True, wish.problem)
    assert not AuditEvent.objects.filter(action="audit.verify").exists()
