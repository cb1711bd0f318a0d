"""Nothing that a person says, writes, sends or searches for becomes a script: in no page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, FilePayload, Page, Request

from tests.browser.conftest import Open
from tests.browser.hostile import ALL, CORPUS, FILE_NAME, HUGE
from tests.browser.site import Person, Site
from tests.conftest import SAMPLE

#: What the corpus makes if any of it is taken for markup.
MADE = "() => document.querySelectorAll('img[src=x], svg[onload], #x, base, iframe, mglyph').length"


@pytest.fixture
def victim(site: Site, person: Person) -> dict[str, str]:
    """Boxes named so, a text of 1 MB that was heard in a file named so, and one that was edited."""
    bau = person.client
    for name in CORPUS:
        bau.create_box(name[:80], description=ALL[:500], keywords=["jabuticaba"])
    box = bau.boxes()[0]["id"]
    site.provider.default_text = HUGE
    heard = bau.upload(SAMPLE.read_bytes(), FILE_NAME, box=box)["id"]
    written = bau.text(ALL, box=box)["id"]
    bau.wait(written, timeout=90)
    bau.patch(written, transcript=f"{ALL} {CORPUS[0]}")
    note = bau.wait(heard, timeout=90)
    assert len(note["transcript"].encode()) >= 1_000_000, note["error"]
    site.provider.default_text = None
    return {"box": box, "heard": heard, "written": written}


def watched(opened: Callable[..., Open], person: Person, ran: list[Any]) -> Open:
    one = opened(person)
    one.context.expose_function("pwned", lambda *what: ran.append(what))

    def on_dialog(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    def on_request(request: Request) -> None:
        # <img src=x> would be asked for.
        if request.url.endswith("/x"):
            ran.append(request.url)

    one.page.on("dialog", on_dialog)
    one.page.on("request", on_request)
    return one


def visit(page: Page, addresses: list[str], ran: list[Any]) -> None:
    for address in addresses:
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert (address, page.evaluate(MADE)) == (address, 0)
        assert (address, ran) == (address, [])


def test_no_page_of_its_owner_runs_it(
    opened: Callable[..., Open], person: Person, victim: dict[str, str]
) -> None:
    ran: list[Any] = []
    one = watched(opened, person, ran)
    one.watch.expect(r"status of 422")
    box, heard, written = victim["box"], victim["heard"], victim["written"]
    pages = ["/", "/boxes", "/settings", f"/notes/{heard}", f"/notes/{written}"]
    pages += [f"/notes/{written}/delete", f"/boxes/{box}", f"/boxes/{box}/delete"]
    pages += [f"/?q={quote(term)}" for term in (*CORPUS[2:6], "pipoca")]
    pages += [f"/?box={quote(CORPUS[2])}&state={quote(CORPUS[3])}&cursor={quote(CORPUS[0])}"]
    visit(one.page, pages, ran)

    one.page.goto("/")
    for term in CORPUS[:6]:
        one.page.locator("#q").fill(term)
    one.page.locator("#q").press("Enter")
    one.page.wait_for_load_state("networkidle")
    assert one.page.evaluate(MADE) == 0
    # The file's name is shown while it is under way.
    one.page.goto("/")
    one.page.evaluate("document.querySelector('#upload').open = true")
    content = SAMPLE.read_bytes()[:9_000]
    audio: FilePayload = {"name": FILE_NAME, "mimeType": "audio/ogg", "buffer": content}
    one.page.locator("#upload-file").set_input_files([audio])
    submit = one.page.locator("#upload-form button[type=submit]")
    if submit.is_visible():
        submit.click()
    one.page.wait_for_load_state("networkidle")
    assert one.page.evaluate(MADE) == 0
    assert ran == []


def test_no_page_of_the_operator_runs_it(
    opened: Callable[..., Open], site: Site, victim: dict[str, str]
) -> None:
    ran: list[Any] = []
    one = watched(opened, site.operator("<b onclick=pwned(99)>root"), ran)
    one.watch.expect(r"status of 40[04]")
    note, box = victim["heard"], victim["box"]
    pages = ["/admin/", "/admin/notes/note/", "/admin/notes/box/", "/admin/auth/user/"]
    pages += [f"/admin/notes/note/{note}/change/", f"/admin/notes/box/{box}/change/"]
    pages += [f"/admin/notes/note/{note}/delete/", f"/admin/notes/box/{box}/delete/"]
    pages += [f"/admin/notes/note/?q={quote(term)}" for term in CORPUS[2:4]]
    pages += ["/admin/page/invitation/", "/settings", "/api/v1/docs"]
    visit(one.page, pages, ran)
    assert ran == []
