"""When keys are lost for good: what only they opened is given up, everything else stays, and the trail says so."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import Client
from django.utils import timezone

from audit import census, heads, persons
from audit.checkpoints import making, proof
from audit.models import INSTALLATION, AuditEvent, AuditHead
from audit.origin import Actor
from jobs.models import Job
from lswpanel import keychecks, replacing
from servers.models import ApiKey, Server
from teams.models import Team, User
from tests.cast import ClientOf, MakeApiKey, MakeJob, MakeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def api_key(team: Team, make_api_key: MakeApiKey) -> ApiKey:
    return make_api_key(team)


@pytest.fixture
def job(team: Team, api_key: ApiKey, make_server: MakeServer, make_job: MakeJob) -> Job:
    return make_job(make_server(team, api_key=api_key))


@pytest.fixture
def session(job: Job, owner: User, client_of: ClientOf, settings: Any, tmp_path: Path) -> Client:
    """Somebody is signed in to a panel that has a job; the database knows its keys."""
    settings.DATA_DIR = tmp_path
    keychecks.register()
    return client_of(owner)


def lose(settings: Any, *names: str) -> list[str]:
    for name in names:
        setattr(settings, name, secrets.token_urlsafe(32))
    return replacing.lost()


def chains() -> dict[int, bool]:
    found = census.verify_all(set(Team.objects.values_list("pk", flat=True)))
    return {verdict.chain: verdict.intact for verdict in found}


def test_all_keys_lost(settings: Any, session: Client, team: Team, other_team: Team, owner: User) -> None:
    before = set(chains())
    making.sign_next(1)
    names = lose(settings, "SECRET_KEY", "ENCRYPTION_KEYS", "AUDIT_KEYS", "CHECKPOINT_KEY")
    assert names == ["AUDIT_KEYS", "CHECKPOINT_KEY", "ENCRYPTION_KEYS", "SECRET_KEY"]
    assert replacing.replace(names, Actor()) == 1
    keychecks.refuse_others()
    assert chains() == dict.fromkeys(before, True)
    assert before >= {INSTALLATION, team.pk, other_team.pk}
    assert (ApiKey.objects.get().sealed, ApiKey.objects.get().removed_at is None) == ("", False)
    assert (Server.objects.count(), Job.objects.count(), Session.objects.count()) == (1, 1, 0)
    assert User.objects.filter(pk=owner.pk).exists()
    assert persons.impostors() == []
    assert proof.prove().faults == []
    entry = AuditEvent.objects.get(chain=INSTALLATION, action="keys.replace")
    assert entry.after == {"secrets": ", ".join(names), "api_keys": 1}
    assert AuditEvent.objects.get(chain=team.pk, action="api_key.remove").reason


def test_secret_key_alone_is_simply_replaced(settings: Any, session: Client, team: Team) -> None:
    written = AuditEvent.objects.count()
    assert replacing.replace(lose(settings, "SECRET_KEY"), Actor()) == 0
    keychecks.refuse_others()
    assert ApiKey.objects.get().unseal()
    assert AuditEvent.objects.count() == written + 1
    assert not Session.objects.exists()


@pytest.mark.parametrize("names", [("CHECKPOINT_KEY",), ("AUDIT_KEYS",), ("AUDIT_KEYS", "CHECKPOINT_KEY")])
def test_checkpoints_go_on_after_their_key_or_that_of_the_trail_was_replaced(
    settings: Any, session: Client, tmp_path: Path, names: tuple[str, ...]
) -> None:
    settings.DATA_DIR = tmp_path
    making.sign_next(1)
    replacing.replace(lose(settings, *names), Actor())
    last = making.latest()
    assert last is not None
    making.sign_next(last.number + 1)
    after = making.latest()
    assert (proof.prove().faults, after and after.number) == ([], last.number + 1)


def test_only_what_the_lost_key_sealed_is_given_up(
    settings: Any, session: Client, team: Team, make_api_key: MakeApiKey
) -> None:
    settings.ENCRYPTION_KEYS = f"{secrets.token_urlsafe(32)},{settings.ENCRYPTION_KEYS}"
    kept = make_api_key(team, name="Sealed with the new key")
    keychecks.register()
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS.partition(",")[0]
    with pytest.raises(ImproperlyConfigured):
        keychecks.refuse_others()
    assert replacing.replace(replacing.lost(), Actor()) == 1
    assert list(ApiKey.objects.filter(removed_at=None)) == [kept]


def test_replacing_that_was_cut_off_goes_on(settings: Any, session: Client) -> None:
    names = lose(settings, "AUDIT_KEYS")
    replacing._close_chains(Actor())
    written = AuditEvent.objects.count()
    assert replacing.lost() == names, "a start is still refused"
    replacing.replace(names, Actor())
    assert AuditEvent.objects.count() == written + 1
    assert replacing.lost() == []


def test_team_that_stood_still_goes_on(settings: Any, session: Client, team: Team, job: Job) -> None:
    """Its trail was marked as broken before somebody saw that the key was gone."""
    names = lose(settings, "AUDIT_KEYS")
    with pytest.raises(heads.ChainBroken) as broken, transaction.atomic():
        heads.locked(team.pk)
    heads.mark_broken(team.pk, broken.value.problem)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    AuditHead.objects.filter(pk=team.pk).update(broken_at=an_hour_ago)
    replacing.replace(names, Actor())
    # SQLite tells milliseconds: its clock may be a little behind the one of this process.
    assert Job.objects.get().expires_at - job.expires_at > timedelta(minutes=59)
    assert AuditHead.objects.get(pk=team.pk).broken_at is None


def test_cost_is_told_by_name(settings: Any, session: Client, api_key: ApiKey) -> None:
    told = list(replacing.costs(lose(settings, "ENCRYPTION_KEYS")))
    assert any(api_key.name in line and api_key.team.name in line for line in told)
    assert len(told) == 2
    assert len(list(replacing.costs(["SECRET_KEY"]))) == 1
