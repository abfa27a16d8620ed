"""Signed checkpoints: what an attacker who holds the whole database, but no key, can no longer undo."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.db.models import F
from structlog.testing import capture_logs

from audit import leases, triggers, verification
from audit.checkpoints import file, making, proof, signed
from audit.checkpoints.key import public_key, signing_key
from audit.heads import start_chain
from audit.models import INSTALLATION, AuditEvent, AuditHead, AuditLease, Checkpoint
from audit.origin import Actor
from audit.recovery import recover
from audit.verify import verify
from tests.audit.test_log import CHAIN, write

pytestmark = pytest.mark.django_db
OTHER = 9


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def chain(db: None) -> None:
    start_chain(CHAIN)


@pytest.fixture
def two() -> None:
    """Two checkpoints: the first at entry 3 of one chain, the second at its entry 6 and entry 2 of another."""
    write(3)
    making.sign_next(1)
    write(3)
    start_chain(OTHER)
    write(2, chain=OTHER)
    making.sign_next(2)
    assert Checkpoint.objects.count() == 2


@pytest.fixture
def alarms() -> Iterator[list[Any]]:
    """What the log was told of broken chains."""
    with capture_logs() as logs:
        yield logs


def told(logs: list[Any]) -> list[int]:
    """The chains that the log calls broken, each of which is marked if it is still there."""
    broken = [
        each["chain"] for each in logs if each["event"] in {"audit chain broken", "audit chain missing"}
    ]
    marked = AuditHead.objects.filter(pk__in=broken, broken_at=None)
    assert not marked.exists()
    return broken


def lines() -> list[str]:
    return list(proof.kept_lines())


# --- What one says ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two")
@pytest.mark.req("A4")
def test_checkpoint_lists_every_chain_and_follows_the_one_before() -> None:
    first, second = signed.following(lines(), keys=[public_key()])
    assert first.heads[CHAIN] == (3, AuditEvent.objects.get(chain=CHAIN, sequence=3).row_hash)
    assert {chain: sequence for chain, (sequence, _) in second.heads.items()} == {
        INSTALLATION: 0,
        CHAIN: 6,
        OTHER: 2,
    }
    assert second.previous == first.digest


@pytest.mark.usefixtures("two")
def test_checkpoint_stands_in_the_table_the_file_and_the_log(folder: Path, alarms: list[Any]) -> None:
    making.sign_next(3)
    assert (folder / file.NAME).read_text().splitlines() == lines()
    assert (folder / file.NAME).stat().st_mode & 0o777 == 0o600
    assert [each["checkpoint"] for each in alarms if "checkpoint" in each] == lines()[2:]


def test_where_there_is_no_data_folder_the_table_and_the_log_are_enough(settings: Any, folder: Path) -> None:
    settings.DATA_DIR = folder / "none"
    write(1)
    making.sign_next(1)
    assert (len(lines()), proof.prove().faults) == (1, [])


@pytest.mark.usefixtures("two")
def test_file_that_lost_its_end_in_a_power_cut_is_completed(folder: Path) -> None:
    path = folder / file.NAME
    path.write_bytes(path.read_bytes()[:-40])
    making.sign_next(3)
    assert path.read_text().splitlines() == lines()
    assert len(lines()) == 3


@pytest.mark.usefixtures("two")
def test_checkpoint_that_is_signed_while_somebody_compares_is_no_alarm(folder: Path) -> None:
    """`verify_audit` and a start compare without the lease."""

    def meanwhile() -> Iterator[str]:
        kept = lines()
        making.sign_next(3)
        yield from kept

    assert file.differs(meanwhile()) == ""
    assert file.differs(lines()) == ""
    assert len((folder / file.NAME).read_text().splitlines()) == 3


# --- When one is due --------------------------------------------------------------------------------------------


def test_first_one_is_due_soon_after_the_first_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    assert making.due() == ()
    write(1)
    assert making.due() == ()
    monkeypatch.setattr(making, "FIRST_AFTER", timedelta(0))
    assert making.due() == (1,)


def move(number: int, by: timedelta) -> None:
    """As if that checkpoint had been signed at another time."""
    row = Checkpoint.objects.get(pk=number)
    was = signed.read(row.line)
    at = (datetime.fromisoformat(was.at) + by).isoformat()
    made = signed.sign(signing_key(), number=number, at=at, previous=was.previous, heads=was.heads)
    Checkpoint.objects.filter(pk=number).update(content=made.content, signature=made.signature)


@pytest.mark.usefixtures("two")
@pytest.mark.req("A4")
@pytest.mark.parametrize("why", ["an hour passed", "entries", "fewer entries", "the clock jumped back"])
def test_next_one_is_due(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert making.due() == ()
    if why == "entries":
        monkeypatch.setattr(making, "MOST_ENTRIES", 5)
        write(5)
    elif why == "fewer entries":
        AuditHead.objects.filter(pk=CHAIN).update(sequence=5)
    else:
        move(2, timedelta(hours=-1 if "hour" in why else 1))
    assert making.due() == (3,)


@pytest.mark.usefixtures("two")
@pytest.mark.req("A4")
def test_what_our_key_did_not_sign_puts_the_next_one_not_off() -> None:
    """Else whoever writes there keeps any from being signed for ever."""
    last = Checkpoint.objects.get(number=2)
    Checkpoint.objects.filter(pk=2).update(content=last.content.replace('"type"', ' "type"'))
    assert making.due() == (3,)
    told = signed.read(last.line)
    forged = signed.sign(
        Ed25519PrivateKey.generate(), number=2, at=told.at, previous=told.previous, heads=told.heads
    )
    Checkpoint.objects.filter(pk=2).update(content=forged.content, signature=forged.signature)
    assert making.due() == (3,)


@pytest.mark.usefixtures("two")
def test_row_that_takes_the_last_number_keeps_nothing_from_being_signed(alarms: list[Any]) -> None:
    last = Checkpoint.objects.get(number=2)
    last.number = 2**63 - 1
    last.save(force_insert=True)
    making.sign_next(3)
    assert (len(lines()), told(alarms), proof.prove().faults) == (3, [], [])


@pytest.mark.usefixtures("two")
def test_one_process_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "EVERY", timedelta(0))
    with leases.held(making.LEASE, timedelta(minutes=1)) as lease:
        assert making.due() == ()
        making.sign_next(3)
        assert (lease is not None, len(lines())) == (True, 2)
    assert making.due() == (3,)
    making.sign_next(2)
    assert len(lines()) == 2


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_sign_once_and_verify_once() -> None:
    write(300)
    asked: list[bool] = []
    everybody_asked = threading.Barrier(8)

    def worker() -> None:
        try:
            asked.append(verification.ask(CHAIN, Actor()))
            everybody_asked.wait()
            making.sign_next(1)
            verification.run(CHAIN)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(asked), [each.number for each in signed.following(lines())]) == ([False] * 7 + [True], [1])
    assert AuditEvent.objects.filter(action="audit.verify").count() == 1
    assert proof.prove().faults == []


def test_lease_of_a_worker_that_died_runs_out() -> None:
    held = leases.held("x", timedelta(minutes=1))
    assert held.__enter__() is not None
    AuditLease.objects.filter(pk="x").update(until=F("until") - timedelta(minutes=2))
    with leases.held("x", timedelta(minutes=1)) as second:
        assert second is not None
        held.__exit__(None, None, None)
        with leases.held("x", timedelta(minutes=1)) as third:
            assert third is None


def test_lease_from_before_the_clock_jumped_back_counts_as_over() -> None:
    AuditLease.objects.create(pk="x", until=AuditEvent.objects.none().first())
    AuditLease.objects.filter(pk="x").update(until=leases.after(timedelta(hours=2)))
    with leases.held("x", timedelta(minutes=1)) as lease:
        assert lease is not None


def test_lost_lease_ends_the_work() -> None:
    after = []
    with leases.held("x", timedelta(minutes=1)) as lease:
        assert lease is not None
        AuditLease.objects.filter(pk="x").update(epoch=F("epoch") + 1)
        lease.renew()
        after.append("went on")
    assert after == []


def put_back(old: AuditHead) -> None:
    """As it once was, its valid seal included."""
    fields = ("birth", "start", "sequence", "row_hash", "closed", "key_id", "mac")
    AuditHead.objects.filter(pk=old.pk).update(**{name: getattr(old, name) for name in fields})


def cut_back_to_the_second_checkpoint() -> None:
    """A third one covered four entries more: they are gone, and the old head is back."""
    old = AuditHead.objects.get(pk=CHAIN)
    write(4)
    making.sign_next(3)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=CHAIN, sequence__gt=6)._raw_delete("default")
    put_back(old)


# --- Attacks ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two")
@pytest.mark.req("A4")
@pytest.mark.parametrize("then", [0, 2, 5])
def test_old_sealed_head_put_back_with_its_tail_cut_is_found(then: int, alarms: list[Any]) -> None:
    """The whole chain verifies by itself afterwards, also when ordinary acts made it as long as it was, or longer."""
    cut_back_to_the_second_checkpoint()
    if then:
        write(then)
    assert verify(CHAIN).intact
    making.sign_next(4)
    assert told(alarms) == [CHAIN]
    assert "10 is not the one that checkpoint 3 signed" in str(alarms)
    assert len(lines()) == 3
    assert making.due() == ()


def cut_all(chain: int) -> None:
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=chain)._raw_delete("default")
    AuditHead.objects.filter(pk=chain).delete()


@pytest.mark.usefixtures("two")
def test_chain_that_vanished_is_found(alarms: list[Any]) -> None:
    cut_all(OTHER)
    making.sign_next(3)
    assert told(alarms) == [OTHER]
    assert len(lines()) == 2


@pytest.mark.usefixtures("two")
def test_checkpoints_that_vanished_with_the_tail_are_found_by_the_file(alarms: list[Any]) -> None:
    Checkpoint.objects.filter(number=2).delete()
    cut_all(OTHER)
    making.sign_next(2)
    assert (told(alarms), len(lines())) == ([INSTALLATION, OTHER], 1)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("number", [1, 2])
def test_rewritten_checkpoint_is_found(number: int, alarms: list[Any], settings: Any, folder: Path) -> None:
    """Also where there is no file beside the table."""
    settings.DATA_DIR = folder / "none"
    kept = Checkpoint.objects.get(pk=number)
    said = json.loads(kept.content)
    said["chains"] = [[CHAIN, 3, "0" * 64]]
    Checkpoint.objects.filter(pk=number).update(content=json.dumps(said, separators=(",", ":")))
    making.sign_next(3)
    assert (told(alarms), len(lines())) == ([INSTALLATION], 2)


@pytest.mark.usefixtures("two")
def test_checkpoint_signed_with_another_key_is_found(alarms: list[Any], settings: Any) -> None:
    settings.CHECKPOINT_KEY = "another key of thirty-two characters or so"
    making.sign_next(3)
    assert (told(alarms), len(lines())) == ([INSTALLATION], 2)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("sequence", [7, 8])
def test_entry_changed_since_the_last_one_is_found(sequence: int, alarms: list[Any]) -> None:
    write(2)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=CHAIN, sequence=sequence).update(reason="changed")
    making.sign_next(3)
    assert (told(alarms), len(lines())) == ([CHAIN], 2)
    assert f"entry {sequence} was changed" in str(alarms)


@pytest.mark.usefixtures("two")
def test_what_was_signed_is_not_walked_again_for_each_checkpoint() -> None:
    """It costs an hour's entries each hour. A text changed behind an old hash is found by a verification."""
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=CHAIN, sequence=2).update(reason="changed")
    making.sign_next(3)
    assert (len(lines()), verify(CHAIN).first_bad) == (3, 2)


