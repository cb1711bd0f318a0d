"""What goes to Sentry or GlitchTip: where something went wrong, never what somebody said."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from notes.api import notes
from project.sentry import options, start_sentry

CANARY = "encanador-veio-as-nove"


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    @property
    def text(self) -> str:
        return "".join(envelope.serialize().decode() for envelope in self.envelopes)

    @property
    def events(self) -> list[Any]:
        found = (envelope.get_event() for envelope in self.envelopes)
        return [json.loads(json.dumps(event, default=str)) for event in found if event]


@pytest.fixture
def sent() -> Iterator[Kept]:
    kept = Kept()
    start_sentry("https://key@sentry.invalid/1", transport=kept)
    yield kept
    sentry_sdk.init(default_integrations=False)


def test_nothing_personal_is_asked_for() -> None:
    asked = options()
    assert "send_default_pii" not in asked
    assert asked["max_request_body_size"] == "never"
    assert asked["include_local_variables"] is False
    assert asked["max_breadcrumbs"] == 0


def test_nobody_else_is_told_which_request_they_serve(sent: Kept) -> None:
    told = subprocess.run(["/usr/bin/env"], env={}, capture_output=True, text=True, check=True)
    assert told.stdout == ""


def test_an_error_that_is_logged_tells_its_place_and_not_its_words(sent: Kept) -> None:
    words = f"{CANARY} local"
    try:
        raise ValueError(words)
    except ValueError as error:
        logging.getLogger("notes.pipeline").error("note 7: unexpected %s", type(error).__name__)
    (event,) = sent.events
    told = event["exception"]["values"][0]
    assert (told["type"], told["value"]) == ("ValueError", "")
    assert told["stacktrace"]["frames"][-1]["function"].startswith("test_an_error")
    assert CANARY not in json.dumps({**event, "exception": [told["type"]]})
    assert "vars" not in json.dumps(event)


@pytest.mark.django_db(transaction=True)
def test_a_request_that_fails_tells_no_query_token_or_text(
    api: Client, sent: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(CANARY.upper())

    monkeypatch.setattr(notes, "found_page", fail)
    asked = RequestFactory().get(
        "/api/v1/notes",
        {"search": CANARY},
        headers={"X-Other": CANARY, "Authorization": api.defaults["HTTP_AUTHORIZATION"]},
    )
    said: list[str] = []

    def start(status: str, *_: Any) -> Any:
        said.append(status)

    # As gunicorn calls it: Django's test client goes past what the SDK watches.
    answer = WSGIHandler()(asked.environ, start)
    answer.close()
    assert said == ["500 Internal Server Error"]
    (event,) = sent.events
    assert event["request"] == {"method": "GET", "url": "http://testserver/api/v1/notes"}
    assert CANARY not in sent.text
    assert CANARY.upper() not in sent.text
    assert api.defaults["HTTP_AUTHORIZATION"].split()[1] not in sent.text
    assert "alice" not in sent.text
