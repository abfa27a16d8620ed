"""Somebody holds the whole database, but no key: every way of tampering is found, and the place is named.

The panel goes on meanwhile: whatever people do after the attack, nothing hides it.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from audit import chain as hashing
from audit import persons, triggers
from audit.actions import AuditAction
from audit.census import verify_all
from audit.heads import ChainBroken, start_chain
from audit.log import Change, Target, record
from audit.models import INSTALLATION, AuditEvent, AuditHead, AuditPerson
from audit.origin import Actor
from audit.verify import walk
from teams import services
from teams.models import Membership, Team, User
from tests.cast import ClientOf

pytestmark = [pytest.mark.django_db, pytest.mark.req("A3"), pytest.mark.req("A7")]
PASSWORD = "correct horse battery"
ENTRIES = 8


@pytest.fixture
def house() -> "House":
    """Two teams with eight entries each, and an attacker whom no trigger and no constraint stops any more."""
    owner, north = services.owner_create(
        email="ann@example.com", password=PASSWORD, team_name="North", name="Ann", actor=Actor()
    )
    south = services.team_create(name="South", owner=owner, actor=Actor())
    house = House(owner, north.pk, south.pk)
    for number in range(ENTRIES - 2):
        for team in (north, south):
            house.act(team.pk, f"note {number}")
    assert [(found.chain, found.problem) for found in verify_all(house.teams())] == [
        (INSTALLATION, ""),
        (north.pk, ""),
        (south.pk, ""),
    ]
    _disarm()
    return house


class House:
    def __init__(self, owner: User, north: int, south: int) -> None:
        self.owner, self.north, self.south = owner, north, south

    def act(self, team: int, reason: str = "an ordinary act") -> None:
        with transaction.atomic():
            record(
                AuditAction.SERVER_NOTE,
                chain=team,
                actor=Actor(self.owner.pk, "owner", on_behalf_of=self.owner.pk),
                reason=reason,
            )

    def teams(self) -> set[int]:
        return set(Team.objects.values_list("pk", flat=True))

    def broken(self) -> dict[int, int | None]:
        """Each broken chain with the first bad entry."""
        return {found.chain: found.first_bad for found in verify_all(self.teams()) if not found.intact}


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    """The test's transaction is given up at its end, whatever constraint it breaks."""
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
    transaction.set_rollback(True)