@pytest.mark.usefixtures("two")
def test_chain_begun_again_under_its_number_is_found(alarms: list[Any]) -> None:
    cut_all(OTHER)
    start_chain(OTHER)
    write(3, chain=OTHER)
    assert verify(OTHER).intact
    making.sign_next(3)
    assert told(alarms) == [OTHER]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("deep", [2, 3])
def test_cut_that_took_the_checkpoints_along_is_named_by_the_file(deep: int, alarms: list[Any]) -> None:
    """Yesterday's database beside today's file: both the lost checkpoints and the chain that was cut are named."""
    cut_back_to_the_second_checkpoint()
    Checkpoint.objects.filter(number__gte=deep).delete()
    making.sign_next(deep)
    assert told(alarms) == [INSTALLATION, CHAIN]


# --- The way on -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two")
def test_after_a_recovery_what_was_filed_is_asked_for_no_more(alarms: list[Any]) -> None:
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=CHAIN, sequence=6).update(row_hash="0" * 64)
    triggers.install(connection)
    making.sign_next(3)
    assert told(alarms) == [CHAIN]
    above = proof.prove().points.highest(CHAIN)[0]
    recover(CHAIN, reason="put right", actor=Actor(), teams={CHAIN, OTHER}, above=above)
    write(2)
    making.sign_next(3)
    assert len(lines()) == 3


