"""axe-core finds nothing serious on any page, in both themes and both languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import LANGUAGES, THEMES, Open
from tests.browser.furnished import OUTSIDE, Home

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
#: WCAG 2.2 AA, and what axe knows beside it.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"
RUN = """
async (tags) => {
  const found = await axe.run(document, {
    runOnly: { type: "tag", values: tags }, resultTypes: ["violations"], rules: {
      "target-size": { enabled: true } } });
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html + " " +
      node.any.map((why) => why.message).join(" ")).join(" | ")}`);
}
"""


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical on ``page``."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN, TAGS)
    return found


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_serious_on_any_page(
    opened: Callable[..., Open], furnished: Home, language: str, theme: str
) -> None:
    inside = opened(furnished.person, language=language, theme=theme)
    outside = opened(language=language, theme=theme)
    outside.watch.expect(r"the server responded with a status of 4(04|10)")
    found: dict[str, Any] = {}
    for one, pages in ((inside, furnished.pages()), (outside, OUTSIDE)):
        for name, address in pages.items():
            one.page.goto(address)
            assert one.page.locator("html").get_attribute("lang") == language
            assert one.page.locator("html").get_attribute("data-theme") == theme
            one.page.evaluate(
                "document.querySelectorAll('details').forEach((d) => (d.open = true))"
            )
            found[name] = serious(one.page)
    print(f"{len(found)} pages")
    assert {name: what for name, what in found.items() if what} == {}
