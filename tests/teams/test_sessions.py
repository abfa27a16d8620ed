"""The id of a session stands in the cookie and nowhere else."""

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from teams.models import User
from teams.sessions import SessionStore, filed_under
from tests.cast import ClientOf


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
