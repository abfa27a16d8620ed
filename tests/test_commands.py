"""The commands as a person at a terminal meets them: one plain line for every mistake, and nothing half done."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from audit import persons, triggers
from audit.log import seal_chain
from audit.models import INSTALLATION, AuditEvent, AuditHead, AuditPerson
from audit.origin import Actor
from servers.leaseweb.simulator.faults import Fault
from servers.leaseweb.simulator.service import Simulator
from servers.models import ApiKey, Server
from teams.models import Membership, Team, User
from teams.permissions import Role
from tests.cast import MakeApiKey, MakePerson

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("name", "--option", typed="…")`: a command with something on its standard input; returns its output."""

    def command(name: str, *words: str, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        out = io.StringIO()
        call_command(name, *words, stdout=out)
        return out.getvalue() + capsys.readouterr().err

    return command


@pytest.fixture
def sim(settings: Any) -> Iterator[Simulator]:
    with Simulator(servers=6) as simulator:
        settings.LEASEWEB_API_URL = simulator.base_url
        yield simulator


def refused(run: Run, name: str, *words: str, typed: str = "") -> str:
    """The one line in which a command says what is wrong."""
    with pytest.raises(CommandError) as error:
        run(name, *words, typed=typed)
    line = str(error.value)
    assert line
    assert "\n" not in line
    return line


# --- create_owner, create_team ----------------------------------------------------------------------------------

OWNER = ("create_owner", "--email", "ann@example.com", "--team", "North Ops", "--password-stdin")


@pytest.mark.parametrize("typed", [f"{PASSWORD}\n", f"{PASSWORD}\r\n", PASSWORD])
def test_create_owner_makes_somebody_who_can_sign_in(run: Run, typed: str, client: Client) -> None:
    assert "ann@example.com owns the team North Ops (/t/north-ops/)" in run(*OWNER, typed=typed)
    client.post("/accounts/login/", {"login": "ann@example.com", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)
    assert Membership.objects.get().role == "owner"


@pytest.mark.parametrize(
    ("words", "typed", "line"),
    [
        (("--email", "not an address"), PASSWORD, "valid email address"),
        ((), "", "too short"),
        ((), "short", "too short"),
        (("--name", "x" * 101), PASSWORD, "at most 100 characters"),
        (("--team", "x" * 81), PASSWORD, "at most 80 characters"),
        (("--team", ""), PASSWORD, "cannot be blank"),
    ],
)
def test_create_owner_with_something_wrong_makes_nothing(
    run: Run, words: tuple[str, ...], typed: str, line: str
) -> None:
    assert line in refused(run, *OWNER, *words, typed=typed)
    assert not User.objects.exists()
    assert not Team.objects.exists()
    assert not AuditEvent.objects.exists()


def test_create_owner_twice_is_refused(run: Run) -> None:
    run(*OWNER, typed=PASSWORD)
    assert "already" in refused(run, *OWNER, typed=PASSWORD)
    assert Team.objects.count() == 1


def test_create_team_for_somebody_who_exists(run: Run, owner: User) -> None:
    assert "owns the team East (/t/east/)" in run(
        "create_team", "--name", "East", "--owner", owner.email.upper()
    )
    assert Membership.objects.get(team__slug="east").user == owner


@pytest.mark.parametrize(
    ("name", "email", "line"),
    [
        ("East", "nobody@example.com", "no account with the address nobody@example.com"),
        (" ", "olive.owner@example.com", "cannot be blank"),
        ("x" * 81, "olive.owner@example.com", "at most 80 characters"),
    ],
)
def test_create_team_with_something_wrong_makes_nothing(
    run: Run, owner: User, name: str, email: str, line: str
) -> None:
    assert line in refused(run, "create_team", "--name", name, "--owner", email)
    assert Team.objects.count() == 1


# --- add_member, reset_password ---------------------------------------------------------------------------------

MEMBER = (
    "add_member",
    "--team",
    "north-ops",
    "--email",
    "bo@example.com",
    "--role",
    "operator",
    "--password-stdin",
)


def test_add_member_makes_the_account_that_is_missing(run: Run, team: Team) -> None:
    assert "bo@example.com is operator of North Ops" in run(*MEMBER, "--name", "Bo", typed=PASSWORD)
    member = Membership.objects.get(team=team)
    assert (member.role, member.user.name, member.user.check_password(PASSWORD)) == ("operator", "Bo", True)


def test_add_member_takes_an_account_as_it_is_and_asks_for_no_password(
    run: Run, team: Team, make_person: MakePerson
) -> None:
    person = make_person("Bo")
    User.objects.filter(pk=person.pk).update(email="bo@example.com")
    run(*MEMBER, "--email", "BO@example.com", "--team", "North Ops")
    assert Membership.objects.get(team=team).user == person
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "typed", "line"),
    [
        (("--team", "nowhere"), PASSWORD, "no team “nowhere”. Teams: north-ops."),
        (("--role", "king"), PASSWORD, "invalid choice: 'king'"),
        (("--email", "bo@"), PASSWORD, "valid email address"),
        ((), "short", "too short"),
    ],
)
def test_add_member_with_something_wrong_makes_no_account(
    run: Run, team: Team, words: tuple[str, ...], typed: str, line: str
) -> None:
    assert line in refused(run, *MEMBER, *words, typed=typed)
    assert (User.objects.count(), Membership.objects.count()) == (0, 0)


