"""The trail: written with the change or not at all, chained, keyed, and closed to change in the database."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.actions import AuditAction
from audit.heads import ChainBroken, ChainClosed, NotInTransactionError, start_chain
from audit.log import Change, Target, record, record_in, seal_chain
from audit.models import INSTALLATION, AppendOnlyError, AuditEvent, AuditHead
from audit.origin import Actor
from audit.verify import verify

CHAIN = 7


@pytest.fixture
def chain(db: None) -> int:
    """A chain in which nothing has happened yet."""
    return start_chain(CHAIN).chain


def write(count: int, *, chain: int = CHAIN) -> list[AuditEvent]:
    with transaction.atomic():
        return [
            record(
                AuditAction.API_KEY_RENAME,
                chain=chain,
                actor=Actor(user_id=5, role="admin", ip="192.0.2.1", user_agent="Firefox"),
                target=Target("api_key", str(number), f"key {number}"),
                change=Change({"name": "old"}, {"name": f"new {number}"}),
                reason="because",
            )
            for number in range(1, count + 1)
        ]


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A1")
def test_sequence_starts_at_one_and_has_no_gaps_per_chain() -> None:
    start_chain(8)
    assert [event.sequence for event in write(3)] == [1, 2, 3]
    assert [event.sequence for event in write(2, chain=8)] == [1, 2]
    assert [event.sequence for event in write(1)] == [4]


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A3")
def test_heads_of_several_chains_are_taken_in_one_order_whoever_names_them() -> None:
    """Else two writers wait for each other. PostgreSQL shows that in test_writers; SQLite lets one write at a time."""
    start_chain(8)
    for chains in ([INSTALLATION, 8, CHAIN], [8, CHAIN, INSTALLATION, 8]):
        with transaction.atomic():
            taken = record_in(chains, AuditAction.PROFILE_CHANGE, actor=Actor())
        assert [event.chain_id for event in taken] == [CHAIN, 8, INSTALLATION]


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A3")
def test_untouched_chain_verifies(django_assert_num_queries: object) -> None:
    write(5)
    verdict = verify(CHAIN)
    assert (verdict.intact, verdict.entries, verdict.first_bad) == (True, 5, None)


@pytest.mark.usefixtures("chain")
def test_chain_that_was_begun_verifies_and_any_other_is_missing() -> None:
    assert verify(CHAIN).intact
    assert verify(999).problem == "the head of the chain is missing"


@pytest.mark.django_db
@pytest.mark.req("A3")
def test_record_begins_no_chain() -> None:
    with pytest.raises(ChainBroken, match="missing"):
        write(1, chain=999)
    assert not AuditHead.objects.filter(pk=999).exists()


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize(
    "field",
    [
        {"sequence": 1},
        {"row_hash": "0" * 64},
        {"birth": "0" * 32},
        {"mac": "0" * 64},
        {"start": 1},
        {"closed": True},
        {"key_id": "unknown"},
        {"mac": "0" * 64, "broken_at": "2026-01-01T00:00:00Z", "problem": ""},
    ],
)
@pytest.mark.req("A3")
def test_record_builds_on_no_head_that_it_did_not_seal(field: dict[str, object]) -> None:
    write(2)
    AuditHead.objects.filter(pk=CHAIN).update(**field)
    with pytest.raises(ChainBroken, match="changed"):
        write(1)
    assert AuditEvent.objects.filter(chain=CHAIN).count() == 2


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A3")
def test_record_does_not_stumble_over_a_number_that_is_taken() -> None:
    (event,) = write(1)
    AuditEvent.objects.create(chain_id=CHAIN, sequence=2, at=event.at, action="login.end")
    with pytest.raises(ChainBroken, match="entry 2 is there"):
        write(1)


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A3")
def test_sealed_chain_stays_and_takes_no_more_entries() -> None:
    write(2)
    with transaction.atomic():
        seal_chain(CHAIN, actor=Actor(), label="North Ops")
    with pytest.raises(ChainClosed):
        write(1)
    AuditHead.objects.filter(pk=CHAIN).update(closed=False)
    with pytest.raises(ChainBroken):
        write(1)
    last = AuditEvent.objects.filter(chain=INSTALLATION).latest("sequence")
    assert (last.action, last.target_id, last.after["entries"]) == ("team.delete", str(CHAIN), 3)


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("A3")
@pytest.mark.parametrize(("number", "into"), [(0, CHAIN), (-1, CHAIN), (1, 999)])
def test_database_takes_no_entry_outside_of_a_chain(number: int, into: int) -> None:
    start_chain(CHAIN)
    with pytest.raises(IntegrityError):
        AuditEvent.objects.create(
            chain_id=into, sequence=number, at="2026-01-01T00:00:00Z", action="login.end"
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("A2")
def test_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(NotInTransactionError):
        record(AuditAction.LOGIN, chain=CHAIN, actor=Actor())


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A2")
def test_change_that_fails_takes_its_entry_with_it() -> None:
    write(1)
    with pytest.raises(DatabaseError):
        _write_and_fail()
    assert AuditEvent.objects.filter(chain=CHAIN).count() == 1
    assert verify(CHAIN).intact


@transaction.atomic
def _write_and_fail() -> None:
    write(2)
    start_chain(CHAIN)


def test_model_refuses_change_and_deletion() -> None:
    with pytest.raises(AppendOnlyError):
        AuditEvent(pk=1).save()
    with pytest.raises(AppendOnlyError):
        AuditEvent(pk=1).delete()


STATEMENTS = [
    "UPDATE audit_auditevent SET reason = 'x'",
    "UPDATE audit_auditevent SET sequence = sequence + 10 WHERE sequence = 2",
    "DELETE FROM audit_auditevent",
    "DELETE FROM audit_auditevent WHERE sequence = 3",
]
OVERWRITE = {
    "postgresql": "TRUNCATE audit_auditevent",
    "sqlite": "REPLACE INTO audit_auditevent SELECT * FROM audit_auditevent WHERE sequence = 1",
}


@pytest.mark.usefixtures("chain")
@pytest.mark.req("A5")
@pytest.mark.req("A6")
@pytest.mark.parametrize("statement", [*STATEMENTS, "overwrite"])
def test_database_refuses_to_change_entries(statement: str) -> None:
    write(3)
    connection.check_constraints()
    sql = OVERWRITE[connection.vendor] if statement == "overwrite" else statement
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert AuditEvent.objects.filter(chain=CHAIN).count() == 3
    assert verify(CHAIN).intact


@pytest.mark.usefixtures("chain")
def test_hostile_text_is_kept_on_one_line_and_bounded() -> None:
    with transaction.atomic():
        event = record(
            AuditAction.LOGIN_FAIL,
            chain=CHAIN,
            actor=Actor(user_agent="a\r\nfake entry"),
            target=Target("user", "1", "x" * 5000),
            reason="one\ntwo\u202ethree\x00",
        )
    assert event.reason == "one\\u000atwo\\u202ethree\\u0000"
    assert len(event.target_label) == 200
    assert verify(CHAIN).intact
