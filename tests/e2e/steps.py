"""What a person does in the panel, one step each, by what they can see."""

import re

from playwright.sync_api import Locator, Page, expect

PASSWORD = "a long walk along the canal"
EMAIL = "olive@example.com"
# A worker's tick and a page's look are two seconds each; several of both fit into what a busy machine may take.
SLOW_MS = 180_000


def set_up(page: Page, link: str, *, team: str) -> None:
    """Follow the set-up link to the form for the first API key."""
    page.goto(link)
    page.get_by_label("Your name").fill("Olive Owner")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name of the first team").fill(team)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Add an API key")).to_be_visible()


def log_in(page: Page, *, email: str, password: str) -> None:
    """Fill in the login page that is open."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def add_key(page: Page, key: str) -> None:
    """Fill in the form for a key that is open."""
    page.get_by_label("Name").fill("Main account")
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Try and add").click()


def row_of(page: Page, upstream_id: str) -> Locator:
    """The line of a server in the list."""
    return page.get_by_role("row").filter(has_text=upstream_id)


def open_server(page: Page, upstream_id: str) -> None:
    row_of(page, upstream_id).get_by_role("rowheader").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()


def confirm(page: Page, label: str) -> None:
    """From the page of a server over the page that asks once more to the page of the job."""
    page.get_by_role("link", name=label, exact=True).click()
    page.get_by_role("button", name=re.compile(f"^{label}")).click()
    page.wait_for_url(re.compile(r"/jobs/\d+/$"))


def mark(page: Page) -> None:
    """Leave something in the window that a reload would wipe out."""
    page.evaluate("window.stillHere = true")


def was_not_reloaded(page: Page) -> bool:
    return page.evaluate("window.stillHere === true")
