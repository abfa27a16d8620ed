"""What commands say of signed checkpoints: on the machine of the panel, and where nothing is but a file and a key."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection

from audit import triggers
from audit.checkpoints import file, making, signed
from audit.models import INSTALLATION, AuditEvent, AuditHead, Checkpoint
from audit.origin import Actor
from teams import services
from teams.models import Team, User
from teams.permissions import Role
from tests.support.processes import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    """With two entries of its own, and one in the installation's trail."""
    person = User.objects.create_user("ann@example.com")
    return services.team_create(name="North Ops", owner=person, actor=Actor())


@pytest.fixture
def checkpoints(team: Team, tmp_path: Path, settings: Any) -> Path:
    """The file of an installation with a team, signed twice."""
    settings.DATA_DIR = tmp_path
    making.sign_next(1)
    making.sign_next(2)
    return tmp_path / file.NAME


def said_by(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def complaint(*words: str) -> tuple[int, str]:
    """The exit code of a refusal, and all that was said."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command(*words, stdout=out)
    return error.value.returncode, f"{out.getvalue()}{error.value}"


@pytest.mark.req("A7")
def test_verify_audit_proves_what_checkpoints_signed(checkpoints: Path) -> None:
    last = "checkpoints: up to 2, every entry that they signed is there"
    assert said_by("verify_audit").splitlines()[-1] == last
    with checkpoints.open("a") as lines:
        lines.write("a line that is not in the database\n")
    code, said = complaint("verify_audit")
    assert (code, "checkpoint 3 is in audit-checkpoints.txt but not in the database" in said) == (1, True)


@pytest.mark.req("A7")
def test_file_of_checkpoints_is_compared_with_the_database(checkpoints: Path, team: Team) -> None:
    assert "checkpoints: 1 to 2, signed and in order" in said_by(
        "verify_audit", "--checkpoints", str(checkpoints)
    )
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=team.pk, sequence=2).update(row_hash="0" * 64)
    code, said = complaint("verify_audit", "--checkpoints", str(checkpoints))
    assert (code, f"team {team.pk}: entry 2 is not the one that checkpoint 1 signed" in said) == (1, True)
    assert AuditHead.objects.get(pk=team.pk).broken_at is not None


def test_file_of_another_panel_marks_nothing_here(checkpoints: Path, settings: Any) -> None:
    lines = list(signed.following(checkpoints.read_text().splitlines()))
    key = Ed25519PrivateKey.generate()
    theirs = signed.sign(
        key, number=1, at=lines[0].at, previous=lines[0].previous, heads={INSTALLATION: (9, "f" * 64)}
    )
    checkpoints.write_text(f"{theirs.line}\n")
    words = ("verify_audit", "--checkpoints", str(checkpoints))
    assert complaint(*words)[0] == 1
    code, said = complaint(*words, "--public-key", theirs.key)
    assert (code, "the installation: entry 9 is not the one" in said) == (1, True)
    assert AuditHead.objects.get(pk=INSTALLATION).broken_at is None


def test_file_of_checkpoints_that_cannot_be_checked(checkpoints: Path, tmp_path: Path) -> None:
    assert complaint("verify_audit", "--checkpoints", str(tmp_path / "none"))[0] == 2
    assert complaint("verify_audit", "--checkpoints", str(checkpoints), "--public-key", "x")[0] == 2


def offline(folder: Path, *words: str) -> tuple[int, str]:
    """On a machine that holds nothing of the panel but its code."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "verify_audit", "--offline", *words],
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder / "nothing")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not (folder / "nothing").exists()
    return done.returncode, done.stdout + done.stderr


@pytest.mark.once
@pytest.mark.req("A7")
def test_file_of_checkpoints_is_checked_offline_by_its_public_key(checkpoints: Path) -> None:
    key = said_by("checkpoint_key").strip()
    given = ("--checkpoints", str(checkpoints), "--public-key", key)
    code, said = offline(checkpoints.parent, *given)
    assert (code, said.startswith("checkpoints: 1 to 2, signed and in order")) == (0, True)
    second = checkpoints.read_text().splitlines()[1]
    checkpoints.write_text(f"{second}\n")
    assert offline(checkpoints.parent, *given) == (
        1,
        "checkpoints: BROKEN: checkpoint 1 is missing; the next one there is 2\n",
    )
    assert offline(checkpoints.parent, "--checkpoints", str(checkpoints.parent / "none"), *given[2:])[0] == 2


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda first, second: (first.replace('"chains":[[0,', '"chains":[[5,'), second),
            "checkpoint 1 was not signed",
        ),
        (lambda first, second: (first, first), "checkpoint 2 is missing; the next one there is 1"),
        (lambda first, second: (second, first), "checkpoint 1 is missing; the next one there is 2"),
        (lambda first, second: (first, "{}"), "line 2 is no checkpoint"),
        (lambda first, second: (first, f"{second[:-8]}AAAAAA=="), "checkpoint 2 was not signed"),
    ],
)
def test_first_bad_checkpoint_of_a_file_is_named(
    checkpoints: Path, change: Callable[[str, str], tuple[str, str]], found: str
) -> None:
    first, second = checkpoints.read_text().splitlines()
    checkpoints.write_text("\n".join(change(first, second)) + "\n")
    code, said = complaint("verify_audit", "--checkpoints", str(checkpoints))
    assert (code, f"BROKEN: {found}" in said) == (1, True)


@pytest.mark.req("A7")
def test_database_that_is_older_than_the_file_is_found_and_recovered(checkpoints: Path, team: Team) -> None:
    """A backup was put back: both chains are named, filed one after the other, and signed on."""
    old = AuditHead.objects.get(pk=team.pk)
    services.team_create(name="South Ops", owner=User.objects.get(), actor=Actor())
    services.member_add(
        team=team, user=User.objects.create_user("bob@example.com"), role=Role.VIEWER, actor=Actor()
    )
    making.sign_next(3)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=team.pk, sequence__gt=old.sequence)._raw_delete("default")
    AuditHead.objects.filter(pk=team.pk).update(sequence=old.sequence, row_hash=old.row_hash, mac=old.mac)
    triggers.install(connection)
    Checkpoint.objects.filter(number=3).delete()
    code, said = complaint("verify_audit")
    assert (code, f"BROKEN: team {team.pk}: entry 3 is not the one that checkpoint 3 signed" in said) == (
        1,
        True,
    )
    for chain in (INSTALLATION, team.pk):
        said_by("recover_audit", "--chain", str(chain), "--reason", "a backup was put back")
    assert "checkpoints: up to 4" in said_by("verify_audit")
    making.sign_next(5)
    assert "checkpoints: up to 5" in said_by("verify_audit")
    assert AuditEvent.objects.get(chain=team.pk, sequence=4).action == "audit.recover"
