"""What verification says of a chain that nobody tampered with; tests/audit/test_attacks.py has the others."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from audit import persons
from audit.heads import start_chain
from audit.models import AuditEvent, AuditHead, AuditPerson
from audit.verify import verify
from tests.audit.test_log import CHAIN, write

pytestmark = [pytest.mark.django_db, pytest.mark.req("A3")]
OTHER_KEY = "another-key-of-thirty-two-characters-or-so"


@pytest.fixture(autouse=True)
def chain() -> None:
    start_chain(CHAIN)
    write(6)


def test_chain_does_not_verify_under_another_key() -> None:
    with override_settings(AUDIT_KEYS=OTHER_KEY):
        verdict = verify(CHAIN)
    assert (verdict.first_bad, verdict.problem) == (
        1,
        "entry 1 was sealed with a key that is not in AUDIT_KEYS",
    )


def test_ring_of_keys_may_be_edited(settings: Any) -> None:
    """A new key in front seals from now on; names and order change nothing."""
    old = settings.AUDIT_KEYS
    settings.AUDIT_KEYS = f"{OTHER_KEY}, {old}"
    write(2)
    assert verify(CHAIN).intact
    settings.AUDIT_KEYS = f"old:{old} new:{OTHER_KEY}"
    write(2)
    assert verify(CHAIN).intact
    ids = AuditEvent.objects.filter(chain=CHAIN).order_by("sequence").values_list("key_id", flat=True)
    assert len(set(ids[:6])) == len(set(ids[6:8])) == 1
    assert ids[0] != ids[6]
    assert ids[8] == ids[0] == AuditHead.objects.get(pk=CHAIN).key_id


def test_chain_can_be_followed_without_what_its_entries_say() -> None:
    """The rule by itself, as somebody follows it who was given an export without its contents."""
    last = _sha256(f"begin\n{CHAIN}\n{AuditHead.objects.get(pk=CHAIN).birth}\n0")
    entries = AuditEvent.objects.filter(chain=CHAIN).order_by("sequence")
    for prev_hash, content_hash, row_hash in entries.values_list("prev_hash", "content_hash", "row_hash"):
        assert (prev_hash, row_hash) == (last, _sha256(f"{last}\n{content_hash}"))
        last = row_hash
    assert AuditHead.objects.get(pk=CHAIN).row_hash == last


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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


@pytest.mark.req("A10")
def test_person_has_one_digest_as_long_as_nothing_changes() -> None:
    first = persons.remember(5, "Ann", "ann@example.com")
    assert persons.remember(5, "Ann", "ann@example.com") == first
    assert persons.remember(5, "Ann", "ann@example.org") != first
    assert persons.remember(6, "Ann", "ann@example.com") != first
    assert persons.known([first])[first] == persons.Known(5, "Ann", "ann@example.com", genuine=True)


@pytest.mark.req("A10")
@pytest.mark.parametrize("field", ["salt", "mac", "key_id"])
def test_name_that_this_panel_did_not_seal_is_kept_for_no_further_act(field: str) -> None:
    first = persons.remember(5, "Ann", "ann@example.com")
    AuditPerson.objects.filter(digest=first).update(**{field: "0" * 8})
    again = persons.remember(5, "Ann", "ann@example.com")
    assert persons.known([first, again])[again].genuine


@pytest.mark.req("A10")
def test_entries_hold_the_digest_of_that_time() -> None:
    old = persons.remember(5, "Ann", "ann@example.com")
    (before,) = write(1)
    new = persons.remember(5, "Bob", "ann@example.com")
    (after,) = write(1)
    assert (before.actor_digest, after.actor_digest) == (old, new)
    assert verify(CHAIN).intact
