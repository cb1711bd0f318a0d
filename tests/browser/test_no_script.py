"""Without JavaScript: sign in, upload a file, read the result, sign out."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.site import PASSWORD, Person, Site
from tests.conftest import SAMPLE
from tests.services import wait_for

WORDS = "Ligar para o encanador amanhã cedo."


def test_a_note_is_sent_and_read_without_javascript(
    opened: Callable[..., Open], site: Site, person: Person
) -> None:
    site.provider.default_text = WORDS
    person.client.create_box("Casa", keywords=["encanador"])
    page: Page = opened(java_script_enabled=False).page
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/login\?next=/$"))
    page.get_by_label("Usuário").fill(person.username)
    page.get_by_label("Senha").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_text("Para gravar aqui, ative o JavaScript")).to_be_visible()
    expect(page.locator("#record-button")).to_be_hidden()

    page.get_by_text("Enviar um áudio").click()
    page.get_by_label(re.compile("Arquivo de áudio")).set_input_files(SAMPLE)
    page.get_by_role("button", name="Enviar").click()
    expect(page).to_have_url(re.compile(r"/notes/[0-9a-f-]{36}$"))

    def is_done() -> bool:
        page.reload()
        return page.locator("#note").get_attribute("data-status") == "completed"

    wait_for(is_done, 90, "the note never ended")
    expect(page.locator("#transcript")).to_have_text(WORDS)
    expect(page.locator("#move-box option:checked")).to_have_text("Casa")

    page.get_by_role("link", name="Notas", exact=True).click()
    expect(page.locator("#notes .note")).to_have_count(1)
    expect(page.locator(".note-snippet")).to_have_text(WORDS)
    page.get_by_role("button", name="Sair").click()
    expect(page).to_have_url(re.compile("/login$"))
    page.goto("/settings")
    expect(page).to_have_url(re.compile(r"/login\?next=/settings$"))
