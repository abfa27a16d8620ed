"""What is asked of every page: fit for everybody in both themes, and no wider than the window."""

from collections.abc import Iterable

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WIDTHS = (320, 360, 1024, 1600)
# A theme is an attribute of the document that changes colours only, so the second one is asked about colours only.
RULES = {
    "light": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
THEMES = tuple(RULES)
RUN_AXE = """
async ({theme, rules}) => {
  document.documentElement.dataset.theme = theme;
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], preload: false});
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


def faults(page: Page, themes: Iterable[str] = THEMES) -> list[str]:
    """All that is wrong with the page that is open, each fault with its address."""
    found = [f"{theme}: {each}" for theme in themes for each in unfit(page, theme)]
    found += [f"at {width} px: {each}" for width in WIDTHS for each in too_wide(page, width)]
    return [f"{page.url}: {each}" for each in found]


def unfit(page: Page, theme: str) -> list[str]:
    """What axe-core objects to. It comes by the debugger's door, which the policy does not guard."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(RUN_AXE, {"theme": theme, "rules": RULES[theme]})


def too_wide(page: Page, width: int) -> list[str]:
    """What makes the page scroll sideways in a window of this width."""
    page.set_viewport_size({"width": width, "height": 800})
    return page.evaluate(TOO_WIDE)
