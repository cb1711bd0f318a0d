"""Whatever happens between the microphone and the server: one recording is one note."""

from __future__ import annotations

import os
import signal
from base64 import b64encode
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, Response, Route, expect

from tests.browser.conftest import Open
from tests.browser.site import Person, Site
from tests.browser.test_record import WORDS, has_recorded, is_loaded, record
from tests.browser.watching import until
from tests.conftest import SAMPLE
from tests.services import wait_for

FAILS = r"Failed to load resource"


def assert_one_note(page: Page, site: Site, person: Person) -> None:
    """The one note ends; it was transcribed once, and the outbox is empty."""
    expect(page.locator("#notes .note")).to_have_attribute("data-status", "completed")
    expect(page.locator("#queue > li")).to_have_count(0)
    assert len(person.client.list()["results"]) == 1
    assert len(site.provider.requests("transcriptions")) == 1


@pytest.fixture
def one(opened: Callable[..., Open], site: Site, person: Person) -> Open:
    """A context on the page of somebody without notes."""
    site.provider.default_text = WORDS
    found = opened(person)
    found.page.goto("/")
    is_loaded(found.page)
    return found


@pytest.mark.parametrize(
    "seconds", [3, pytest.param(20, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_the_network_is_cut_while_sending_and_comes_back(
    one: Open, site: Site, person: Person, seconds: int
) -> None:
    one.watch.expect(FAILS)
    cut: list[str] = []

    def take_but_lose_the_answer(route: Route) -> None:
        """The server has it all; the network ends before its answer is here."""
        if not cut:
            cut.append(route.request.headers["idempotency-key"])
            route.fetch()
            one.context.set_offline(True)
        route.abort("connectionfailed")

    one.context.route("**/api/v1/notes", take_but_lose_the_answer, times=1)
    record(one.page, 2)
    queued = one.page.locator("#queue > li")
    expect(queued).to_contain_text("Neste aparelho. Sem internet.")
    one.page.wait_for_timeout(seconds * 1000)
    expect(queued).to_have_count(1)
    with one.page.expect_response("**/api/v1/notes") as answer:
        one.context.set_offline(False)
    assert answer.value.headers["idempotent-replayed"] == "true"
    assert answer.value.request.headers["idempotency-key"] == cut[0]
    assert_one_note(one.page, site, person)


def test_a_tab_that_is_killed_while_recording_leaves_its_recording_behind(
    one: Open, site: Site, person: Person
) -> None:
    one.page.locator("#record-button").click()
    has_recorded(one.page, 3)
    kill_renderer(one)
    page = one.context.new_page()
    page.goto("/")
    is_loaded(page)
    offer = page.locator("#queue > li")
    expect(offer).to_contain_text("Esta gravação foi interrompida")
    assert site.provider.requests("transcriptions") == []
    offer.get_by_role("button", name="Enviar").click()
    assert_one_note(page, site, person)
    assert person.client.list()["results"][0]["duration_seconds"] > 1


def kill_renderer(one: Open) -> None:
    """End the tab's process as the system does when memory is short: nothing of it runs again."""
    browser = one.context.browser
    assert browser
    crashed: list[Page] = []
    one.page.once("crash", lambda page: crashed.append(page))
    running = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    for process in running:
        if process["type"] == "renderer":
            os.kill(process["id"], signal.SIGKILL)
    # A question to the browser lets its events in.
    wait_for(lambda: one.context.cookies() and crashed, 20, "the tab lives")


def test_a_csrf_token_that_is_no_longer_good_does_not_stop_a_recording(
    one: Open, site: Site, person: Person
) -> None:
    one.watch.expect(r"403 \(Forbidden\)")
    # As after signing in again elsewhere: the page and its cookie are of another session.
    one.context.add_cookies([{"name": "csrftoken", "value": "x" * 32, "url": site.url}])
    record(one.page, 2)
    assert_one_note(one.page, site, person)


def test_a_server_that_is_busy_for_a_while_gets_it_in_the_end(
    one: Open, site: Site, person: Person
) -> None:
    one.watch.expect("503")
    keys: list[str] = []

    def busy(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=503, headers={"Retry-After": "1"}, body="<h1>upstream</h1>")

    taken: list[str] = []

    def on_response(answer: Response) -> None:
        if answer.status == 202:
            taken.append(answer.request.headers["idempotency-key"])

    one.page.on("response", on_response)
    one.context.route("**/api/v1/notes", busy, times=2)
    record(one.page, 2)
    expect(one.page.locator("#queue > li")).to_contain_text("O servidor está ocupado.")
    assert_one_note(one.page, site, person)
    wait_for(lambda: one.context.cookies() and taken, 20, "the note was not told")
    assert [*keys, *taken] == [keys[0]] * 3


def test_what_the_server_refuses_is_kept_and_can_be_saved_as_a_file(
    one: Open, site: Site, person: Person
) -> None:
    one.watch.expect("415")
    words = b"this is no sound at all" * 50
    one.page.locator("#upload > summary").click()
    file: FilePayload = {"name": "carta.ogg", "mimeType": "audio/ogg", "buffer": words}
    one.page.locator("#upload-file").set_input_files([file])
    one.page.locator("#upload-form button").click()
    kept = one.page.locator("#queue > li")
    expect(kept).to_contain_text("Não foi aceita:")
    one.page.reload()
    is_loaded(one.page)
    expect(kept).to_contain_text("Não foi aceita:")
    with one.page.expect_download() as saved:
        kept.get_by_role("button", name="Baixar").click()
    assert saved.value.suggested_filename == "carta.ogg"
    assert saved.value.path().read_bytes() == words
    assert person.client.list()["results"] == []


def test_offline_the_page_opens_lists_what_it_knows_and_records(
    one: Open, site: Site, person: Person
) -> None:
    one.watch.expect(r"Failed to load resource|ERR_INTERNET_DISCONNECTED")
    person.client.text("Levar o carro ao mecânico", idempotency_key="offline-1")
    one.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    one.page.reload()
    is_loaded(one.page)
    expect(one.page.locator("#notes .note")).to_have_count(1)
    until(
        one.page,
        """async () => {
          const open = indexedDB.open("bau-seen");
          await new Promise((done) => (open.onsuccess = done));
          const notes = open.result.transaction("seen").objectStore("seen").get("notes");
          await new Promise((done) => (notes.onsuccess = done));
          open.result.close();
          return notes.result?.length === 1 && !!(await caches.match("/offline"));
        }""",
    )
    one.context.set_offline(True)
    one.page.goto("/")
    is_loaded(one.page)
    expect(one.page.get_by_role("heading", name="Sem internet")).to_be_visible()
    expect(one.page.locator("#notes .note")).to_contain_text("Levar o carro ao mecânico")
    record(one.page, 2)
    expect(one.page.locator("#queue > li")).to_contain_text("Neste aparelho.")
    one.context.set_offline(False)
    expect(one.page.locator("#notes .note")).to_have_count(2)
    assert len(person.client.list()["results"]) == 2


def test_an_answer_that_comes_after_sign_out_is_not_kept(one: Open, person: Person) -> None:
    left = one.page.evaluate(
        """async () => {
          const main = document.querySelector("script[type=module]").src;
          const { forget, seen } = await import(new URL("store.js", main).href);
          await seen.set("before", 1);
          const had = (await seen.keys()).includes("before");
          const leaving = forget();
          await seen.set("late", 2);
          await leaving;
          await seen.set("later", 3);
          return [had, (await seen.keys()).length];
        }"""
    )
    assert left == [True, 0]


def test_sign_out_leaves_nothing_that_was_read_on_the_device(one: Open, person: Person) -> None:
    one.page.get_by_role("button", name="Sair").click()
    one.page.wait_for_url("**/login")
    left = one.page.evaluate(
        """async () => {
          const open = indexedDB.open("bau-seen");
          await new Promise((done) => (open.onsuccess = done));
          const all = open.result.transaction("seen").objectStore("seen").getAll();
          await new Promise((done) => (all.onsuccess = done));
          return [all.result.length, localStorage.getItem("bau-user")];
        }"""
    )
    assert left == [0, None]


def test_a_file_is_dropped_anywhere_and_what_is_no_sound_is_told_at_once(
    one: Open, site: Site, person: Person
) -> None:
    one.page.evaluate(
        """(sound) => {
          const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0));
          const dropped = new DataTransfer();
          dropped.items.add(new File([bytes], "recado.ogg", {type: "audio/ogg"}));
          dropped.items.add(new File(["x"], "conta.pdf", {type: "application/pdf"}));
          for (const type of ["dragenter", "drop"])
            document.body.dispatchEvent(
              new DragEvent(type, {dataTransfer: dropped, bubbles: true, cancelable: true}));
        }""",
        b64encode(SAMPLE.read_bytes()).decode(),
    )
    expect(one.page.locator(".toast")).to_contain_text("“conta.pdf” não é áudio.")
    assert_one_note(one.page, site, person)
