"""axe-core finds nothing serious on any page, in both themes and both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import LANGUAGES, Open
from tests.browser.furnished import OUTSIDE, Home

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
#: WCAG 2.2 AA, and what axe knows beside it; and the rules that a theme can break.
ALL = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLORS = ["color-contrast", "link-in-text-block"]
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"
TO_DARK = "document.documentElement.dataset.theme = 'dark'"
RUN = """
async ([type, values]) => {
  const found = await axe.run(document, {
    runOnly: { type, values }, resultTypes: ["violations"] });
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html + " " +
      node.any.map((why) => why.message).join(" ")).join(" | ")}`);
}
"""


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical on ``page``, in the light theme and in the dark one.

    The themes differ in one attribute and so in colours: the rest is asked once.
    """
    page.evaluate(AXE)
    page.evaluate(OPEN_ALL)
    found: list[str] = page.evaluate(RUN, ["tag", ALL])
    page.evaluate(TO_DARK)
    return found + [f"dark: {one}" for one in page.evaluate(RUN, ["rule", COLORS])]


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_serious_on_any_page_in_any_theme(
    opened: Callable[..., Open], furnished: Home, language: str
) -> None:
    inside, outside = opened(furnished.person, language=language), opened(language=language)
    outside.watch.expect(r"the server responded with a status of 4(04|10)")
    found: dict[str, Any] = {}
    for one, pages in ((inside, furnished.pages()), (outside, OUTSIDE)):
        for name, address in pages.items():
            one.page.goto(address)
            assert one.page.locator("html").get_attribute("lang") == language
            assert one.page.locator("html").get_attribute("data-theme") == "light"
            found[name] = serious(one.page)
    print(f"{len(found)} pages")
    assert {name: what for name, what in found.items() if what} == {}
