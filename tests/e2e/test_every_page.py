"""Every page of the panel in a real browser: as owner, as viewer and as stranger, in both themes and three widths.

A page that is opened several times, with other rows or another filter, is looked at in full the first time; after
that all but its colours are asked about.

The browser is watched all the while, so an error on the console, a report of the policy or a failed request on any
of the pages fails the test, too.
"""

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from playwright.sync_api import Page

from teams import services
from teams.models import User
from tests.cast import MakePerson
from tests.e2e import steps
from tests.e2e.conftest import MakeVisitor
from tests.e2e.house import House
from tests.e2e.pages import ANSWERS_NO_GET, IS_NO_PAGE, PAGES, Visit
from tests.e2e.sound import faults, page_with_axe
from tests.test_urls import EVERY, NEEDS_NO_LOGIN

pytestmark = [pytest.mark.browser, pytest.mark.processes]
STILL = {"reduced_motion": "reduce"}


class Seen(NamedTuple):
    """An address, the status it answers with, and whether the page was looked at before in another case."""

    address: str
    status: int = 200
    again: bool = False


def check(page: Page, visits: Iterable[Seen]) -> None:
    """Open every address and insist on its status and on a sound page."""
    found = []
    for address, status, again in visits:
        answer = page.goto(address)
        assert answer is not None
        found += [f"{address}: {answer.status}"] if answer.status != status else faults(page, again=again)
    assert found == [], "\n".join(found)


def test_table_has_every_page() -> None:
    assert set(PAGES) | ANSWERS_NO_GET | IS_NO_PAGE == set(EVERY)


def test_pages_are_sound_for_an_owner(url: str, house: House, owner: User, visitor: MakeVisitor) -> None:
    visits = []
    for pages in (PAGES[name] for name in PAGES if name not in NEEDS_NO_LOGIN):
        first, *more = pages(house)
        visits += [seen("owner", first, house), *(seen("owner", visit, house, again=True) for visit in more)]
    check(page_with_axe(visitor(owner, url, **STILL)), visits)


def test_pages_are_sound_for_a_viewer(url: str, house: House, viewer: User, visitor: MakeVisitor) -> None:
    """One of each kind that a team has; what differs from the owner's are the missing buttons and the refusal."""
    visits = [seen("viewer", next(iter(pages(house))), house) for pages in PAGES.values()]
    allowed = [visit for visit in visits if visit.address.startswith("/t/") and visit.status == 200]
    refused = next(visit for visit in visits if visit.status == 403)
    check(page_with_axe(visitor(viewer, url, **STILL)), [*allowed, refused])


def seen(role: str, visit: Visit, house: House, *, again: bool = False) -> Seen:
    return Seen(visit.address, visit.expected(role, house), again)


def test_pages_are_sound_for_a_stranger(url: str, house: House, visitor: MakeVisitor) -> None:
    public = [visit for name in NEEDS_NO_LOGIN & set(PAGES) for visit in PAGES[name](house)]
    page = page_with_axe(visitor(None, url, **STILL))
    check(page, [*(Seen(visit.address, visit.status) for visit in public), Seen("/no/such/page", 404)])


def test_first_visit_is_sound(url: str, visitor: MakeVisitor) -> None:
    token = services.setup_link_create()
    page = page_with_axe(visitor(None, url, **STILL))
    check(page, [Seen("/setup/made-up/", 404), Seen(f"/setup/{token}/")])
    send_empty(page)
    assert faults(page) == []


@pytest.mark.parametrize(
    "address",
    [
        "/t/north-ops/api-keys/new/",
        "/t/north-ops/api-keys/{key}/rename/",
        "/t/north-ops/jobs/{unknown}/",
        "/t/north-ops/servers/{server}/credentials/store/",
        "/accounts/password/change/",
        "/accounts/confirm/",
    ],
)
def test_refused_form_is_sound(
    address: str, url: str, house: House, owner: User, visitor: MakeVisitor
) -> None:
    page = page_with_axe(visitor(owner, url, **STILL))
    ids = {
        "key": house.keys["working"].pk,
        "unknown": house.jobs["unknown"].pk,
        "server": house.servers[0].pk,
    }
    page.goto(address.format(**ids))
    send_empty(page)
    assert faults(page) == []


def send_empty(page: Page) -> None:
    """Submit the form of the page with nothing in it, past the browser's own checks."""
    page.evaluate("() => { for (const form of document.forms) form.noValidate = true }")
    for field in page.locator("main form :is(input[type=text], input[type=email], textarea)").all():
        field.fill("")
    page.locator("main form button").last.click()
    page.locator("main .errors").first.wait_for()


def test_open_menus_are_sound(url: str, house: House, owner: User, visitor: MakeVisitor) -> None:
    page = page_with_axe(visitor(owner, url, **STILL))
    page.goto("/t/north-ops/roles/")
    for menu in page.locator("details.menu summary").all():
        menu.click()
        assert faults(page) == []


def test_page_without_a_team_is_sound(url: str, make_person: MakePerson, visitor: MakeVisitor) -> None:
    page = page_with_axe(visitor(make_person("Nora Nowhere"), url, **STILL))
    check(page, [Seen("/")])


def test_message_after_an_act_is_sound(url: str, house: House, owner: User, visitor: MakeVisitor) -> None:
    page = page_with_axe(visitor(owner, url, **STILL))
    page.goto(f"/t/north-ops/jobs/{house.jobs['queued'].pk}/")
    page.get_by_role("button", name="Cancel this job").click()
    page.get_by_text("The job is cancelled. Nothing was sent.").wait_for()
    assert faults(page) == []


def test_pages_follow_the_system_until_told_otherwise(url: str, owner: User, visitor: MakeVisitor) -> None:
    """Somebody whose system is dark gets dark pages before they have an account."""
    page = visitor(None, url, color_scheme="dark").new_page()
    page.goto("/accounts/login/")
    dark = background(page)
    page.emulate_media(color_scheme="light")
    assert background(page) != dark
    steps.log_in(page, email=owner.email, password="wrong")
    page.locator(".errors, .notice.danger").first.wait_for()


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")
