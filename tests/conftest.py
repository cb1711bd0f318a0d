"""The cast: Alice owns, Bob must see nothing of hers, and the vendor is a fake over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from notes import limits, openai_client
from notes.broker import bell, broker
from notes.models import ApiToken, Box, Note
from notes.traffic import Traffic
from tests.fakes.provider import FakeProvider
from tests.services import this_run, wait_for

pytest_plugins = ["tests.services.fixtures"]

#: An id that nothing has.
ABSENT = "00000000-0000-4000-8000-000000000000"
SAMPLE = Path(__file__).parent.parent / "samples" / "encanador.ogg"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite's test database is a file: in memory it has neither WAL nor locks."""
    if connection.vendor == "sqlite":
        file = this_run().new_directory("db") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(autouse=True)
def fresh_bell() -> None:
    """Empty queues, and a bell that no earlier test has silenced."""
    bell._quiet_until = 0.0
    broker().client.flushall()


@pytest.fixture(autouse=True)
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process counts no traffic behind a test's back, which the next one would find."""
    monkeypatch.setattr(Traffic, "_start", lambda self: None)


@pytest.fixture(autouse=True)
def fresh_minute() -> None:
    """No requests of earlier tests are counted: users of all tests share a few ids."""
    limits.requests.clear()


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob")


def client_of(user: User) -> Client:
    """A client with a bearer token of ``user``."""
    _, secret = ApiToken.issue(user.pk, name="tests")
    return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def api(alice: User) -> Client:
    return client_of(alice)


@pytest.fixture
def api_of_bob(bob: User) -> Client:
    return client_of(bob)


@pytest.fixture
def home(alice: User) -> Box:
    return Box.objects.create(owner=alice, name="Casa", keywords=["encanador", "pia"])


@pytest.fixture
def work(alice: User) -> Box:
    return Box.objects.create(owner=alice, name="Trabalho", keywords=["reunião", "cliente"])


@pytest.fixture
def sample() -> bytes:
    """A real voice note of nine seconds."""
    return SAMPLE.read_bytes()


@pytest.fixture
def new_note(alice: User) -> Callable[..., Note]:
    """Makes notes of Alice; with audio (never read) unless a transcript is given.

    No two of one millisecond: SQLite's clock has no more, and lists go by it.
    """

    def make(**columns: Any) -> Note:
        if "transcript" not in columns:
            columns = {"audio_key": "audio/2026-01-01/x", "audio_format": "ogg", **columns}
        note = Note.receive(owner_id=alice.pk, **columns)
        if connection.vendor == "sqlite":
            made = milliseconds()
            wait_for(lambda: milliseconds() > made, 1, "the clock stands still")
        return note

    return make


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def provider(settings: Any) -> Iterator[FakeProvider]:
    """A fake vendor, and settings that point to it: transcription and classification by model."""
    with FakeProvider() as fake:
        settings.OPENAI_API_KEY = "sk-test"
        settings.OPENAI_BASE_URL = fake.url
        settings.TRANSCRIBER = "openai"
        settings.CLASSIFIER = "llm"
        openai_client.get_client.cache_clear()
        yield fake
        openai_client.get_client.cache_clear()
