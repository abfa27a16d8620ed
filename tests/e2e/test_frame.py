"""The frame and the pages of people and proof in a real Chromium, under the real policy."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from teams.models import Membership, Team, User
from teams.permissions import Role
from tests.cast import MakeEntries
from tests.e2e.conftest import MakeVisitor
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.processes]


@pytest.fixture
def overview(visitor: MakeVisitor, owner: User, url: str, team: Team) -> Page:
    """The overview as the owner sees it."""
    page = visitor(owner, url).new_page()
    page.goto(reverse("jobs:overview", args=[team.slug]))
    return page


def test_theme_switch_works_at_once_and_is_kept(overview: Page, owner: User) -> None:
    page = overview
    page.get_by_label("You: Olive Owner").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    wait_for(lambda: User.objects.get(pk=owner.pk).theme == "dark", what="the profile has it")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_theme_switch_works_without_javascript(
    visitor: MakeVisitor, owner: User, url: str, team: Team
) -> None:
    page = visitor(owner, url, java_script_enabled=False).new_page()
    roles = reverse("teams:role_list", args=[team.slug])
    page.goto(roles)
    page.locator("summary[aria-label^=You]").click()
    page.get_by_role("button", name="Light").click()
    page.wait_for_url(f"**{roles}")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_menus_close_by_key_and_by_a_click_elsewhere(overview: Page, owner: User, other_team: Team) -> None:
    Membership.objects.create(team=other_team, user=owner, role=Role.VIEWER)
    page = overview
    page.reload()
    person, teams = page.get_by_label("You: Olive Owner"), page.get_by_label("Switch team")
    person.click()
    expect(page.get_by_text("Your profile")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Your profile")).to_be_hidden()
    expect(person).to_be_focused()
    teams.click()
    expect(page.get_by_role("link", name="South Ops")).to_be_visible()
    page.get_by_role("heading", name="Overview").click()
    expect(page.get_by_role("link", name="South Ops")).to_be_hidden()


@pytest.mark.parametrize("clock", ["right", "in 1970"])
def test_ages_go_on_ticking_whatever_the_clock_of_the_browser(
    clock: str, overview: Page, team: Team, owner: User, make_entries: MakeEntries
) -> None:
    make_entries(team, owner)
    page = overview
    if clock == "right":
        page.clock.install()
    else:
        page.clock.install(time=0)
    page.goto(reverse("teams:audit_detail", args=[team.slug, 1]))
    age = page.locator("time[data-age]")
    expect(age).to_contain_text(" s ago")
    page.clock.run_for(3 * 60_000)
    expect(age).to_have_text(re.compile(r"^[3-6] min ago$"))
