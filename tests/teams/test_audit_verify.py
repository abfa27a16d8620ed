import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit import triggers, verification
from audit.checkpoints import making, signed
from audit.checkpoints.key import public_key
from audit.models import AuditEvent, Outcome, Verification
from jobs import engine
from teams.models import Team, User
from tests.audit.test_checkpoints import move
from tests.cast import ClientOf, MakeEntries, QueriesOf


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> None:
    """The file of checkpoints belongs to one database."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def address(team: Team) -> str:
    return reverse("teams:audit_verify", args=[team.slug])


@pytest.mark.req("A7")
def test_audit_verify_tells_that_the_trail_is_intact(
    auditor: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, auditor, 4)
    client = client_of(auditor)
    response = client.post(address)
    assert (response.status_code, response["Location"]) == (302, address)
    assert "The trail is being verified" in client.get(address).content.decode()
    engine.run_once()
    page = client.get(address).content.decode()
    assert "The trail is intact" in page
    assert "All 4 entries" in page
    assert "by Aude Auditor" in page


def test_audit_verify_leaves_an_entry(
    auditor: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, auditor, 2)
    client_of(auditor).post(address)
    verification.run(team.pk)
    event = AuditEvent.objects.get(chain=team.pk, sequence=3)
    assert (event.action, event.outcome, event.actor_id) == ("audit.verify", Outcome.DONE, auditor.pk)
    assert event.after == {"entries": 2, "intact": True, "first_bad": None}


@pytest.mark.req("A7")
def test_audit_verify_names_the_entry_that_was_changed(
    auditor: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, auditor, 5)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=team.pk, sequence=3).update(reason="nothing to see here")
    client = client_of(auditor)
    client.post(address)
    verification.run(team.pk)
    page = client.get(address).content.decode()
    assert "The trail does not verify" in page
    assert "Entry 3 was changed after it was written" in page
    assert "The 2 entries before it fit together" in page
    event = AuditEvent.objects.filter(chain=team.pk).latest("sequence")
    assert (event.outcome, event.after["first_bad"]) == (Outcome.FAILED, 3)


@pytest.mark.parametrize("how", ["no entry", "a changed entry", "more entries"])
def test_page_does_not_believe_an_intact_row_that_the_trail_does_not_bear_out(
    how: str, auditor: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    """Whoever can write the database could write there that all is well."""
    make_entries(team, auditor, 2)
    client = client_of(auditor)
    if how == "no entry":
        Verification.objects.create(pk=team.pk, done_at=timezone.now(), entries=2)
    else:
        client.post(address)
        verification.run(team.pk)
    if how == "more entries":
        Verification.objects.update(entries=3)
    if how == "a changed entry":
        triggers.remove(connection)
        AuditEvent.objects.filter(action="audit.verify").update(at=timezone.now() - timedelta(days=1))
    page = client.get(address).content.decode()
    assert "Not verified yet" in page
    assert "The trail is intact" not in page


def test_audit_verify_is_about_this_team_alone(
    owner: User,
    outsider: User,
    team: Team,
    other_team: Team,
    address: str,
    client_of: ClientOf,
    make_entries: MakeEntries,
) -> None:
    make_entries(team, owner, 2)
    make_entries(other_team, outsider, 3)
    triggers.remove(connection)
    AuditEvent.objects.filter(chain=other_team.pk).update(reason="changed")
    client_of(owner).post(address)
    verification.run(team.pk)
    assert "The trail is intact" in client_of(owner).get(address).content.decode()
    assert AuditEvent.objects.filter(chain=other_team.pk).count() == 3


def test_audit_verify_says_that_nobody_checked_yet(auditor: User, address: str, client_of: ClientOf) -> None:
    assert "Not verified yet" in client_of(auditor).get(address).content.decode()


def test_audit_verify_only_looks_on_get(auditor: User, team: Team, address: str, client_of: ClientOf) -> None:
    client_of(auditor).get(address)
    assert not AuditEvent.objects.filter(chain=team.pk).exists()


def test_many_clicks_are_one_run_and_the_web_process_walks_nothing(
    auditor: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, auditor, 3)
    client = client_of(auditor)
    with CaptureQueriesContext(connection) as asked:
        for _ in range(8):
            client.post(address)
    assert not [each for each in asked if "row_mac" in each["sql"]]
    for _ in range(8):
        engine.run_once()
    assert AuditEvent.objects.filter(action="audit.verify").count() == 1


def test_page_tells_how_far_a_run_is(
    auditor: User, team: Team, address: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, auditor, 4)
    client = client_of(auditor)
    client.post(address)
    Verification.objects.update(read=2)
    page = client.get(address).content.decode()
    assert "2 of 4 entries" in page
    assert "Verify now" not in page
    where = re.search(r'data-url="([^"]+)" data-moving="yes"', page)
    assert where
    ask = where[1].replace("&amp;", "&")
    assert client.get(ask).status_code == 204
    Verification.objects.update(read=3)
    assert "3 of 4 entries" in client.get(ask).content.decode()


# --- Checkpoints ------------------------------------------------------------------------------------------------


@pytest.fixture
def download(team: Team) -> str:
    return reverse("teams:audit_checkpoints", args=[team.slug])


def test_page_tells_of_the_last_checkpoint_and_the_public_key(
    auditor: User, team: Team, address: str, download: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    client = client_of(auditor)
    page = client.get(address).content.decode()
    assert public_key() in page
    assert "None yet" in page
    assert download not in page
    make_entries(team, auditor, 4)
    making.sign_next(1)
    page = client.get(address).content.decode()
    assert "entries up to 4<" in page
    assert download in page
    assert "One is signed every hour" not in page
    move(1, timedelta(hours=-3))
    assert "One is signed every hour" in client.get(address).content.decode()


@pytest.mark.req("A4")
def test_download_verifies_and_is_in_the_trail(
    auditor: User, team: Team, download: str, client_of: ClientOf, make_entries: MakeEntries
) -> None:
    make_entries(team, auditor, 4)
    making.sign_next(1)
    making.sign_next(2)
    answer = client_of(auditor).get(download)
    lines = b"".join(answer).decode().splitlines()  # type: ignore[arg-type]
    assert [each.number for each in signed.following(lines, keys=[public_key()])] == [1, 2]
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-checkpoints-')
    assert AuditEvent.objects.filter(chain=team.pk).latest("sequence").action == "list.export"


def test_download_is_not_for_a_viewer(viewer: User, download: str, client_of: ClientOf) -> None:
    assert client_of(viewer).get(download).status_code == 403


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_audit_verify_knows_no_other_method(
    method: str, auditor: User, address: str, client_of: ClientOf
) -> None:
    assert getattr(client_of(auditor), method)(address).status_code == 405


def test_audit_verify_is_not_for_outsiders(
    outsider: User, team: Team, address: str, client_of: ClientOf
) -> None:
    assert client_of(outsider).post(address).status_code == 404
    assert not AuditEvent.objects.filter(chain=team.pk).exists()


def test_audit_verify_is_not_for_a_viewer(
    viewer: User, team: Team, address: str, client_of: ClientOf
) -> None:
    assert client_of(viewer).post(address).status_code == 403
    actions = AuditEvent.objects.filter(chain=team.pk).values_list("action", flat=True)
    assert list(actions) == ["permission.deny"]


@pytest.mark.req("X9")
def test_audit_verify_needs_the_token_of_the_form(auditor: User, team: Team, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(auditor)
    assert client.post(address).status_code == 403
    assert not AuditEvent.objects.filter(chain=team.pk).exists()


def test_audit_verify_page_takes_as_many_queries_for_30_entries_as_for_one(
    auditor: User,
    team: Team,
    address: str,
    client_of: ClientOf,
    make_entries: MakeEntries,
    queries_of: QueriesOf,
) -> None:
    client = client_of(auditor)
    make_entries(team, auditor)
    client.post(address)
    verification.run(team.pk)
    making.sign_next(1)
    one = queries_of(client, address)
    make_entries(team, auditor, 30)
    assert queries_of(client, address) == one
