"""In a language that is longer than any, nothing is clipped; and every word is in the catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, Open
from tests.browser.furnished import OUTSIDE, Home
from tests.browser.site import Site
from tests.services import this_run
from tests.stack import Stack

#: What is wider or higher than the place it has, and says something.
CLIPPED = """
() => [...document.querySelectorAll("body *")].filter((one) => {
  const style = getComputedStyle(one);
  if (style.display === "none" || one.closest("[hidden], .visually-hidden, script, template, svg"))
    return false;
  const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!text && one.tagName !== "SELECT") return false;
  if (one.tagName === "OPTION" || style.display === "inline") return false;
  if (one.tagName === "SELECT") return one.getBoundingClientRect().right > innerWidth;
  const box = one.getBoundingClientRect();
  return one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 3
    || (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1));
}).map((one) => `${one.tagName} ${one.id || one.className}: ${one.textContent.trim().slice(0, 60)}`
  + ` ${one.scrollWidth}>${one.clientWidth} ${one.scrollHeight}>${one.clientHeight}`)
"""
#: Texts outside of brackets, but for what the person wrote and what is the same everywhere.
BARE = """
() => {
  const theirs = "#transcript, .words, textarea, code, pre, .note-snippet, .note-box, .box-name,"
    + " .box-description, .box-keywords, .swatch, blockquote, time, select, strong, #filing-reason,"
    + " .chip, .downloads, .brand, script, style, template, h1[dir=auto],"
    + " .visually-hidden";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const bare = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest(theirs)) continue;
    const text = node.data.trim();
    if (/[a-zà-ú]{2}/i.test(text) && !/\\[.*\\]/s.test(text)) bare.push(text);
  }
  return bare;
}
"""
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


@pytest.fixture(scope="module")
def pseudo_site(shared_site: Site) -> Iterator[str]:
    """The same site, its database included, once more: in the language of nobody."""
    env = {
        **shared_site.stack.env,
        "DJANGO_SETTINGS_MODULE": "tests.browser.pseudo_settings",
        "SHARED_VOLUME": "1",
    }
    with Stack(env, role="web") as stack:
        yield stack.url


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_clipped_and_nothing_is_left_out(
    opened: Callable[..., Open], furnished: Home, pseudo_site: str, viewport: tuple[int, int]
) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", this_run().new_directory("pseudo")))
    inside = opened(furnished.person, language="en", viewport=viewport, url=pseudo_site)
    outside = opened(language="en", viewport=viewport, url=pseudo_site)
    outside.watch.expect(r"the server responded with a status of 4(04|10)")
    found: dict[str, Any] = {}
    for one, pages in ((inside, furnished.pages()), (outside, OUTSIDE)):
        for name, address in pages.items():
            page: Page = one.page
            page.goto(address)
            page.evaluate(OPEN_ALL)
            page.screenshot(path=folder / f"pseudo-{name}-{viewport[0]}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            trouble = page.evaluate(CLIPPED) + page.evaluate(BARE)
            if wide > 0 or trouble:
                found[name] = (wide, trouble)
    assert found == {}
