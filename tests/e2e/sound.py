"""What is asked of every page: fit for everybody in both themes, and no wider than the window."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, Page

# The last one stays for the next page, so axe-core looks at tables that may have to scroll.
WIDTHS = (320, 1600, 1024)
MEDIUM = {"width": WIDTHS[-1], "height": 800}
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = ("color-contrast", "link-in-text-block")
# A theme is an attribute of the document that changes colours only, so the second one is asked about colours only.
IN_BOTH_THEMES: dict[str, dict[str, Any]] = {
    "light": {"runOnly": ALL},
    "dark": {"runOnly": {"type": "rule", "values": COLOURS}},
}
# Half of axe's time goes into colours; tests/test_contrast.py knows all that there are.
WITHOUT_COLOURS = {"light": {"runOnly": ALL, "rules": {each: {"enabled": False} for each in COLOURS}}}
RUN_AXE = """
async ({theme, options}) => {
  document.documentElement.dataset.theme = theme;
  const found = await axe.run(document, {...options, resultTypes: ["violations"], preload: false});
  return found.violations.flatMap((rule) => rule.nodes.slice(0, 3).map(
    (node) => `${rule.id}: ${node.html.slice(0, 200)} (${node.failureSummary})`
  ));
}
"""
# An element counts when nothing between it and the page scrolls or cuts.
TOO_WIDE = """
() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const cut = (each) => each && each !== document.body
    && (getComputedStyle(each).overflowX !== "visible" || cut(each.parentElement));
  const over = [...document.body.querySelectorAll("*")].filter(
    (each) => each.getBoundingClientRect().right > root.clientWidth && !cut(each.parentElement)
  );
  const widest = over.slice(-2).map((each) => each.outerHTML.slice(0, 200));
  return [`${root.scrollWidth - root.clientWidth} px too wide`, ...widest];
}
"""


def page_with_axe(context: BrowserContext) -> Page:
    """A page whose every document has axe-core, by the debugger's door, which the policy does not guard."""
    context.add_init_script(AXE_SCRIPT)
    page = context.new_page()
    page.set_viewport_size(MEDIUM)
    return page


def faults(page: Page, *, again: bool = False) -> list[str]:
    """All that is wrong with the page that is open, each fault with its address.

    `page` was opened by `page_with_axe`. `again`: a page like this was looked at before, with other rows or another
    filter, so its colours are known.
    """
    rules = WITHOUT_COLOURS if again else IN_BOTH_THEMES
    found = [f"{theme}: {each}" for theme, options in rules.items() for each in unfit(page, theme, options)]
    found += [f"at {width} px: {each}" for width in WIDTHS for each in too_wide(page, width)]
    return [f"{page.url}: {each}" for each in found]


def unfit(page: Page, theme: str, options: dict[str, Any]) -> list[str]:
    """What axe-core objects to."""
    return page.evaluate(RUN_AXE, {"theme": theme, "options": options})


def too_wide(page: Page, width: int) -> list[str]:
    """What makes the page scroll sideways in a window of this width."""
    page.set_viewport_size(MEDIUM | {"width": width})
    return page.evaluate(TOO_WIDE)
