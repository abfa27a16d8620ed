"""What the panel asks of PostgreSQL. The server of the tests is as careless as one can be."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

pytestmark = pytest.mark.django_db


def commits_with(default: str) -> str:
    """How a new session of the panel commits on a server with this default."""
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "OPTIONS": {"options": f"-c synchronous_commit={default}"}}
    try:
        with other.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])
    finally:
        other.close()


@pytest.mark.parametrize(
    ("default", "used"),
    [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "remote_write"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ],
)
def test_commit_is_on_the_disk_before_the_panel_goes_on(default: str, used: str) -> None:
    assert commits_with(default) == used


def test_server_that_keeps_nothing_is_refused(settings: Any) -> None:
    settings.UNSAFE_POSTGRES = False
    with pytest.raises(CommandError, match="fsync=off"):
        call_command("prepare")
