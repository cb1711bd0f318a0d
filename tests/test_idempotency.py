"""Idempotency-Key: one note, whatever is sent again, fails half way or comes twice at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notes.models import Box, IdempotencyKey, Note
from notes.storage import StorageUnavailable, store_audio
from tests.marks import marked
from tests.test_upload import OGG, STORE, refused, upload, write

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin is not waited for."""
    monkeypatch.setattr("notes.models.idempotency.PATIENCE", 0.0)


@pytest.fixture
def in_steps(settings: Any) -> None:
    """No upload is small enough to be taken in at once (notes.models.admission)."""
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0


def age(seconds: float) -> None:
    """Make all keys older."""
    assert IdempotencyKey.objects.update(reserved_at=Now() - timedelta(seconds=seconds))


def replayed(response: Any) -> bool:
    assert response.status_code == 202, response.content
    return bool(response.headers.get("Idempotent-Replayed") == "true")


# --- Sent again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("send", [upload, write])
def test_the_same_key_and_content_give_the_same_note(api: Client, send: Callable[..., Any]) -> None:
    first, again = send(api, key="k1"), send(api, key="k1")
    assert not replayed(first)
    assert replayed(again)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert Note.objects.count() == 1


def test_the_files_name_is_no_content(api: Client) -> None:
    upload(api, key="k1")
    assert replayed(upload(api, name="other.bin", kind="audio/x-other", key="k1"))


@pytest.mark.parametrize(
    "other",
    [{"audio": OGG + b"more"}, {"language": "en"}, {"source": "forwarded"}, {"box": "home"}],
)
def test_the_same_key_with_other_content_is_refused(
    api: Client, home: Box, other: dict[str, Any]
) -> None:
    upload(api, key="k1")
    if "box" in other:
        other = {"box": str(home.pk)}
    assert refused(upload(api, key="k1", **other), 422, "idempotency_mismatch")
    assert refused(write(api, key="k1"), 422, "idempotency_mismatch")
    assert Note.objects.count() == 1


def test_another_text_is_other_content(api: Client) -> None:
    write(api, "Comprar pão", key="k1")
    assert refused(write(api, "Comprar leite", key="k1"), 422, "idempotency_mismatch")


def test_two_users_may_use_the_same_key(api: Client, api_of_bob: Client) -> None:
    assert upload(api, key="k1").json()["id"] != upload(api_of_bob, key="k1").json()["id"]


def test_without_a_key_each_recording_is_a_note(api: Client) -> None:
    assert upload(api).json()["id"] != upload(api, OGG + b"more").json()["id"]
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("key", ["", "k" * 256, "a\x00b"])
def test_a_key_must_be_short_text(api: Client, key: str) -> None:
    assert refused(upload(api, key=key), 422, "invalid_request")
    assert upload(api, key="k" * 255).status_code == 202


# --- How long it is remembered -------------------------------------------------------------------


def test_a_key_is_remembered_for_a_day(api: Client) -> None:
    first = upload(api, key="k1").json()["id"]
    age(24 * 3600 - 60)
    assert upload(api, key="k1").json()["id"] == first
    age(24 * 3600 + 60)
    assert not replayed(upload(api, OGG + b"more", key="k1"))
    assert Note.objects.count() == 2


def test_a_duty_removes_what_is_older(api: Client) -> None:
    upload(api, key="old")
    age(24 * 3600 + 60)
    upload(api, OGG + b"more", key="young")
    assert IdempotencyKey.forget_the_old() == 1
    assert IdempotencyKey.objects.get().key == "young"
    assert Note.objects.count() == 2


def test_a_deleted_note_frees_its_key(api: Client) -> None:
    first = upload(api, key="k1").json()["id"]
    api.delete(f"/api/v1/notes/{first}")
    assert upload(api, key="k1").json()["id"] != first


def test_keys_go_with_their_user(api: Client, alice: User) -> None:
    upload(api, key="k1")
    IdempotencyKey.objects.create(owner=alice, key="k2", note_id=uuid.uuid4())
    alice.delete()
    assert not IdempotencyKey.objects.exists()


# --- While the first is in flight ----------------------------------------------------------------


def test_a_twin_of_an_upload_in_flight_is_told_to_wait(
    api: Client, monkeypatch: pytest.MonkeyPatch, no_patience: None, in_steps: None
) -> None:
    answers: list[Any] = []

    def slow_store(key: str, content: Any) -> None:
        answers.append(upload(api, key="k1"))
        answers.append(upload(api, OGG + b"more", key="k1"))
        store_audio(key, content)

    monkeypatch.setattr(STORE, slow_store)
    assert not replayed(upload(api, key="k1"))
    assert refused(answers[0], 409, "idempotency_in_flight")
    assert int(answers[0].headers["Retry-After"]) >= 1
    assert refused(answers[1], 422, "idempotency_mismatch")
    assert replayed(upload(api, key="k1"))
    assert Note.objects.count() == 1


