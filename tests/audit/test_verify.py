"""Somebody gets past the triggers, as a database owner can: every way of tampering is found and named."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from audit import chain as hashing
from audit import triggers
from audit.chain import COVERED
from audit.models import AuditEvent, AuditHead
from audit.verify import chains, verify
from tests.audit.test_log import CHAIN, write

pytestmark = [pytest.mark.django_db, pytest.mark.req("A3")]


@pytest.fixture(autouse=True)
def owner_of_the_database() -> None:
    write(6)
    triggers.remove(connection)


def entry(sequence: int) -> "AuditEvent":
    return AuditEvent.objects.get(chain=CHAIN, sequence=sequence)


def rewrite(entry_number: int, **fields: object) -> None:
    AuditEvent.objects.filter(chain=CHAIN, sequence=entry_number).update(**fields)


def other(value: object) -> object:
    if isinstance(value, dict):
        return {**value, "x": "y"}
    if isinstance(value, str):
        return value[:-1] + "~" if value else "~"
    return (value or 0) + 1000 if isinstance(value, int) or value is None else value


@pytest.mark.parametrize("field", [*(name for name in COVERED if name not in {"chain", "sequence"}), "at"])
def test_flipped_field_is_found(field: str) -> None:
    value = getattr(entry(4), field)
    rewrite(4, **{field: value - timedelta(days=9000) if field == "at" else other(value)})
    verdict = verify(CHAIN)
    assert (verdict.intact, verdict.first_bad) == (False, 4)
    assert "changed" in verdict.problem


@pytest.mark.parametrize("sequence", [1, 3])
def test_deleted_entry_is_found(sequence: int) -> None:
    AuditEvent.objects.filter(chain=CHAIN, sequence=sequence)._raw_delete("default")
    assert verify(CHAIN).first_bad == sequence


@pytest.mark.parametrize("gone", [1, 3, 6])
def test_cut_tail_is_found(gone: int) -> None:
    AuditEvent.objects.filter(chain=CHAIN, sequence__gt=6 - gone)._raw_delete("default")
    verdict = verify(CHAIN)
    assert verdict.first_bad == 7 - gone
    assert f"last {gone} entries" in verdict.problem


def test_swapped_entries_are_found() -> None:
    rewrite(2, sequence=100)
    rewrite(3, sequence=2)
    rewrite(100, sequence=3)
    assert verify(CHAIN).first_bad == 2


def test_entry_moved_to_another_chain_is_found_in_both() -> None:
    write(3, chain=9)
    AuditEvent.objects.filter(chain=CHAIN, sequence=6).update(chain=9, sequence=4)
    assert verify(CHAIN).first_bad == 6
    assert verify(9).first_bad == 4


def test_chain_rebuilt_without_the_key_is_found() -> None:
    last = entry(2).row_hash
    for sequence in range(3, 7):
        event = entry(sequence)
        event.reason, event.prev_hash = "rewritten", last
        event.row_hash = last = hashing.row_hash(event)
        rewrite(sequence, reason=event.reason, prev_hash=event.prev_hash, row_hash=event.row_hash)
    AuditHead.objects.filter(pk=CHAIN).update(row_hash=last)
    verdict = verify(CHAIN)
    assert verdict.first_bad == 3
    assert "key" in verdict.problem


def test_chain_does_not_verify_under_another_key() -> None:
    with override_settings(AUDIT_KEY="another key of thirty-two characters or so"):
        assert verify(CHAIN).first_bad == 1


HEAD: dict[str, Callable[[], object]] = {
    "deleted": lambda: AuditHead.objects.filter(pk=CHAIN).delete(),
    "reset": lambda: AuditHead.objects.filter(pk=CHAIN).update(sequence=0),
    "moved back": lambda: AuditHead.objects.filter(pk=CHAIN).update(sequence=5),
    "another hash": lambda: AuditHead.objects.filter(pk=CHAIN).update(row_hash="0" * 64),
    "another seal": lambda: AuditHead.objects.filter(pk=CHAIN).update(mac="0" * 64),
}


@pytest.mark.parametrize("how", HEAD)
def test_tampered_head_is_found(how: str) -> None:
    HEAD[how]()
    assert not verify(CHAIN).intact


def test_chain_without_a_head_is_still_listed() -> None:
    AuditHead.objects.filter(pk=CHAIN).delete()
    assert CHAIN in chains()


@pytest.mark.parametrize("head", ["deleted", "reset"])
def test_chain_that_was_removed_altogether_is_found(head: str) -> None:
    AuditEvent.objects.filter(chain=CHAIN)._raw_delete("default")
    HEAD[head]()
    assert not verify(CHAIN, begun=True).intact


def test_entry_written_while_it_verifies_breaks_nothing() -> None:
    """Right after the entries were read one more is committed, as a busy team's worker does."""
    written: list[str] = []

    def busy(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if "audit_auditevent" in sql and not written:
            written.append(sql)
            write(1)
        return result

    with connection.execute_wrapper(busy):
        verdict = verify(CHAIN)
    assert (verdict.intact, verdict.entries) == (True, 7)
