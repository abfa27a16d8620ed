"""The database knows the secrets that it is used with, and tells others from them."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from audit.actions import AuditAction
from audit.log import record
from audit.origin import Actor
from lswpanel import demo, keychecks, keyfiles
from lswpanel.management.commands.prepare import refuse_other_databases
from lswpanel.models import KeyCheck
from teams.models import Team
from tests.cast import MakeApiKey, MakePerson

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known(settings: Any, tmp_path: Path) -> None:
    """The database knows the secrets of the test's settings."""
    settings.DATA_DIR = settings.KEY_FOLDER = tmp_path
    keychecks.register()


def refusal() -> str:
    with pytest.raises(ImproperlyConfigured) as refused:
        refuse_other_databases()
    return str(refused.value)


def test_same_secrets_are_taken_again_and_again() -> None:
    before = set(KeyCheck.objects.values_list("secret", "value"))
    keychecks.register()
    refuse_other_databases()
    assert set(KeyCheck.objects.values_list("secret", "value")) == before
    assert len(before) == 4


def test_check_values_reveal_nothing_and_differ(settings: Any) -> None:
    shown = set(KeyCheck.objects.values_list("value", flat=True))
    assert len(shown) == 4
    assert not any(value in getattr(settings, name) for name in settings.SECRETS for value in shown)


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS", "AUDIT_KEYS", "CHECKPOINT_KEY"])
def test_another_secret_is_refused_and_named(settings: Any, name: str) -> None:
    setattr(settings, name, secrets.token_urlsafe(32))
    assert refusal().startswith(f"{name} is not the one that this database is used with")


def test_new_key_in_the_ring_is_taken_and_kept(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = f"new:{secrets.token_urlsafe(32)},{settings.ENCRYPTION_KEYS}"
    refuse_other_databases()
    keychecks.register()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS.partition(",")[0]
    refuse_other_databases()


def test_key_that_something_is_sealed_with_may_not_leave_the_ring(
    settings: Any, team: Team, make_api_key: MakeApiKey
) -> None:
    api_key = make_api_key(team)
    key_id = api_key.sealed.split(".")[1]
    settings.ENCRYPTION_KEYS = f"{secrets.token_urlsafe(32)},{settings.ENCRYPTION_KEYS}"
    keychecks.register()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS.partition(",")[0]
    assert f"lacks the key {key_id}" in refusal()


def test_key_that_sealed_the_trail_may_not_leave_its_ring(settings: Any, team: Team) -> None:
    settings.AUDIT_KEYS = f"{settings.AUDIT_KEYS},{secrets.token_urlsafe(32)}"
    refuse_other_databases()
    keychecks.register()
    ring = settings.AUDIT_KEYS
    settings.AUDIT_KEYS = ring.partition(",")[0]
    refuse_other_databases()
    with transaction.atomic():
        record(AuditAction.LOGOUT, chain=team.pk, actor=Actor())
    settings.AUDIT_KEYS = ring.partition(",")[2]
    assert refusal().startswith("AUDIT_KEYS lacks a key that the audit trail is sealed with")


def test_database_that_the_used_keys_do_not_know_is_refused(tmp_path: Path) -> None:
    """Tables alone make no panel of it: it would print a link for a first account."""
    KeyCheck.objects.all().delete()
    refuse_other_databases()
    keyfiles.mark_used(tmp_path)
    assert refusal().startswith(f"This database is empty, but {tmp_path} belong to a database")


def test_database_that_was_never_prepared_knows_nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE lswpanel_keycheck")
    assert keychecks.registered() == {}
    keychecks.refuse_others()
    with pytest.raises(ImproperlyConfigured, match="There is no panel in this database"):
        keychecks.refuse_unprepared()


# --- A demonstration and a panel stay apart ---------------------------------------------------------------------


def test_demonstration_is_kept_out_of_a_panel_with_people(settings: Any, make_person: MakePerson) -> None:
    settings.DEMO = True
    refuse_other_databases()
    make_person("Ann")
    assert refusal().startswith("DEMO=on, but there are real people")


def test_demonstration_starts_again_with_its_own_people(settings: Any) -> None:
    settings.DEMO = True
    demo._people()
    refuse_other_databases()


def test_people_of_a_demonstration_cannot_enter_a_panel(settings: Any) -> None:
    demo._people()
    assert refusal().startswith("This database holds a demonstration")
