"""Walks every command that `manage.py` has: none goes past the services, and so past the trail (A8)."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.core.management.commands import dbshell, shell

from audit.models import AuditEvent
from teams.models import Team, User

pytestmark = [pytest.mark.django_db, pytest.mark.req("A8")]
PASSWORD = "correct horse battery"
# They read, write files, or bring the schema up to date. `clearsessions` drops what has expired.
CHANGE_NOTHING = {
    "check",
    "checkpoint_key",
    "clearsessions",
    "collectstatic",
    "compilemessages",
    "copy_database",
    "createcachetable",
    "diffsettings",
    "dumpdata",
    "findstatic",
    "inspectdb",
    "makemessages",
    "makemigrations",
    "migrate",
    "optimizemigration",
    "prepare",
    "runserver",
    "sendtestemail",
    "showmigrations",
    "sqlflush",
    "sqlmigrate",
    "sqlsequencereset",
    "squashmigrations",
    "startapp",
    "startproject",
    "test",
    "testserver",
    "up",
    "verify_audit",
}
# Their entries have tests of their own: tests/jobs, tests/lswpanel, tests/test_commands.py.
SHOWN_ELSEWHERE = {
    "add_api_key",
    "engine",
    "job",
    "recover_audit",
    "replace_lost_keys",
    "resume",
    "rotate_keys",
    "seed_demo",
    "sync",
}
CLOSED = {
    "account_unsetmultipleprimaryemails",
    "changepassword",
    "createsuperuser",
    "flush",
    "loaddata",
    "remove_stale_contenttypes",
}
# What to type, and the entry that it leaves.
WRITE: dict[str, tuple[tuple[str, ...], str]] = {
    "add_member": (
        ("--team", "north-ops", "--email", "new@example.com", "--role", "viewer", "--password-stdin"),
        "member.add",
    ),
    "create_owner": (("--email", "ann@example.com", "--team", "East", "--password-stdin"), "team.create"),
    "create_team": (("--name", "East", "--owner", "olive.owner@example.com"), "team.create"),
    "dbshell": ((), "shell.open"),
    "forget_person": (("--email", "vera.viewer@example.com"), "person.forget"),
    "installation_admin": (("--email", "olive.owner@example.com"), "installation_admin.add"),
    "reset_password": (("--email", "olive.owner@example.com", "--password-stdin"), "password.reset"),
    "setup_link": ((), "setup_link.create"),
    "shell": (("--command", "pass"), "shell.open"),
}


def test_every_command_is_accounted_for() -> None:
    assert set(get_commands()) == CHANGE_NOTHING | SHOWN_ELSEWHERE | CLOSED | set(WRITE)


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_closed_command_does_nothing_and_names_the_way(name: str, owner: User) -> None:
    before = list(User.objects.values())
    with pytest.raises(CommandError, match=f"no `{name}`"):
        call_command(name)
    assert list(User.objects.values()) == before
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", sorted(WRITE))
def test_command_that_writes_leaves_its_entry(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, action = WRITE[name]
    if name != "setup_link":
        request.getfixturevalue("owner")
        request.getfixturevalue("viewer")
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD))
    opened: list[Any] = []
    for module in (shell, dbshell):
        monkeypatch.setattr(
            module.Command, "handle", lambda *_, **__: opened.append(AuditEvent.objects.count())
        )
    call_command(name, *words, stdout=io.StringIO())
    assert AuditEvent.objects.filter(action=action).exists()
    assert opened == ([1] if action == "shell.open" else []), "the entry comes before the shell"


def test_closed_command_looks_at_no_option() -> None:
    module = __import__("lswpanel.management.commands.changepassword", fromlist=["Command"])
    with pytest.raises(SystemExit):
        module.Command().run_from_argv(["manage.py", "changepassword", "ann@example.com", "--database=other"])


def test_only_the_first_account_looks_after_the_installation(team: Team) -> None:
    for address in ("ann", "bob"):
        words = ("--email", f"{address}@example.com", "--team", address, "--password-stdin")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO(PASSWORD))
            call_command("create_owner", *words, stdout=io.StringIO())
    admins = User.objects.filter(is_installation_admin=True).values_list("email", flat=True)
    assert admins.get() == "ann@example.com"
    call_command("installation_admin", "--email", "ann@example.com", "--remove", stdout=io.StringIO())
    assert not admins.exists()
    with pytest.raises(CommandError):
        call_command("installation_admin", "--email", "ann@example.com", "--remove")
    assert AuditEvent.objects.filter(action="installation_admin.remove").count() == 1
