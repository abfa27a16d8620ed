"""`manage.py rotate_keys`: everything opens before, meanwhile and after; the old key may go when it is said to."""

import io
import secrets
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.models import INSTALLATION, AuditEvent
from audit.origin import Actor
from servers import resealing
from servers.models import ApiKey
from teams import encryption
from teams.models import Team
from tests.cast import KEY_TEXT, MakeApiKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def api_keys(team: Team, make_api_key: MakeApiKey) -> list[ApiKey]:
    return [make_api_key(team, name=f"Key {number}") for number in range(5)]


@pytest.fixture
def old(settings: Any, api_keys: list[ApiKey]) -> str:
    """The id of the key that sealed them; another one goes before it in the ring now."""
    (old,) = encryption.ring()
    settings.ENCRYPTION_KEYS = f"{secrets.token_urlsafe(32)},{settings.ENCRYPTION_KEYS}"
    return old


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


def entries() -> list[dict[str, Any]]:
    return list(
        AuditEvent.objects.filter(chain=INSTALLATION, action="keys.rotate").values_list("after", flat=True)
    )


@pytest.mark.req("K2")
def test_old_key_may_go_when_everything_is_sealed_anew(settings: Any, old: str) -> None:
    new = next(iter(encryption.ring()))
    told = rotate()
    assert f"ENCRYPTION_KEYS: {old} may go" in told
    assert f"{new} seals; API keys under it: 5." in told
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS.partition(",")[0]
    assert {api_key.unseal() for api_key in ApiKey.objects.all()} == {KEY_TEXT}
    assert entries() == [{"key": new, "api_keys": 5}]


@pytest.mark.req("K2")
def test_rotation_that_was_cut_off_goes_on(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    assert next(resealing.reseal_all(Actor())) == 2
    assert resealing.in_use()[old] == 3
    assert {api_key.unseal() for api_key in ApiKey.objects.all()} == {KEY_TEXT}, "half done, all opens"
    assert "Sealed 3 API keys anew." in rotate()
    assert [entry["api_keys"] for entry in entries()] == [1, 2, 2]


def test_second_rotation_has_nothing_to_do(old: str) -> None:
    rotate()
    assert "anew" not in rotate()
    assert len(entries()) == 1


def test_key_that_was_removed_meanwhile_stays_removed(old: str, api_keys: list[ApiKey]) -> None:
    """Between the moment it is read and the moment it is written."""
    ApiKey.objects.update(sealed="")
    assert resealing._reseal(api_keys, Actor()) == 0
    assert not ApiKey.objects.exclude(sealed="").exists()
    assert not entries()


def test_key_that_does_not_open_is_told_of_and_keeps_its_key(old: str, api_keys: list[ApiKey]) -> None:
    ApiKey.objects.filter(pk=api_keys[0].pk).update(sealed=api_keys[1].sealed)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 API keys were not sealed anew"):
        call_command("rotate_keys", stdout=out)
    assert f"ENCRYPTION_KEYS: {old} has to stay" in out.getvalue()
    assert resealing.in_use()[old] == 1


def test_keys_of_the_trail_stay(old: str) -> None:
    rotate()
    (key_id,) = set(AuditEvent.objects.values_list("key_id", flat=True))
    assert f"AUDIT_KEYS: {key_id} has to stay" in rotate()
