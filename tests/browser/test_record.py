"""Press, talk, stop: the note appears, goes its way without a reload, and ends in its box."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from notes.audio.order import Order
from notes.transcribers.local import LocalTranscriber
from tests.audio_run import decide
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.site import Person, Site
from tests.browser.watching import until
from tests.conftest import SAMPLE
from tests.services import this_run
from tests.test_local_transcriber import listen, plain

WORDS = SAMPLE.with_suffix(".txt").read_text().strip()
#: Tells each state that the first row goes through, without looking all the time.
NOTE_STATES = """
window.__states = [];
new MutationObserver(() => {
  const row = document.querySelector("#notes .note");
  const now = row?.dataset.status;
  if (now && window.__states.at(-1) !== now) window.__states.push(now);
}).observe(document, {subtree: true, childList: true, attributes: true});
"""


def record(page: Page, seconds: int = 6) -> None:
    """Press, wait until the timer says ``seconds``, and press again."""
    button = page.locator("#record-button")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    has_recorded(page, seconds)
    button.click()


def has_recorded(page: Page, seconds: int) -> None:
    """Back when the timer says so much or more: a busy machine may miss any one second."""
    timer = "document.querySelector('#record-timer').textContent.split(':')"
    until(page, f"{timer}.reduce((all, part) => all * 60 + Number(part), 0) >= {seconds}")


def is_loaded(page: Page) -> None:
    """Back when the page's scripts run."""
    expect(page.locator("html[data-ready]")).to_be_attached()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_press_talk_stop_and_the_note_ends_in_its_box_without_a_reload(
    signed_in: Callable[..., Page], site: Site, person: Person, viewport: tuple[int, int]
) -> None:
    site.provider.default_text = WORDS
    site.provider.latency["transcriptions"] = 1.5
    person.client.create_box("Casa", keywords=["encanador"])
    person.client.create_box("Trabalho", keywords=["reunião"])
    page = signed_in(viewport=viewport)
    page.goto("/")
    is_loaded(page)
    page.evaluate("window.__here = true")
    page.evaluate(NOTE_STATES)
    record(page)
    note = page.locator("#notes .note")
    expect(note).to_have_attribute("data-status", "completed")
    expect(note.locator(".note-snippet")).to_have_text(WORDS)
    expect(note.locator(".note-box")).to_have_text("Casa")
    expect(page.locator("#queue > li")).to_have_count(0)
    assert page.evaluate("window.__here"), "the page was loaded again"
    states = page.evaluate("window.__states")
    assert states[-1] == "completed"
    assert {"pending", "transcribing"} & set(states)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    [asked] = site.provider.requests("transcriptions")
    [listed] = person.client.list()["results"]
    assert 5 < listed["duration_seconds"] < 30
    assert listed["speech_share"] > 0.2
    assert asked.status == 200

    # And it is there to be read and heard.
    note.locator(".note-link").click()
    expect(page).to_have_url(re.compile(listed["id"]))
    expect(page.locator("#transcript")).to_have_text(WORDS)
    expect(page.locator("#waveform canvas")).to_be_visible()
    page.locator("#waveform input").click()
    until(page, "document.querySelector('#player').currentTime > 1")


@pytest.mark.slow
def test_what_is_stored_holds_the_words_that_the_microphone_heard(
    signed_in: Callable[..., Page], person: Person, tmp_path: Path
) -> None:
    page = signed_in()
    page.goto("/")
    is_loaded(page)
    record(page)
    expect(page.locator("#notes .note")).to_have_attribute("data-status", "completed")
    [note] = person.client.list()["results"]
    stored = tmp_path / "stored"
    stored.write_bytes(person.client.audio(note["id"]))
    (part,) = decide(stored, Order(copy="pcm")).parts
    whisper = LocalTranscriber("", this_run().new_directory("models"))
    heard = plain(listen(whisper, part.data, "pt").text)
    assert "encanador amanhã cedo" in heard, heard
