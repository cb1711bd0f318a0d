"""Fixtures of the browser tests: one site and one Chromium for them all, watched pages for each.

Playwright runs an event loop in its thread, beside which Django's ORM refuses to work, so both end
with the last test of this folder; and tests here speak to the site over HTTP alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.chromium import as_wav, executable, launch
from tests.browser.furnished import Home, furnish
from tests.browser.site import Person, Site, running_site
from tests.browser.watching import Watch
from tests.conftest import SAMPLE
from tests.services import this_run

LANGUAGES = {"pt-BR": "pt-br", "en": "en"}
THEMES = ("light", "dark")
DESKTOP = (1280, 800)
PHONE = (360, 640)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    executable()
    # Wide, since a machine may have other things to do.
    expect.set_options(timeout=60_000)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium; its microphone hears the sample note, once for each recording."""
    folder = this_run().new_directory("microphone")
    browser = launch(playwright, as_wav(SAMPLE, folder / "sample.wav"))
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def shared_site(playwright: Playwright) -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The running site; its vendor as new. With a failure pytest shows its log."""
    seen = len(shared_site.stack.log_text())
    shared_site.provider.reset()
    yield shared_site
    print(shared_site.stack.log_text()[seen:][-6000:])
    shared_site.provider.reset()
    shared_site.settle()
    shared_site.provider.reset()


@pytest.fixture
def person(site: Site) -> Person:
    """Somebody with an account and no notes."""
    return site.person()


class Open(NamedTuple):
    """A context that was opened: its first page, and what is watched in it."""

    page: Page
    context: BrowserContext
    watch: Watch


@pytest.fixture
def opened(browser: Browser, site: Site) -> Iterator[Callable[..., Open]]:
    """Opens watched contexts; at the end all of them are quiet, or the test fails.

    ``person`` is signed in (None: nobody). ``language`` is one of LANGUAGES, ``theme`` one of
    THEMES; ``options`` are those of ``Browser.new_context``. ``using`` is another browser.
    """
    all_of_them: list[Open] = []

    def open_one(
        person: Person | None = None,
        *,
        language: str = "pt-BR",
        theme: str = "light",
        viewport: tuple[int, int] = DESKTOP,
        url: str = "",
        using: Browser | None = None,
        **options: Any,
    ) -> Open:
        width, height = viewport
        context = (using or browser).new_context(
            base_url=url or site.url,
            locale=language,
            timezone_id="America/Sao_Paulo",
            viewport={"width": width, "height": height},
            permissions=["microphone"],
            **{"reduced_motion": "reduce", **options},
        )
        context.set_default_timeout(60_000)
        cookies = {"django_language": LANGUAGES[language], "theme": theme}
        if person:
            cookies["sessionid"] = person.session
        context.add_cookies(
            [{"name": n, "value": v, "url": url or site.url} for n, v in cookies.items()]
        )
        watch = Watch()
        watch.over(context)
        all_of_them.append(Open(context.new_page(), context, watch))
        return all_of_them[-1]

    yield open_one
    for one in all_of_them:
        one.context.close()
    for one in all_of_them:
        one.watch.assert_quiet()


@pytest.fixture
def signed_in(opened: Callable[..., Open], person: Person) -> Callable[..., Page]:
    """Opens a page as ``person``; the same arguments as ``opened``, without the person."""

    def open_page(**options: Any) -> Page:
        page: Page = opened(person, **options).page
        return page

    return open_page


@pytest.fixture(scope="package")
def furnished(shared_site: Site) -> Home:
    """Somebody with boxes and notes; read only, since all tests share them."""
    return furnish(shared_site)
