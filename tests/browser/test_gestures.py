"""What hands do on the page: mark, drag, drop, paste, pause, think again, listen, follow."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, FilePayload, Locator, Page, Route, expect

from tests.browser.chromium import as_wav
from tests.browser.conftest import Open
from tests.browser.site import PASSWORD, Person, Site
from tests.browser.test_record import WORDS, has_recorded, is_loaded
from tests.browser.watching import until
from tests.conftest import SAMPLE
from tests.marks import marked

#: Pastes a file of the name and Base64 given.
PASTE = """([name, sound]) => {
  const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], name, {type: "audio/ogg"}));
  const options = {clipboardData, bubbles: true, cancelable: true};
  document.body.dispatchEvent(new ClipboardEvent("paste", options));
}"""
#: A tab that others cover, or not.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
#: Minutes that a recording may have here, whatever the server says.
SHORTEN = """(minutes) => {
  const block = document.querySelector("#page-settings");
  const told = {...JSON.parse(block.textContent), max_audio_minutes: minutes};
  block.textContent = JSON.stringify(told);
}"""
SEGMENTS = """
from notes.models import Note
words = ["Preciso ligar", "para o encanador", "amanhã cedo"]
times = [(0, 3), (3, 6), (6, 9.1)]
segments = [dict(start=a, end=b, text=text) for (a, b), text in zip(times, words)]
Note.objects.filter(pk={id!r}).update(segments=segments)
"""


def sound(name: str, mark: str) -> FilePayload:
    """A voice note that no other is, with twelve hexadecimal digits of ``mark``."""
    return {"name": name, "mimeType": "audio/ogg", "buffer": marked(mark)[0]}


def choose(page: Page, *files: FilePayload) -> None:
    """Send ``files`` by the picker."""
    page.evaluate("document.querySelector('#upload').open = true")
    page.locator("#upload-file").set_input_files([*files])
    page.locator("#upload-form button").click()


@pytest.fixture
def one(opened: Callable[..., Open], site: Site, person: Person) -> Open:
    """A context on the page of somebody with two boxes and no notes."""
    site.provider.default_text = WORDS
    person.client.create_box("Casa", keywords=["encanador"])
    person.client.create_box("Trabalho", keywords=["reunião"])
    found = opened(person)
    found.page.goto("/")
    is_loaded(found.page)
    return found


@pytest.fixture
def written(one: Open, person: Person) -> Open:
    """The same with three notes in the Inbox: 2, 1, 0."""
    for number in range(3):
        person.client.wait(person.client.text(f"Uma ideia, a de número {number}")["id"])
    one.page.reload()
    is_loaded(one.page)
    expect(one.page.locator("#notes .note")).to_have_count(3)
    return one


def boxes_of(page: Page) -> list[str]:
    """The box of each row that is shown."""
    return page.locator("#notes .note:visible .note-box").all_text_contents()


def drag_to_box(page: Page, note: Locator, box: str) -> None:
    """Take ``note`` and let it fall on ``box``, which appears while it is dragged."""
    note.scroll_into_view_if_needed()
    note.locator(".note-facts").hover()
    page.mouse.down()
    # The first movements begin the drag.
    for step in (5, 10, 20):
        note.locator(".note-facts").hover(position={"x": 20 + step, "y": 5})
    target = page.locator("#targets .target", has_text=box)
    expect(target).to_be_visible()
    target.hover()
    target.hover(position={"x": 5, "y": 5})
    page.mouse.up()
    expect(page.locator("#targets")).to_have_count(0)


@pytest.mark.slow
def test_notes_are_dragged_marked_moved_deleted_and_brought_back(
    written: Open, person: Person
) -> None:
    page = written.page
    rows, undo = page.locator("#notes .note"), page.locator(".toast-action")
    drag_to_box(page, rows.nth(1), "Casa")
    expect(rows.nth(1).locator(".note-box")).to_have_text("Casa")
    undo.click()
    expect(rows.nth(1).locator(".note-box")).to_have_text("Entrada")

    # Several at once, as quick as a hand is: one bar for them all.
    for at in (0, 2):
        rows.nth(at).locator(".pick input").check()
    expect(page.locator("#several")).to_have_count(1)
    expect(page.locator("#several .several-count")).to_have_text("2 notas")
    page.locator("#several select").select_option(label="Trabalho")
    expect(rows.nth(2).locator(".note-box")).to_have_text("Trabalho")
    assert boxes_of(page) == ["Trabalho", "Entrada", "Trabalho"]
    expect(page.locator("#several")).to_have_count(0)
    undo.click()
    expect(rows.nth(2).locator(".note-box")).to_have_text("Entrada")
    assert boxes_of(page) == ["Entrada"] * 3

    # What is marked is dragged together.
    for at in (0, 1):
        rows.nth(at).locator(".pick input").check()
    drag_to_box(page, rows.nth(0), "Casa")
    expect(rows.nth(1).locator(".note-box")).to_have_text("Casa")
    assert boxes_of(page) == ["Casa", "Casa", "Entrada"]
    page.locator("#several button.danger").click()
    expect(page.locator("#notes .note:visible")).to_have_count(1)
    undo.click()
    expect(page.locator("#notes .note:visible")).to_have_count(3)
    assert [note["box"] and note["box"]["name"] for note in person.client.list()["results"]] == [
        "Casa", "Casa", None,
    ]  # fmt: skip
    # Letters do something unless they are turned off.
    page.locator("#notes .note-link").nth(2).focus()
    page.keyboard.press("x")
    expect(page.locator("#several .several-count")).to_have_text("1 nota")
    page.keyboard.press("x")
    expect(page.locator("#several")).to_have_count(0)
    page.keyboard.press("?")
    page.get_by_role("switch", name="Usar atalhos").uncheck()
    page.keyboard.press("Escape")
    page.locator("#notes .note-link").nth(2).focus()
    page.keyboard.press("x")
    expect(rows.nth(2).locator(".pick input")).not_to_be_checked()
    # And what nobody brings back is gone, without a reload.
    rows.nth(2).locator(".pick input").check()
    page.locator("#several button.danger").click()
    expect(rows).to_have_count(2)
    assert len(person.client.list()["results"]) == 2


@pytest.mark.slow
def test_a_recording_pauses_warns_of_silence_and_keeps_its_page(one: Open, person: Person) -> None:
    page = one.page
    button, pause = page.locator("#record-button"), page.locator("#record-pause")
    hint, timer = page.locator("#record-hint"), page.locator("#record-timer")
    expect(pause).to_be_hidden()
    button.click()
    has_recorded(page, 2)
    pause.click()
    expect(hint).to_have_text("Em pausa. Nada está sendo gravado.")
    stood = timer.text_content()
    page.wait_for_timeout(2500)
    expect(timer).to_have_text(str(stood))
    pause.click()
    expect(hint).to_have_text("Gravando. Fale à vontade.")
    # The microphone's recording ends, and then it hears nothing.
    expect(hint).to_have_text("Não ouvimos nada. O microfone está ligado?")

    # Whoever closes the page is asked, and the recording goes on.
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    expect(button).to_have_attribute("aria-pressed", "true")
    before = str(timer.text_content())
    expect(timer).not_to_have_text(before)
    assert asked == ["beforeunload"]
    button.click()
    note = page.locator("#notes .note")
    expect(note).to_have_attribute("data-status", "completed")
    shown = re.match(r"0:(\d\d)", before)
    assert shown
    [stored] = person.client.list()["results"]
    # What was paused is not in it.
    assert stored["duration_seconds"] < int(shown[1]) + 8
    # With nothing to lose the page closes without a word.
    page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


@pytest.mark.slow
def test_what_is_under_way_is_asked_for_less_and_less_and_not_when_nobody_looks(
    one: Open, site: Site, person: Person
) -> None:
    page = one.page
    site.provider.latency["transcriptions"] = 25
    asked: list[str] = []
    one.context.on("request", lambda request: asked.append(request.url))
    choose(page, sound("a.ogg", "aaaaaaaaaaaa"))
    note = page.locator("#notes .note")
    expect(note).to_have_attribute("data-status", "transcribing")

    def polls() -> int:
        page.wait_for_timeout(8000)
        count = sum(bool(re.search(r"/notes/[0-9a-f-]{36}$", url)) for url in asked)
        asked.clear()
        return count

    assert 1 <= polls() <= 9
    page.evaluate(HIDE, True)
    # One may be under way.
    assert polls() <= 1
    page.evaluate(HIDE, False)
    expect(note).to_have_attribute("data-status", "completed")
    asked.clear()
    assert polls() <= 1


@pytest.mark.slow
def test_files_come_many_at_once_and_by_pasting_and_can_be_called_back(
    one: Open, person: Person, tmp_path: Path
) -> None:
    page = one.page
    one.watch.expect("ERR_ABORTED|Failed to load resource")
    held: list[Route] = []
    one.context.route("**/api/v1/notes", lambda route: held.append(route), times=1)
    choose(page, sound("a.ogg", "aaaaaaaaaaaa"), sound("b.ogg", "bbbbbbbbbbbb"))
    queued = page.locator("#queue > li")
    expect(queued).to_have_count(2)
    expect(queued.first).to_contain_text("Enviando")
    until(page, "document.querySelectorAll('#queue > li').length === 2")
    # The first is called back while it is under way; asked whether they mean it, they do.
    queued.first.get_by_role("button", name="Cancelar").click()
    page.locator("dialog").get_by_role("button", name="Descartar").click()
    expect(queued.filter(has_text="a.ogg")).to_have_count(0)
    note = page.locator("#notes .note")
    expect(note).to_have_count(1)
    page.evaluate(PASTE, ["c.ogg", b64encode(sound("c.ogg", "cccccccccccc")["buffer"]).decode()])
    expect(note).to_have_count(2)
    expect(queued).to_have_count(0)
    for row in range(2):
        expect(note.nth(row)).to_have_attribute("data-status", "completed")
    # What is too long is told before it is sent, as far as the browser knows.
    page.evaluate(SHORTEN, 0.1)
    wave = as_wav(SAMPLE, tmp_path / "longa.wav").read_bytes()
    choose(page, {"name": "longa.wav", "mimeType": "audio/wav", "buffer": wave})
    expect(page.locator(".toast")).to_contain_text("“longa.wav” dura mais de")
    page.reload()
    is_loaded(page)
    expect(queued).to_have_count(0)
    assert len(person.client.list()["results"]) == 2
    assert len(held) == 1


def test_what_comes_and_goes_elsewhere_is_seen_when_the_page_is_looked_at(
    one: Open, person: Person
) -> None:
    page, rows = one.page, one.page.locator("#notes .note")

    def look_again() -> None:
        for hidden in (True, False):
            page.evaluate(HIDE, hidden)

    first = person.client.text("Primeira ideia")["id"]
    look_again()
    expect(rows).to_have_count(1)
    person.client.delete(first)
    second = person.client.text("Segunda ideia")["id"]
    look_again()
    expect(rows).to_have_count(1)
    expect(rows).to_have_attribute("data-id", second)
    person.client.delete(second)
    look_again()
    expect(rows).to_have_count(0)


def test_two_tabs_have_one_queue_and_send_each_file_once(
    one: Open, site: Site, person: Person
) -> None:
    first, second = one.page, one.context.new_page()
    second.goto("/")
    is_loaded(second)
    one.watch.expect("Failed to load resource")
    keys: list[str] = []
    one.context.on(
        "request",
        lambda asked: (
            keys.append(asked.headers["idempotency-key"])
            if "idempotency-key" in asked.headers
            else None
        ),
    )
    one.context.set_offline(True)
    choose(first, sound("a.ogg", "aaaaaaaaaaaa"), sound("b.ogg", "bbbbbbbbbbbb"))
    choose(second, sound("c.ogg", "cccccccccccc"))
    for tab in (first, second):
        expect(tab.locator("#queue > li")).to_have_count(3)
    expect(first.locator("#queue > li", has_text="Sem internet.")).to_have_count(3)
    keys.clear()
    one.context.set_offline(False)
    for tab in (first, second):
        expect(tab.locator("#queue > li")).to_have_count(0)
        expect(tab.locator("#notes .note")).to_have_count(3)
    assert len(keys) == len(set(keys)) == 3
    assert len(person.client.list()["results"]) == 3


def sign_in(page: Page, person: Person) -> None:
    page.goto("/login")
    page.locator("#username").fill(person.username)
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    is_loaded(page)
    expect(page.locator("#record-button")).to_be_visible()


def test_a_session_or_token_that_ended_in_another_tab_stops_no_file(
    one: Open, site: Site, person: Person
) -> None:
    one.watch.expect(r"status of 40[13]")
    page, other = one.page, one.context.new_page()
    notes, queued = page.locator("#notes .note"), page.locator("#queue > li")

    def cookies() -> dict[str, str]:
        found = one.context.cookies()
        return {str(cookie.get("name")): str(cookie.get("value")) for cookie in found}

    # Signed in anew elsewhere: the session and its token are others.
    before = cookies()
    one.context.clear_cookies(name="sessionid")
    sign_in(other, person)
    assert {name for name in before if before[name] != cookies()[name]} >= {
        "sessionid",
        "csrftoken",
    }
    choose(page, sound("a.ogg", "aaaaaaaaaaaa"))
    expect(notes).to_have_count(1)

    # The token has run out, and the browser has dropped it.
    one.context.clear_cookies(name="csrftoken")
    choose(page, sound("b.ogg", "bbbbbbbbbbbb"))
    expect(notes).to_have_count(2)
    assert "csrftoken" in cookies()

    # The session has run out: what is not sent waits for its owner, and then goes.
    one.context.clear_cookies(name="sessionid")
    choose(page, sound("c.ogg", "cccccccccccc"))
    expect(queued).to_contain_text("entre de novo, e continuamos.")
    sign_in(other, person)
    expect(queued).to_have_count(0)
    expect(notes).to_have_count(3)
    assert len(person.client.list()["results"]) == 3


@pytest.mark.slow
def test_the_words_follow_the_sound_and_lead_to_it(one: Open, site: Site, person: Person) -> None:
    note_id = person.client.upload(SAMPLE.read_bytes())["id"]
    person.client.wait(note_id, timeout=90)
    site.stack.manage("shell", "--no-imports", "-c", SEGMENTS.format(id=note_id))
    page = one.page
    page.goto(f"/notes/{note_id}")
    is_loaded(page)
    words = page.locator(".segment")
    expect(words).to_have_count(3)
    at = "document.querySelector('#player').currentTime"
    # A click goes there and plays; the words follow.
    words.nth(1).click()
    until(page, f"{at} > 3")
    expect(words.nth(1)).to_have_class(re.compile("current"))
    page.locator("#speed").select_option("2")
    expect(words.nth(2)).to_have_class(re.compile("current"))
    expect(words.nth(1)).not_to_have_class(re.compile("current"))
    page.evaluate("document.querySelector('#player').pause()")
    # On the waveform too, and by steps.
    page.locator("#waveform input").click(position={"x": 3, "y": 10})
    until(page, f"{at} < 3")
    page.evaluate("document.querySelector('#player').pause()")
    page.get_by_role("button", name=re.compile("5 s para a frente")).last.click()
    until(page, f"{at} >= 5")
    stopped = float(page.evaluate(at))
    # Speed and place are kept.
    page.reload()
    is_loaded(page)
    expect(page.locator("#speed")).to_have_value("2")
    page.evaluate("document.querySelector('#player').load()")
    until(page, f"Math.abs({at} - {stopped}) < 1")
    assert page.evaluate("document.querySelector('#player').playbackRate") == 2


def test_the_container_is_what_the_browser_writes_and_is_named_truly(one: Open) -> None:
    named = one.page.evaluate(
        """async (cases) => {
          const main = document.querySelector("script[type=module]").src;
          const { container, nameOf } = await import(new URL("recorder.js", main).href);
          return cases.map((known) => {
            const type = container((asked) => known.includes(asked));
            return [type, nameOf(type, new Date(0))];
          });
        }""",
        [
            ["audio/mp4", "audio/webm;codecs=opus", "audio/ogg;codecs=opus"],
            ["audio/mp4", "audio/ogg;codecs=opus"],
            ["audio/mp4"],
            [],
        ],
    )
    assert json.dumps(named) == json.dumps(
        [
            ["audio/webm;codecs=opus", "1970-01-01-00-00-00.webm"],
            ["audio/ogg;codecs=opus", "1970-01-01-00-00-00.ogg"],
            ["audio/mp4", "1970-01-01-00-00-00.m4a"],
            ["", "1970-01-01-00-00-00.audio"],
        ]
    )
