"""django-allauth's pages in the panel's own clothes."""

import re
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.test import Client
from django.urls import reverse

from teams.models import User
from tests.cast import ClientOf

PASSWORD = "correct horse battery"


@pytest.fixture
def person(viewer: User) -> User:
    viewer.set_password(PASSWORD)
    viewer.save(update_fields=["password"])
    return viewer


def check_looks(page: str) -> None:
    assert "<title>" in page
    assert "css/tokens." in page
    assert 'name="htmx-config"' in page
    assert "placeholder=" not in page
    assert "Menu:" not in page, "that is allauth's own frame"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("account_login", "Sign in"),
        ("account_reset_password", "Reset your password"),
        ("account_reset_password_done", "Look into your mail"),
        ("account_reset_password_from_key_done", "Your password was set"),
        ("account_inactive", "This account is disabled"),
    ],
)
def test_page_for_strangers_looks_like_the_rest(name: str, words: str, client: Client, db: None) -> None:
    page = client.get(reverse(name)).content.decode()
    check_looks(page)
    assert words in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("account_logout", "Sign out?"),
        ("account_reauthenticate", "Confirm that it is you"),
        ("account_change_password", "Change password"),
    ],
)
def test_page_for_members_looks_like_the_rest(
    name: str, words: str, person: User, client_of: ClientOf
) -> None:
    response = client_of(person).get(reverse(name))
    assert response.status_code == 200
    check_looks(response.content.decode())
    assert words in response.content.decode()


def test_login_says_what_to_do_without_mail(client: Client, db: None) -> None:
    page = client.get(reverse("account_login")).content.decode()
    assert "manage.py reset_password" in page
    assert reverse("account_reset_password") not in page


def test_login_offers_a_link_when_there_is_mail(client: Client, db: None, settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example.com"
    page = client.get(reverse("account_login")).content.decode()
    assert f'href="{reverse("account_reset_password")}"' in page
    assert "manage.py" not in page


def test_reset_page_has_no_form_without_mail(client: Client, db: None, settings: Any) -> None:
    address = reverse("account_reset_password")
    assert 'name="email"' not in client.get(address).content.decode()
    settings.EMAIL_HOST = "mail.example.com"
    assert 'name="email"' in client.get(address).content.decode()


def test_failed_login_says_so_and_forgets_the_password(client: Client, person: User) -> None:
    page = client.post(
        reverse("account_login"), {"login": person.email, "password": "a wrong sentence"}
    ).content.decode()
    assert 'role="alert"' in page
    assert f'value="{person.email}"' in page
    assert "a wrong sentence" not in page


def test_login_comes_back_to_where_it_was_asked_for(client: Client, person: User) -> None:
    page = client.get(f"{reverse('account_login')}?next=/profile/").content.decode()
    (onward,) = re.findall(r"name=\"next\" value=\"([^\"]+)\"", page)
    answer = client.post(
        reverse("account_login"), {"login": person.email, "password": PASSWORD, "next": onward}
    )
    assert answer["Location"] == "/profile/"


def test_login_greets_nobody_with_a_message(client: Client, person: User) -> None:
    """The page itself shows who is signed in; a green bar over the overview every morning is noise."""
    page = client.post(
        reverse("account_login"),
        {"login": person.email, "password": PASSWORD, "next": "/profile/"},
        follow=True,
    )
    assert "signed in as" not in page.content.decode().lower()


def test_too_many_tries_are_explained(client: Client, person: User) -> None:
    for _ in range(6):
        response = client.post(
            reverse("account_login"), {"login": person.email, "password": "a wrong sentence"}
        )
    words = response.content.decode()
    assert "Too many" in words
    check_looks(words)


def test_link_of_a_mail_leads_to_a_new_password(client: Client, person: User) -> None:
    key = f"{user_pk_to_url_str(person)}-{default_token_generator.make_token(person)}"
    page = client.get(f"/accounts/password/reset/key/{key}/", follow=True)
    check_looks(page.content.decode())
    assert "Set a new password" in page.content.decode()


def test_bad_link_of_a_mail_says_what_to_do(client: Client, person: User) -> None:
    page = client.get("/accounts/password/reset/key/1-made-up/").content.decode()
    check_looks(page)
    assert "This link does not work" in page


def test_changing_the_password_shows_what_is_wrong(person: User, client_of: ClientOf) -> None:
    form = {"oldpassword": "a wrong sentence", "password1": "short", "password2": "other"}
    page = client_of(person).post(reverse("account_change_password"), form).content.decode()
    assert page.count('class="errors"') >= 2
    assert "a wrong sentence" not in page
