"""The id of a session stands in the cookie and nowhere else."""

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client

from teams.models import User
from teams.sessions import SessionStore, filed_under
from tests.cast import ClientOf
from tests.support.stack import database_url


@pytest.mark.req("A9")
def test_database_does_not_know_the_id_of_a_session(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    key = client.session.session_key
    assert list(Session.objects.values_list("pk", flat=True)) == [filed_under(key)]
    assert key not in str(Session.objects.values_list().get())


@pytest.mark.req("A9")
def test_what_the_database_knows_opens_no_session(client: Client, client_of: ClientOf, owner: User) -> None:
    key = client_of(owner).session.session_key
    for known, way_in in ((key, True), (Session.objects.get().pk, False)):
        client.cookies[settings.SESSION_COOKIE_NAME] = known
        assert (client.get("/profile/").status_code == 200) is way_in


@pytest.mark.django_db
def test_session_is_found_changed_and_ended_under_its_id() -> None:
    session = SessionStore()
    session["kept"] = 1
    session.create()
    again = SessionStore(session.session_key)
    assert again["kept"] == 1
    again["kept"] = 2
    again.save()
    assert SessionStore(session.session_key)["kept"] == 2
    assert SessionStore().exists(session.session_key)
    again.delete()
    assert not Session.objects.exists()
    assert SessionStore(session.session_key).get("kept") is None


@pytest.mark.django_db
def test_made_up_id_is_no_session() -> None:
    session = SessionStore("made-up")
    assert session.get("kept") is None
    assert session.session_key is None


@pytest.mark.django_db(transaction=True)
def test_lost_database_is_not_taken_for_a_session_that_was_ended() -> None:
    session = SessionStore()
    session.create()
    session["kept"] = 1
    with cut_off(), pytest.raises(OperationalError):
        session.save()
    session.save()
    assert SessionStore(session.session_key)["kept"] == 1


@contextlib.contextmanager
def cut_off() -> Iterator[None]:
    """The connection of this test: cut by the server, or, where there is none, not good for writing."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA query_only=ON")
        else:
            cursor.execute("SELECT pg_backend_pid()")
            with psycopg.connect(database_url(), autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", cursor.fetchone())
    yield
    connection.close()