def _disarm() -> None:
    triggers.remove(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # Foreign keys are checked at the commit, which never comes.
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            return
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditevent DROP CONSTRAINT audit_sequence_from_one")
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'audit_auditevent'::regclass")
        for (name,) in cursor.fetchall():
            if "_fk_" in name:
                cursor.execute(
                    f"ALTER TABLE audit_auditevent DROP CONSTRAINT {connection.ops.quote_name(name)}"
                )


def _free_numbers() -> None:
    """Let a row have no number, or one that another row has."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("ALTER TABLE audit_auditevent DROP CONSTRAINT audit_sequence_once")
            cursor.execute("ALTER TABLE audit_auditevent ALTER COLUMN sequence DROP NOT NULL")
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_auditevent'")
        (made,) = cursor.fetchone()
        free = made.replace('"sequence" bigint NOT NULL', '"sequence" bigint')
        free = free.replace(', CONSTRAINT "audit_sequence_once" UNIQUE ("chain_id", "sequence")', "")
        cursor.execute("ALTER TABLE audit_auditevent RENAME TO guarded")
        cursor.execute(free)
        cursor.execute("INSERT INTO audit_auditevent SELECT * FROM guarded")
        cursor.execute("DROP TABLE guarded")


def rows(chain: int, **which: Any) -> Any:
    return AuditEvent.objects.filter(chain=chain, **which)


def wipe(found: Any) -> None:
    """Delete rows without Django's own objections."""
    found._raw_delete("default")


def head(chain: int) -> Any:
    return AuditHead.objects.filter(pk=chain)


def insert(chain: int, sequence: int | None, **fields: Any) -> None:
    """A row that looks like the third one but for its number."""
    row = (
        rows(chain, sequence=3).get() if rows(chain, sequence=3).exists() else rows(chain).latest("sequence")
    )
    row.pk, row.sequence, row._state.adding = None, sequence, True
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(force_insert=True)


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {**value, "x": "y"}
    if isinstance(value, str):
        return value[:-1] + "~" if value else "~"
    if hasattr(value, "year"):
        return value - timedelta(days=9000)
    return (value or 0) + 1000


def test_flipped_field_is_found(house: House) -> None:
    """Whatever the table has, so that no field can be added, or left out of the hash, without being missed here."""
    fields = {field.attname for field in AuditEvent._meta.fields} - {"id", "chain_id", "sequence"}
    found = flips(house, rows(house.north, sequence=4), sorted(fields))
    assert {field: bad for field, bad in found if bad != {house.north: 4}} == {}


def test_flipped_field_of_a_head_is_found(house: House) -> None:
    """All but the mark for people, which is no evidence."""
    fields = {field.name for field in AuditHead._meta.fields} - {"chain", "broken_at", "problem"}
    found = flips(house, head(house.north), sorted(fields))
    assert [field for field, bad in found if set(bad) != {house.north}] == []


def test_flipped_field_of_a_name_is_found(house: House) -> None:
    fields = {field.name for field in AuditPerson._meta.fields} - {"id"}
    found = flips(house, AuditPerson.objects.filter(person_id=house.owner.pk), sorted(fields))
    assert [field for field, bad in found if bad != {house.north: 3, house.south: 3}] == []


def flips(house: House, row: Any, fields: list[str]) -> Iterator[tuple[str, dict[int, int | None]]]:
    """What is broken while one field of a row says something else, field by field."""
    for field in fields:
        moment = transaction.savepoint()
        row.update(**{field: other(row.values_list(field, flat=True).get())})
        yield field, house.broken()
        transaction.savepoint_rollback(moment)


def _reseal(house: House) -> None:
    """What was seen: cut the chain, and set its head to the entry that is the last one now."""
    wipe(rows(house.north, sequence__gt=5))
    last = rows(house.north, sequence=5).get()
    head(house.north).update(sequence=5, row_hash=last.row_hash, mac=last.row_mac)


def _rebuild(house: House) -> None:
    """Write the rest of the chain anew, with everything that needs no key."""
    last = rows(house.north, sequence=2).get().row_hash
    for event in rows(house.north, sequence__gt=2).order_by("sequence"):
        event.reason, event.prev_hash = "rewritten", last
        event.content_hash = hashing.content_hash(event)
        event.row_hash = last = hashing.row_hash(event.prev_hash, event.content_hash)
        rows(house.north, sequence=event.sequence).update(
            reason=event.reason, prev_hash=event.prev_hash, content_hash=event.content_hash, row_hash=last
        )
    head(house.north).update(row_hash=last)


def _swap(house: House) -> None:
    for old, new in ((2, 100), (3, 2), (100, 3)):
        rows(house.north, sequence=old).update(sequence=new)


def _move(house: House) -> None:
    rows(house.north, sequence=8).update(chain=house.south, sequence=9)


def _exchange(house: House) -> None:
    """Every entry and the head of one team for those of the other."""
    one, two = (list(rows(chain).values_list("pk", flat=True)) for chain in (house.north, house.south))
    for pks, by in ((one, 100), (two, 200)):
        for pk in pks:
            event = AuditEvent.objects.get(pk=pk)
            AuditEvent.objects.filter(pk=pk).update(sequence=event.sequence + by)
    AuditEvent.objects.filter(pk__in=one).update(chain=house.south)
    AuditEvent.objects.filter(pk__in=two).update(chain=house.north)
    for pk in one + two:
        event = AuditEvent.objects.get(pk=pk)
        AuditEvent.objects.filter(pk=pk).update(sequence=event.sequence % 100)


def _splice(house: House) -> None:
    """What the panel sealed in a time that was taken back, under the number of what took its place."""
    moment = transaction.savepoint()
    house.act(house.north, "in another time")
    old = rows(house.north, sequence=9).get()
    transaction.savepoint_rollback(moment)
    for _ in range(2):
        house.act(house.north)
    wipe(rows(house.north, sequence=9))
    old.pk, old._state.adding = None, True
    old.save(force_insert=True)


def _forge_head(house: House) -> None:
    """A head that says what the last entry says, sealed as well as one can without the key."""
    wipe(rows(house.north))
    begin = head(house.north).get()
    head(house.north).update(sequence=0, row_hash=hashing.genesis(house.north, begin.birth, 0), mac="0" * 64)


def _delete_team(house: House) -> None:
    wipe(rows(house.north))
    head(house.north)._raw_delete("default")
    wipe(Membership.objects.filter(team=house.north))
    User.objects.update(last_team=None)
    Team.objects.filter(pk=house.north)._raw_delete("default")


def _replay_birth(house: House) -> None:
    """Take a whole chain away, and let the panel begin another one of that number."""
    _delete_team(house)
    Team.objects.create(pk=house.north, name="North", slug="north")
    birth = start_chain(house.north).birth
    record(
        AuditAction.TEAM_CREATE,
        chain=INSTALLATION,
        actor=Actor(),
        target=Target("team", str(house.north)),
        change=Change(after={"birth": birth}),
    )


def _rename(house: House) -> None:
    AuditPerson.objects.filter(person_id=house.owner.pk).update(name="Mallory")


def _replace_names(house: House) -> None:
    """A name table of one's own, right in every way that needs no key."""
    old = AuditPerson.objects.get(person_id=house.owner.pk)
    wipe(AuditPerson.objects.all())
    new = AuditPerson(
        person_id=old.person_id, salt="0" * 32, name="Mallory", email="m@example.com", key_id=old.key_id
    )
    new.digest, new.mac = persons._digest(new), old.mac
    new.save()


def _forge_beginning(of: str, action: AuditAction) -> None:
    insert(INSTALLATION, 10**6, action=action, target_type="team", target_id=of, after={"birth": "0" * 32})


# Each attack with the chains that are broken by it and their first bad entries.
Attack = Callable[[House], object]
North, South, Installation = "north", "south", "installation"
ATTACKS: dict[str, tuple[Attack, dict[str, int]]] = {
    "the first entry deleted": (lambda h: wipe(rows(h.north, sequence=1)), {North: 1}),
    "one entry deleted": (lambda h: wipe(rows(h.north, sequence=4)), {North: 4}),
    "the last entry deleted": (lambda h: wipe(rows(h.north, sequence=8)), {North: 8}),
    "all entries deleted": (lambda h: wipe(rows(h.north)), {North: 1}),
    "cut, and the head set back": (_reseal, {North: 5}),
    "all deleted, and the head set to the beginning": (_forge_head, {North: 1}),
    "rebuilt without the key": (_rebuild, {North: 3}),
    "head deleted": (lambda h: head(h.north)._raw_delete("default"), {North: 9}),
    "head reset": (lambda h: head(h.north).update(sequence=0), {North: 8}),
    "head moved back": (lambda h: head(h.north).update(sequence=7), {North: 8}),
    "head moved on": (lambda h: head(h.north).update(sequence=9), {North: 9}),
    "head with another hash": (lambda h: head(h.north).update(row_hash="0" * 64), {North: 8}),
    "head with another birth": (lambda h: head(h.north).update(birth="0" * 32), {North: 8}),
    "head of another chain": (
        lambda h: head(h.north).update(**head(h.south).values("sequence", "row_hash", "mac", "birth").get()),
        {North: 8},
    ),
    "entry 0 inserted": (lambda h: insert(h.north, 0), {North: 0}),
    "entry -5 inserted": (lambda h: insert(h.north, -5), {North: -5}),
    "the next entry inserted": (lambda h: insert(h.north, 9), {North: 9}),
    "an entry far ahead inserted": (lambda h: insert(h.north, 2**63 - 1), {North: 2**63 - 1}),
    "an entry farther ahead than any can follow": (lambda h: insert(h.north, 2**62), {North: 2**62}),
    "head moved farther than any entry can follow": (
        lambda h: head(h.north).update(sequence=2**62),
        {North: 9},
    ),
    "a beginning forged in the installation's chain": (
        lambda h: _forge_beginning(str(h.north), AuditAction.TEAM_CREATE),
        {Installation: 10**6},
    ),
    "a recovery forged there": (
        lambda h: _forge_beginning(str(h.north), AuditAction.AUDIT_RECOVER),
        {Installation: 10**6},
    ),
    "a beginning of nothing forged there": (
        lambda h: _forge_beginning("x", AuditAction.TEAM_CREATE),
        {Installation: 10**6},
    ),
    "an entry of a chain that nobody began": (lambda h: insert(h.north, 1, chain_id=4711), {"4711": 1}),
    "two entries swapped": (_swap, {North: 2}),
    "an entry moved to another chain": (_move, {North: 8, South: 9}),
    "an entry of a time that was taken back": (_splice, {North: 10}),
    "two chains exchanged": (_exchange, {North: 1, South: 1}),
    "a team deleted behind the panel's back": (
        lambda h: Team.objects.filter(pk=h.north).delete(),
        {North: 1},
    ),
    "a chain that the installation's trail does not tell of": (lambda h: start_chain(4711), {"4711": 1}),
    "a team deleted with its chain": (_delete_team, {North: 1}),
    "a team deleted, its number used again": (_replay_birth, {North: 1}),
    "a name replaced": (_rename, {North: 3, South: 3}),
    "the name table replaced": (_replace_names, {North: 3, South: 3}),
    "the installation's entries deleted": (
        lambda h: wipe(rows(INSTALLATION)),
        {Installation: 1, North: 1, South: 1},
    ),
    "the installation's head deleted": (
        lambda h: head(INSTALLATION)._raw_delete("default"),
        {Installation: 5},
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_found_no_ordinary_act_hides_it_and_it_is_told_of_for_ever(house: House, name: str) -> None:
    attack, expected = ATTACKS[name]
    chains = {North: house.north, South: house.south, Installation: INSTALLATION}
    bad = {
        chains.get(chain, int(chain) if chain.isdecimal() else 0): first for chain, first in expected.items()
    }
    attack(house)
    assert house.broken() == bad
    for team in (house.north, house.south, house.north):
        with suppress(ChainBroken):
            house.act(team)
    assert house.broken() == bad
    _go_on(house)


def _go_on(house: House) -> None:
    """File every break: nothing is deleted, people can act again, and each filing stays visible."""
    before, recovered = set(AuditEvent.objects.values_list("pk", "row_hash")), set[int]()
    while broken := house.broken():
        assert min(broken) not in recovered, "what was filed is settled"
        recover(min(broken))
        recovered.add(min(broken))
    for team in house.teams():
        house.act(team)
    verdicts = verify_all(house.teams())
    assert [found for found in verdicts if not found.intact] == []
    assert persons.impostors() == []
    assert {found.chain for found in verdicts if found.filed} >= recovered
    assert before <= set(AuditEvent.objects.values_list("pk", "row_hash"))


def recover(chain: int, reason: str = "the backup of Friday was put back") -> None:
    call_command("recover_audit", "--chain", str(chain), "--reason", reason, stdout=io.StringIO())


def test_row_without_a_number_is_found_and_filed(house: House) -> None:
    """Pages show it, and a reading by numbers never meets it."""
    _free_numbers()
    insert(house.north, None)
    assert set(house.broken()) == {house.north}
    recover(house.north)
    assert house.broken() == {}
    insert(house.north, None)
    assert house.broken() == {house.north: 1}


def test_number_that_is_there_twice_is_found_where_a_step_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "__kwdefaults__", {"limit": 5})
    _free_numbers()
    insert(house.north, 5, reason="forged")
    assert house.broken() == {house.north: 5}
    recover(house.north)
    assert house.broken() == {}


def test_forged_word_that_somebody_was_forgotten_excuses_no_missing_name(house: House) -> None:
    forgotten = str(house.owner.pk)
    insert(INSTALLATION, 10**6, action=AuditAction.PERSON_FORGET, target_type="user", target_id=forgotten)
    recover(INSTALLATION)
    assert house.broken() == {}
    persons.forget(house.owner.pk)
    assert house.broken() == {house.north: 3, house.south: 3}


@pytest.mark.parametrize("number", [0, -5, 2**63 - 1, None])
def test_page_hides_nothing_that_verification_finds(
    house: House, client_of: ClientOf, number: int | None
) -> None:
    _free_numbers()
    insert(house.north, number, target_label="foreign row")
    assert set(house.broken()) == {house.north}
    reader = client_of(house.owner)
    assert "foreign row" in reader.get("/t/north/audit/").content.decode()
    assert reader.get("/t/north/audit/1/").status_code == 200


def test_evidence_cannot_be_changed_after_it_was_filed(house: House) -> None:
    wipe(rows(house.north, sequence=4))
    recover(house.north)
    rows(house.north, sequence=6).update(reason="nothing to see here")
    assert house.broken() == {house.north: 1}


def test_chain_may_break_again(house: House) -> None:
    wipe(rows(house.north, sequence=4))
    recover(house.north, "the first time")
    house.act(house.north)
    wipe(rows(house.north, sequence=10))
    assert house.broken() == {house.north: 10}
    recover(house.north, "the second time")
    (found,) = [found for found in verify_all(house.teams()) if found.chain == house.north]
    assert found.intact
    assert found.filed.startswith("broken at entry 4 (entry 4 is missing")
    assert "; broken at entry 10 (the last 1 entries are missing" in found.filed


def test_filing_cannot_be_taken_back(house: House) -> None:
    """The part before it, its head, and the entry of the filing itself gone: it is a break like any other."""
    old = head(house.north).values().get()
    wipe(rows(house.north, sequence=4))
    recover(house.north)
    wipe(rows(house.north, sequence__gt=8))
    head(house.north).update(**old)
    assert house.broken()


def test_only_what_is_broken_can_be_recovered(house: House) -> None:
    for chain, why in (
        (house.north, "is intact"),
        (INSTALLATION, "is intact"),
        (4711, "There is no chain 4711"),
    ):
        with pytest.raises(CommandError, match=why):
            recover(chain)
    with pytest.raises(CommandError, match="--reason"):
        recover(house.north, " ")


def test_installation_is_recovered_first(house: House) -> None:
    wipe(rows(house.north, sequence=4))
    wipe(head(INSTALLATION))
    with pytest.raises(CommandError, match="Recover it first: --chain 0"):
        recover(house.north)
