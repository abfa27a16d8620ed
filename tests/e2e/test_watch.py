"""The watchers themselves: what they are there for is seen by them."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.sound import faults, page_with_axe
from tests.e2e.watch import Watch
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.processes]
TROUBLES = {
    "error": ("console.error('oh no')", "error: oh no"),
    "warning": ("console.warn('take care')", "warning: take care"),
    "exception": ("setTimeout(() => { throw new Error('broken') })", "broken"),
    "inline style": ("document.body.innerHTML = '<p style=\"color: red\">'", "policy: style-src"),
    "report": ("document.body.innerHTML = '<p style=\"color: red\">'", "policy report from"),
    "inline handler": (
        "document.body.innerHTML = '<button onclick=\"1\">'; document.querySelector('button').click()",
        "policy: script-src",
    ),
    "missing file": ("fetch('/static/missing.css')", "404: GET"),
    "failed request": ("fetch('http://127.0.0.1:9/')", "policy: connect-src"),
}


@pytest.fixture
def watched(url: str, context: BrowserContext) -> tuple[Page, Watch]:
    watch = Watch(context)
    page = page_with_axe(context)
    page.goto(f"{url}/accounts/login/")
    assert watch.complaints == []
    return page, watch


@pytest.mark.parametrize(("script", "complaint"), TROUBLES.values(), ids=TROUBLES)
def test_trouble_of_a_page_is_seen(script: str, complaint: str, watched: tuple[Page, Watch]) -> None:
    page, watch = watched
    page.evaluate(f"() => {{ {script} }}")
    wait_for(lambda: page.title() and complaint in str(watch.complaints), what=f"it says {complaint!r}")


def test_faults_of_a_page_are_found(watched: tuple[Page, Watch]) -> None:
    page, _ = watched
    assert faults(page) == []
    page.evaluate("document.body.append(document.createElement('img'))")
    page.locator("h1").evaluate("heading => { heading.style.width = '500px' }")
    found = str(faults(page))
    assert "image-alt" in found
    assert "at 320 px" in found
    assert "at 1024 px" not in found


@pytest.mark.parametrize(("colour", "theme"), [("#aaa", "light"), ("#444", "dark")])
def test_faint_text_is_found_in_each_theme(colour: str, theme: str, watched: tuple[Page, Watch]) -> None:
    page, _ = watched
    page.locator("h1").evaluate("(heading, colour) => { heading.style.color = colour }", colour)
    found = faults(page)
    assert found
    assert all(f" {theme}: color-contrast" in each for each in found)
