"""What a phone shares is taken by the service worker, and sent when the person says so."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.site import Person, Site
from tests.browser.test_record import WORDS, is_loaded
from tests.conftest import SAMPLE

#: Posts a file to /share of ``site`` as a form does: the browser goes there with it.
POST = """([site, sound]) => {
  const form = document.createElement("form");
  Object.assign(form, {method: "post", enctype: "multipart/form-data", action: site + "/share"});
  const input = Object.assign(document.createElement("input"), {type: "file", name: "audio"});
  const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], "PTT-20260101-WA0001.opus", {type: "audio/ogg"}));
  input.files = held.files;
  form.append(input);
  document.body.append(form);
  form.submit();
}"""
SOUND = b64encode(SAMPLE.read_bytes()).decode()


def with_worker(one: Open) -> Page:
    """The page, once its service worker governs it."""
    one.page.goto("/")
    is_loaded(one.page)
    one.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return one.page


def test_a_shared_file_is_offered_and_ends_as_a_note(
    opened: Callable[..., Open], site: Site, person: Person
) -> None:
    site.provider.default_text = WORDS
    page = with_worker(opened(person))
    page.evaluate(POST, ["", SOUND])
    page.wait_for_url(re.compile("/$"))
    is_loaded(page)
    shared = page.locator("#queue > li")
    expect(shared).to_contain_text("PTT-20260101-WA0001.opus")
    shared.get_by_role("button", name="Enviar").click()
    note = page.locator("#notes .note")
    expect(note).to_have_attribute("data-status", "completed")
    [listed] = person.client.list()["results"]
    assert (listed["source"], listed["transcript"]) == ("forwarded", WORDS)


def test_a_form_of_another_site_creates_nothing(
    opened: Callable[..., Open], site: Site, person: Person
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        Thread(target=elsewhere.serve_forever, daemon=True).start()
        # Another name is another site, for cookies too.
        foreign = f"http://localhost:{elsewhere.server_port}/"
        for worker in (False, True):
            one = opened(person)
            page = with_worker(one) if worker else one.page
            page.goto(foreign)
            page.evaluate(POST, [site.url, SOUND])
            page.wait_for_url(lambda url: url.startswith(site.url))
            if worker:
                is_loaded(page)
                expect(page.locator("#queue > li")).to_contain_text("Você compartilhou este áudio")
            one.context.close()
        elsewhere.shutdown()
    assert person.client.list()["results"] == []
    assert site.provider.requests("transcriptions") == []


class Elsewhere(BaseHTTPRequestHandler):
    """A page of somebody else's."""

    def do_GET(self) -> None:
        body = b"<!doctype html><link rel=icon href='data:,'><title>Elsewhere</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
