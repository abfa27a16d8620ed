"""Chromium with the panel's sign-in in its password store: it fills the sign-in, and no other secret."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from servers.models import ApiKey
from teams.models import Team, User
from tests.cast import MakeServer
from tests.e2e.conftest import sign_in
from tests.support.chromium import FLAGS, PATIENCE_MS, program

pytestmark = [pytest.mark.browser, pytest.mark.processes]
EMAIL, PASSWORD = "adam.admin@example.com", "the panel's own password"
STORE = "--password-store=basic"
Open = Callable[[], BrowserContext]
# Once the store has filled this, it has seen the page.
ADD_SIGN_IN = """document.body.insertAdjacentHTML("beforeend", `<form>
<input name="control-name" autocomplete="username">
<input id="control" name="control" type="password" autocomplete="current-password"></form>`)"""


@pytest.fixture
def profile(playwright_driver: Playwright, tmp_path: Path) -> Iterator[Open]:
    """Opens the browser with a profile that stays: what it saved is there the next time."""
    opened: list[BrowserContext] = []

    def open_browser() -> BrowserContext:
        context = playwright_driver.chromium.launch_persistent_context(
            tmp_path,
            executable_path=program(),
            args=[*FLAGS, STORE],
            ignore_default_args=["--enable-automation"],  # which would switch the password store off
        )
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        return context

    yield open_browser
    opened[-1].close()


def sealed(password: str) -> bytes:
    """As Chromium's basic store keeps it: under a key that everybody knows."""
    derivation = PBKDF2HMAC(SHA1(), length=16, salt=b"saltysalt", iterations=1)  # noqa: S303
    key = derivation.derive(b"peanuts")
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(b" " * 16)).encryptor()
    padded = padder.update(password.encode()) + padder.finalize()
    return b"v10" + encryptor.update(padded) + encryptor.finalize()


def save_sign_in(folder: Path, url: str) -> None:
    """What Chromium writes when somebody lets it save the sign-in of this panel."""
    page = f"{url}/accounts/login/"
    row = {
        "origin_url": page,
        "action_url": page,
        "username_element": "login",
        "username_value": EMAIL,
        "password_element": "password",
        "password_value": sealed(PASSWORD),
        "signon_realm": f"{url}/",
        "date_created": 13_300_000_000_000_000,
        "blacklisted_by_user": 0,
        "scheme": 0,
        "times_used": 3,
    }
    with sqlite3.connect(folder / "Default" / "Login Data") as store:
        columns, marks = ",".join(row), ",".join("?" * len(row))
        store.execute(f"INSERT INTO logins ({columns}) VALUES ({marks})", list(row.values()))  # noqa: S608
    store.close()


def filled(page: Page) -> list[str]:
    """The names of the fields that the browser filled by itself."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('input:autofill')].map((field) => field.name)"
    )
    return found


@pytest.mark.req("K3")
def test_saved_sign_in_fills_the_sign_in_and_no_other_secret(
    profile: Open, url: str, team: Team, admin: User, api_key: ApiKey, make_server: MakeServer, tmp_path: Path
) -> None:
    first = profile()
    first.new_page().goto(url)
    first.close()
    save_sign_in(tmp_path, url)
    context = profile()
    page = context.new_page()
    page.goto(f"{url}/accounts/login/")
    expect(page.locator("input[name=password]:autofill")).to_have_count(1)
    assert filled(page) == ["login", "password"]

    sign_in(context, admin, url)
    for name, row in (("api_key_new", ()), ("credential_store", (make_server(team).pk,))):
        page.goto(url + reverse(f"servers:{name}", args=(team.slug, *row)))
        page.evaluate(ADD_SIGN_IN)
        expect(page.locator("#control:autofill")).to_have_count(1)
        assert filled(page) == ["control-name", "control"], name
