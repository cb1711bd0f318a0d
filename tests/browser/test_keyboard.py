"""The whole way with nothing but a keyboard: record, find, move, correct, delete, think again."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.site import Person, Site
from tests.browser.test_record import WORDS, has_recorded, is_loaded


def tab_to(page: Page, selector: str) -> None:
    """Tab until ``selector`` has the focus, as somebody does who has no mouse."""
    for _ in range(60):
        if page.evaluate("(s) => document.activeElement?.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by Tab")


def test_the_whole_way_by_keyboard_alone(
    opened: Callable[..., Open], site: Site, person: Person
) -> None:
    site.provider.default_text = WORDS
    person.client.create_box("Casa", keywords=["encanador"])
    person.client.create_box("Trabalho", keywords=["reunião"])
    page, _, watch = opened(person)
    # The page that was left may have deleted the note, and the next one makes sure.
    watch.expect("404")
    page.goto("/")
    is_loaded(page)
    tab_to(page, "#record-button")
    page.keyboard.press("Enter")
    has_recorded(page, 6)
    page.keyboard.press("Space")
    note = page.locator("#notes .note")
    expect(note).to_have_attribute("data-status", "completed")
    expect(note.locator(".note-box")).to_have_text("Casa")
    expect(page.locator("#live")).not_to_be_empty()

    # A letter is a shortcut, but not while typing.
    page.keyboard.press("/")
    page.keyboard.type("r encanador")
    expect(page.locator("#record-button")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Control+a")
    page.keyboard.type("encanador")
    expect(note.locator("mark")).to_have_text("encanador")
    assert "q=encanador" in page.url
    tab_to(page, ".note-link")

    page.keyboard.press("m")
    select = page.locator("dialog select")
    expect(select).to_be_focused()
    select.select_option(label="Trabalho")
    expect(note.locator(".note-box")).to_have_text("Trabalho")
    tab_to(page, ".toast-action")
    page.keyboard.press("Enter")
    expect(note.locator(".note-box")).to_have_text("Casa")

    tab_to(page, ".note-link")
    page.keyboard.press("Enter")
    is_loaded(page)
    page.keyboard.press("e")
    expect(page.locator("#edit-transcript")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Ligar para a Ana")
    tab_to(page, "#edit-form button")
    page.keyboard.press("Enter")
    expect(page.locator("#transcript")).to_have_text("Ligar para a Ana")
    expect(page.locator("#original")).to_contain_text(WORDS)

    page.locator("#note h1").evaluate("() => document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Atalhos do teclado")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.keyboard.press("d")
    expect(page.locator("#note")).to_be_hidden()
    tab_to(page, ".toast-action")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_be_visible()
    page.keyboard.press("d")
    expect(page.locator("#note")).to_be_hidden()
    # Leaving within the ten seconds deletes it.
    page.goto("/settings")
    page.goto("/")
    expect(page.locator("#notes .note")).to_have_count(0)
    assert person.client.list()["results"] == []