def test_add_member_twice_is_refused_and_keeps_the_role(run: Run, team: Team) -> None:
    run(*MEMBER, typed=PASSWORD)
    assert "already, as operator" in refused(run, *MEMBER, "--role", "owner", typed=PASSWORD)
    assert Membership.objects.get().role == "operator"


@pytest.mark.django_db(transaction=True)
def test_add_member_waits_for_the_password_outside_of_a_transaction(
    run: Run, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite an open transaction would keep the whole panel from writing until somebody has typed."""
    inside: list[bool] = []

    class Typist(io.StringIO):
        def readline(self, *_: Any) -> str:
            inside.append(connection.in_atomic_block)
            return PASSWORD

    monkeypatch.setattr("sys.stdin", Typist())
    call_command(*MEMBER, stdout=io.StringIO())
    assert inside == [False]


def test_reset_password_lets_only_the_new_one_in(run: Run, owner: User) -> None:
    assert "was set" in run("reset_password", "--email", owner.email, "--password-stdin", typed=PASSWORD)
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)
    assert AuditEvent.objects.get(chain=INSTALLATION).action == "password.reset"


@pytest.mark.parametrize(
    ("email", "typed", "line"),
    [("nobody@example.com", PASSWORD, "no account"), ("olive.owner@example.com", "short", "too short")],
)
def test_reset_password_with_something_wrong_sets_nothing(
    run: Run, owner: User, email: str, typed: str, line: str
) -> None:
    assert line in refused(run, "reset_password", "--email", email, "--password-stdin", typed=typed)
    owner.refresh_from_db()
    assert not owner.has_usable_password()


# --- setup_link -------------------------------------------------------------------------------------------------


def test_setup_link_prints_an_address_that_opens(run: Run, client: Client) -> None:
    address = run("setup_link").strip()
    assert address.startswith("http://localhost:8000/setup/")
    assert client.get(address.removeprefix("http://localhost:8000")).status_code == 200


def test_setup_link_prints_nothing_once_there_is_an_account(run: Run, owner: User) -> None:
    assert run("setup_link") == ""


# --- add_api_key, sync ------------------------------------------------------------------------------------------

KEY = ("add_api_key", "--team", "north-ops", "--name", "Main", "--key-stdin")


def test_add_api_key_tries_and_keeps_it_and_repeats_only_the_fingerprint(
    run: Run, team: Team, sim: Simulator
) -> None:
    told = run(*KEY, typed=f"{sim.key}\n")
    api_key = ApiKey.objects.get()
    assert told == f"Added “Main” ({api_key.fingerprint}) to North Ops.\n"
    assert api_key.unseal() == sim.key


@pytest.mark.parametrize(
    ("words", "typed", "line"),
    [
        (("--team", "nowhere"), Simulator.key, "no team “nowhere”"),
        ((), "", "8 to 256 characters"),
        ((), "has space in it", "without spaces"),
        ((), "unknown-key-0123456789", "does not accept this API key"),
        (("--name", "x" * 81), Simulator.key, "at most 80 characters"),
        (("--name", " "), Simulator.key, "cannot be blank"),
        (("--name", "3f9c2a7be1d04586a7c3"), Simulator.key, "looks like an API key"),
    ],
)
def test_add_api_key_with_something_wrong_keeps_nothing(
    run: Run, team: Team, sim: Simulator, words: tuple[str, ...], typed: str, line: str
) -> None:
    told = refused(run, *KEY, *words, typed=typed)
    assert line in told
    assert typed == "" or typed not in told
    assert "3f9c2a7be1d04586a7c3" not in told + str(AuditEvent.objects.values())
    assert not ApiKey.objects.exists()


def test_add_api_key_names_the_correlation_id_for_the_support(run: Run, team: Team, sim: Simulator) -> None:
    told = refused(run, *KEY, typed="unknown-key-0123456789")
    assert (sim.journal.entries("listServers")[0].correlation_id or "?") in told


def test_add_api_key_with_a_name_in_use_is_refused(run: Run, team: Team, sim: Simulator) -> None:
    run(*KEY, typed=sim.key)
    assert "already" in refused(run, *KEY, typed=sim.key)
    assert ApiKey.objects.count() == 1


def test_sync_reads_every_key_and_says_how_many_servers(run: Run, team: Team, sim: Simulator) -> None:
    run(*KEY, typed=sim.key)
    ApiKey.objects.update(budget_tokens=60)
    assert re.search(r"^north-ops · Main: 6 servers, [1-9]\d* details of them\n\Z", run("sync"), re.MULTILINE)
    assert run("sync", "--team", "North Ops").count("6 servers") == 1
    assert Server.objects.count() == 6


def test_sync_without_a_key_says_what_to_do(run: Run, team: Team) -> None:
    assert "add_api_key" in refused(run, "sync")
    assert "no team" in refused(run, "sync", "--team", "nowhere")


def test_sync_reads_the_other_keys_when_one_fails(
    run: Run, team: Team, sim: Simulator, make_api_key: MakeApiKey, capsys: pytest.CaptureFixture[str]
) -> None:
    make_api_key(team, name="A broken one")
    run(*KEY, typed=sim.key)
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not every key could be read"):
        call_command("sync", stdout=out)
    broken, *_, good = out.getvalue().splitlines()
    assert broken.startswith("north-ops · A broken one: Leaseweb does not accept this API key.")
    assert good.startswith("north-ops · Main: 6 servers, ")


def test_sync_says_when_the_budget_is_used_up(run: Run, team: Team, sim: Simulator, settings: Any) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 1
    run(*KEY, typed=sim.key)
    ApiKey.objects.update(budget_tokens=0)
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("sync", "--minutes", "0", stdout=out)
    assert error.value.returncode == 2
    assert "call budget is used up" in out.getvalue()


def test_sync_tells_how_far_it_came_until_the_time_is_up(
    run: Run, team: Team, sim: Simulator, settings: Any
) -> None:
    """At a large account, or one that answers slowly; another sync goes on where it stopped."""
    settings.CALL_BUDGET_PER_MINUTE = 1
    run(*KEY, typed=sim.key)
    sim.world.add_servers(sim.world.account("main"), count=494)
    for line in ("350 of 500 servers so far", "500 servers, "):
        ApiKey.objects.update(budget_tokens=10)
        out = io.StringIO()
        with pytest.raises(CommandError, match="The time is up") as error:
            call_command("sync", "--minutes", "0", stdout=out)
        assert error.value.returncode == 2
        assert out.getvalue().startswith(f"north-ops · Main: {line}")


def test_sync_of_details_ends_when_the_time_is_up(
    run: Run, team: Team, sim: Simulator, settings: Any
) -> None:
    settings.CALL_BUDGET_PER_MINUTE = 1_000_000
    run(*KEY, typed=sim.key)
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("sync", "--minutes", "0", stdout=out)
    assert error.value.returncode == 2
    assert out.getvalue() == "north-ops · Main: 6 servers, 10 details of them\n"


def test_sync_says_why_a_list_did_not_come_whole(run: Run, team: Team, sim: Simulator) -> None:
    run(*KEY, typed=sim.key)
    sim.faults.add(Fault.SHORT_PAGE, operation="listServers")
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("sync", stdout=out)
    assert error.value.returncode == 1
    assert "of 6 servers came" in out.getvalue()


# --- A broken trail ---------------------------------------------------------------------------------------------


def test_command_that_cannot_be_recorded_does_nothing_and_says_the_way_out(run: Run) -> None:
    run(*OWNER, typed=PASSWORD)
    AuditHead.objects.filter(pk=INSTALLATION).update(sequence=0)
    said = refused(run, "create_team", "--name", "South Ops", "--owner", "ann@example.com")
    assert said.endswith("Nothing was done. See manage.py recover_audit --chain 0.")
    assert Team.objects.count() == 1
    assert AuditHead.objects.get(pk=INSTALLATION).broken_at is not None


# --- forget_person ----------------------------------------------------------------------------------------------


@pytest.mark.req("A10")
@pytest.mark.parametrize("by", ["--email", "--id"])
def test_forget_person_closes_the_account_and_says_where_it_was(
    run: Run, team: Team, owner: User, viewer: User, by: str
) -> None:
    words = (by, viewer.email if by == "--email" else str(viewer.pk))
    assert run("forget_person", *words).startswith(f"Person {viewer.pk} was forgotten")
    assert not User.objects.filter(email=viewer.email).exists()
    assert "only owner of North Ops" in refused(run, "forget_person", "--email", owner.email)
    assert "no person 999" in refused(run, "forget_person", "--id", "999")


# --- verify_audit -----------------------------------------------------------------------------------------------


def test_verify_audit_reads_every_chain(run: Run) -> None:
    run(*OWNER, typed=PASSWORD)
    team = Team.objects.get()
    assert run("verify_audit").splitlines() == [
        "installation: 3 entries, intact",
        f"team {team.pk}: 2 entries, intact",
    ]
    assert run("verify_audit", "--chain", str(team.pk)) == f"team {team.pk}: 2 entries, intact\n"


def test_verify_audit_names_the_entry_that_was_changed(run: Run) -> None:
    run(*OWNER, typed=PASSWORD)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=Team.objects.get().pk, sequence=2).update(reason="changed")
    out = io.StringIO()
    with pytest.raises(CommandError, match="does not verify") as error:
        call_command("verify_audit", stdout=out)
    assert error.value.returncode == 1
    assert "BROKEN at entry 2" in out.getvalue()
    assert "installation: 3 entries, intact" in out.getvalue()


def test_verify_audit_tells_of_a_filed_break_for_ever_and_is_content(run: Run) -> None:
    run(*OWNER, typed=PASSWORD)
    team = Team.objects.get()
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=team.pk, sequence=2).update(reason="changed")
    assert "does not verify" in refused(run, "verify_audit")
    assert AuditHead.objects.get(pk=team.pk).problem == "entry 2 was changed after it was written"
    said = run("recover_audit", "--chain", str(team.pk), "--reason", "a slip of the database's owner")
    assert said == f"The break is filed in entry 3 of team {team.pk}, which goes on from there.\n"
    assert run("verify_audit").splitlines() == [
        "installation: 4 entries, intact",
        f"team {team.pk}: 1 entries, intact; earlier: broken at entry 2 (entry 2 was changed after it was written), "
        "filed in entry 3",
    ]


def test_verify_audit_lists_the_chain_of_a_deleted_team(run: Run) -> None:
    run(*OWNER, typed=PASSWORD)
    team = Team.objects.get()
    number = team.pk
    with transaction.atomic():
        seal_chain(number, actor=Actor(), label=team.name)
        team.delete()
    assert run("verify_audit").splitlines() == [
        "installation: 4 entries, intact",
        f"team {number} (deleted): 3 entries, intact",
    ]


def test_verify_audit_tells_of_a_name_that_was_replaced_before_any_act_and_a_sign_in_mends_it(
    run: Run, client: Client
) -> None:
    """No chain shows it yet: no entry carries that name."""
    run(*OWNER, typed=PASSWORD)
    owner = User.objects.get()
    AuditPerson.objects.filter(person_id=owner.pk).update(name="Mallory")
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("verify_audit", stdout=out)
    assert error.value.returncode == 1
    assert "BROKEN" not in out.getvalue()
    assert f"names: REPLACED for person {owner.pk}\n" in out.getvalue()
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    run("verify_audit")
    (signed_in,) = AuditEvent.objects.filter(action="login.succeed")
    who = persons.known([signed_in.actor_digest])[signed_in.actor_digest]
    assert (who.email, who.name, who.genuine) == (owner.email, "", True)


def test_roles_of_the_command_are_those_of_the_table(run: Run, team: Team) -> None:
    for number, role in enumerate(Role):
        run(*MEMBER, "--email", f"person{number}@example.com", "--role", role.value, typed=PASSWORD)
    assert set(Membership.objects.values_list("role", flat=True)) == set(Role)