@pytest.mark.usefixtures("two")
def test_checkpoints_begin_anew_and_a_break_that_is_not_filed_yet_is_still_found(
    alarms: list[Any], folder: Path
) -> None:
    """The file is ahead of the database, and a chain was cut: the one is put right, the other is not forgotten."""
    Checkpoint.objects.filter(number=2).delete()
    cut_all(OTHER)
    making.sign_next(2)
    assert told(alarms) == [INSTALLATION, OTHER]
    recover(INSTALLATION, reason="restored", actor=Actor(), teams={CHAIN, OTHER})
    assert making.begin_anew("restored")
    (begun,) = signed.following(lines(), keys=[public_key()])
    assert (begun.number, begun.anew) == (3, "restored")
    assert (folder / file.NAME).read_text().splitlines() == lines()
    assert len(list(folder.glob("audit-checkpoints-until-*.txt"))) == 1
    assert [fault.chain for fault in proof.prove().faults] == [OTHER]


@pytest.mark.usefixtures("two")
def test_machine_on_which_nobody_let_them_begin_anew_follows(
    alarms: list[Any], tmp_path_factory: pytest.TempPathFactory, folder: Path, settings: Any
) -> None:
    """Its own file still holds the checkpoints from before."""
    other = tmp_path_factory.mktemp("other")
    (other / file.NAME).write_text((folder / file.NAME).read_text())
    assert making.begin_anew("restored")
    settings.DATA_DIR = other
    write(1)
    making.sign_next(4)
    assert (proof.prove().faults, told(alarms)) == ([], [])
    assert (other / file.NAME).read_text().splitlines() == lines()


@pytest.mark.usefixtures("two")
def test_new_key_begins_anew(settings: Any) -> None:
    settings.CHECKPOINT_KEY = "another key of thirty-two characters or so"
    assert making.begin_anew("CHECKPOINT_KEY was replaced")
    making.sign_next(4)
    assert proof.prove().faults == []
    assert [each.number for each in signed.following(lines(), keys=[public_key()])] == [3, 4]
