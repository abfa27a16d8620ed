import pytest
from playwright.sync_api import Page

from tests.support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def test_page_shows_what_the_web_server_sends(stack: Stack, page: Page) -> None:
    answer = page.goto(f"{stack.web()}/healthz/")
    assert answer is not None
    assert (answer.status, page.inner_text("body")) == (200, "ok")


def test_context_forgets_what_the_last_test_stored(page: Page) -> None:
    assert page.context.cookies() == []