def test_a_twin_waits_a_little_for_the_first(
    api: Client, monkeypatch: pytest.MonkeyPatch, alice: User
) -> None:
    first = upload(api, key="k1").json()["id"]
    note = Note.objects.filter(pk=first)
    columns = note.values().get()
    Note.objects.filter(pk=first).delete()
    content = "f" * 64
    IdempotencyKey.objects.create(owner=alice, key="k2", note_id=first, fingerprint=content)

    def arrive(_: float) -> None:
        Note.objects.create(**columns)

    monkeypatch.setattr("notes.models.idempotency.time.sleep", arrive)
    found = IdempotencyKey.reserve(alice.pk, "k2", content)
    assert isinstance(found, Note)
    assert str(found.pk) == first


# --- What fails or dies --------------------------------------------------------------------------


def test_a_storage_that_fails_frees_the_key(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(STORE, fail)
        assert refused(upload(api, key="k1"), 503, "storage_unavailable")
    assert not IdempotencyKey.objects.exists()
    assert not replayed(upload(api, OGG + b"more", key="k1"))


def test_what_is_safe_is_found_though_the_storage_fails(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = upload(api, key="k1")

    def fail(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(STORE, fail)
    again = upload(api, key="k1")
    assert replayed(again)
    assert again.json()["id"] == first.json()["id"]
    assert upload(api, key="k2").json()["id"] == first.json()["id"]
    assert refused(upload(api, OGG + b"more", key="k1"), 422, "idempotency_mismatch")
    assert refused(upload(api, OGG + b"more", key="k3"), 503, "storage_unavailable")


def test_what_is_refused_leaves_no_key(api: Client, settings: Any) -> None:
    assert refused(upload(api, b"no audio", key="k1"), 415, "not_audio")
    assert refused(upload(api, b"", key="k1"), 422, "empty_file")
    assert refused(upload(api, key="k1", box=str(uuid.uuid4())), 422, "unknown_box")
    assert refused(write(api, key="k1", box=str(uuid.uuid4())), 422, "unknown_box")
    settings.MAX_UPLOAD_MB = 0
    assert refused(upload(api, key="k1"), 413, "file_too_large")
    assert not IdempotencyKey.objects.exists()


def test_a_key_that_cannot_be_freed_expires(
    api: Client,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    no_patience: None,
    in_steps: None,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(Note, "receive", fail)
        broken.setattr("django.db.models.query.QuerySet.delete", fail)
        assert refused(upload(api, key="k1"), 503, "database_unavailable")
    assert refused(upload(api, key="k1"), 409, "idempotency_in_flight")
    age(settings.UPLOAD_RESERVATION_SECONDS - 5)
    assert refused(upload(api, key="k1"), 409, "idempotency_in_flight")
    age(settings.UPLOAD_RESERVATION_SECONDS + 1)
    assert refused(upload(api, OGG + b"more", key="k1"), 422, "idempotency_mismatch")
    assert not replayed(upload(api, key="k1"))
    assert replayed(upload(api, key="k1"))


@pytest.mark.django_db(transaction=True)
def test_one_that_was_only_slow_finds_the_note_made(
    api: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, in_steps: None
) -> None:
    """Its place was taken, and its own object goes again."""
    stored: list[str] = []

    def slow_store(key: str, content: Any) -> None:
        monkeypatch.setattr(STORE, store_audio)
        store_audio(key, content)
        age(settings.UPLOAD_RESERVATION_SECONDS + 1)
        content.seek(0)
        second = upload(api, key="k1")
        assert not replayed(second)
        stored.extend((key, second.json()["id"]))

    monkeypatch.setattr(STORE, slow_store)
    response = upload(api, key="k1")
    assert replayed(response)
    assert response.json()["id"] == stored[1]
    note = Note.objects.get()
    assert default_storage.exists(note.audio_key)
    assert not default_storage.exists(stored[0])
    assert replayed(upload(api, key="k1"))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite goes step by step")
def test_one_that_was_slow_to_store_finds_the_note_of_its_twin(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken in at once: the first to come to the database is the first."""
    stored: list[str] = []

    def slow_store(key: str, content: Any) -> None:
        monkeypatch.setattr(STORE, store_audio)
        first = upload(api, key="k1")
        assert not replayed(first)
        stored.append(first.json()["id"])
        stored.append(key)
        store_audio(key, content)

    monkeypatch.setattr(STORE, slow_store)
    response = upload(api, key="k1")
    assert replayed(response)
    assert response.json()["id"] == stored[0]
    assert default_storage.exists(Note.objects.get().audio_key)
    assert not default_storage.exists(stored[1])


# --- What it costs -------------------------------------------------------------------------------


#: Of an upload with a key: a token is looked up, and that is all but one.
AT_ONCE = 2 if connection.vendor == "postgresql" else 5


@pytest.mark.parametrize(("key", "most"), [(None, 4), ("k1", AT_ONCE)])
@pytest.mark.django_db(transaction=True)
def test_an_upload_costs_few_statements(
    api: Client, key: str | None, most: int, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(api, audio=marked()[0])  # from the second of a day on
    with CaptureQueriesContext(connection) as asked:
        assert upload(api, key=key and f"{key} b", audio=marked()[0]).status_code == 202
    with capsys.disabled():
        print(f"\nSQL statements of an upload {'with' if key else 'without'} key: {len(asked)}")
    assert len(asked) <= most, [query["sql"] for query in asked]
