"""Audio in a folder and in a bucket: stored, read, sent with Range, deleted, swept."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import StreamingHttpResponse
from django.test import Client

from notes import duties, pipeline
from notes.duties import delete_orphans
from notes.models import Note
from notes.storage import (
    AudioMissing,
    StorageUnavailable,
    delete_audio,
    new_key,
    objects_of,
    read_audio,
    store_audio,
)
from project.storages import folder_storage, s3_storage
from tests.fakes.provider import FakeProvider
from tests.services import free_port
from tests.services.s3 import S3

pytestmark = pytest.mark.django_db(transaction=True)

#: An upload that the storage fails must be answered while somebody still waits for it.
PATIENCE = 15.0


def use(settings: Any, storage: dict[str, Any], bucket: str = "") -> None:
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    settings.S3_BUCKET = bucket


def use_s3(settings: Any, s3: S3, **changes: str) -> None:
    options = {
        "bucket": s3.bucket,
        "endpoint_url": s3.endpoint_url,
        "region": s3.region,
        "access_key": s3.access_key_id,
        "secret_key": s3.secret_access_key,
        **changes,
    }
    use(settings, s3_storage(**options), s3.bucket)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty folder that audio is kept in."""
    root = tmp_path / "media"
    settings.MEDIA_ROOT = str(root)
    use(settings, folder_storage(str(root)))
    return root


@pytest.fixture
def bucket(settings: Any, s3: S3) -> S3:
    """A bucket that audio is kept in."""
    use_s3(settings, s3)
    return s3


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest) -> Any:
    """Either of them."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def upload(api: Client, sample: bytes) -> Callable[..., Any]:
    """Sends a voice note of Alice."""

    def send(name: str = "voice.ogg") -> Any:
        return api.post("/api/v1/notes", {"audio": SimpleUploadedFile(name, sample)})

    return send


@pytest.fixture
def note(storage: Any, upload: Callable[..., Any]) -> Note:
    """A note of Alice whose audio is stored."""
    return Note.objects.get(pk=upload().json()["id"])


def audio(client: Client, note: Note, **headers: str) -> Any:
    return client.get(f"/api/v1/notes/{note.pk}/audio", headers=headers)


def content(response: Any) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue()


# --- In and out ------------------------------------------------------------------------------


def test_what_is_stored_is_read_and_gone_when_deleted(storage: Any) -> None:
    key = new_key()
    store_audio(key, BytesIO(b"voice"))
    assert read_audio(key) == b"voice"
    assert key in list(objects_of(f"{datetime.now(UTC):%Y-%m-%d}"))

    delete_audio(key)
    delete_audio(key)
    with pytest.raises(AudioMissing):
        read_audio(key)
    assert key not in list(objects_of(f"{datetime.now(UTC):%Y-%m-%d}"))


def test_a_long_recording_comes_back_as_it_was(storage: Any) -> None:
    # More than one part of a multipart upload.
    key, long = new_key(), os.urandom(20 * 1024 * 1024)
    store_audio(key, BytesIO(long))
    assert read_audio(key) == long
    delete_audio(key)


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "..\\..\\x.ogg", "segredo da Alice.ogg", "ñ\u202egpj.ogg"]
)
def test_no_word_of_the_uploader_is_in_the_objects_name(
    storage: Any, upload: Callable[..., Any], name: str
) -> None:
    response = upload(name)
    assert response.status_code == 202
    note = Note.objects.get(pk=response.json()["id"])
    day, _, name_of_object = note.audio_key.rpartition("/")
    assert day == f"audio/{datetime.now(UTC):%Y-%m-%d}"
    assert str(uuid.UUID(name_of_object)) == name_of_object
    assert default_storage.exists(note.audio_key)


def test_files_can_be_read_by_nobody_else(folder: Path, upload: Callable[..., Any]) -> None:
    note = Note.objects.get(pk=upload().json()["id"])
    stored = folder / note.audio_key
    assert stored.stat().st_mode & 0o777 == 0o600
    assert stored.parent.stat().st_mode & 0o777 == 0o700


def test_deleting_a_note_deletes_its_audio(api: Client, note: Note) -> None:
    assert default_storage.exists(note.audio_key)
    assert api.delete(f"/api/v1/notes/{note.pk}").status_code == 204
    assert not default_storage.exists(note.audio_key)


# --- The audio endpoint ----------------------------------------------------------------------


@pytest.fixture
def on_disk(folder: Path, upload: Callable[..., Any]) -> Note:
    return Note.objects.get(pk=upload().json()["id"])


def test_a_folder_sends_the_bytes(api: Client, on_disk: Note, sample: bytes) -> None:
    response = audio(api, on_disk)
    assert response.status_code == 200
    assert content(response) == sample
    assert response["Content-Type"] == "audio/ogg"
    assert response["Content-Length"] == str(len(sample))
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Disposition"] == f'inline; filename="{on_disk.pk}.ogg"'
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=100-100", 100, 100),
        ("bytes=100-", 100, None),
        ("bytes=0-", 0, None),
        ("bytes=0-999999999", 0, None),
        ("bytes=-50", -50, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_folder_sends_the_range_that_a_player_asks_for(
    api: Client, on_disk: Note, sample: bytes, asked: str, first: int, last: int | None
) -> None:
    size = len(sample)
    first = first % size
    last = size - 1 if last is None else last

    response = audio(api, on_disk, Range=asked)

    assert response.status_code == 206
    assert content(response) == sample[first : last + 1]
    assert response["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert response["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=999999998-999999999", "bytes=-0"])
def test_a_range_outside_of_the_audio_is_refused(
    api: Client, on_disk: Note, sample: bytes, asked: str
) -> None:
    response = audio(api, on_disk, Range=asked)
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(sample)}"
    assert response.json()["code"] == "range_not_satisfiable"


def test_a_bucket_is_linked_to_and_the_link_needs_no_token(
    bucket: S3, api: Client, upload: Callable[..., Any], sample: bytes
) -> None:
    note = Note.objects.get(pk=upload("../<script>.html").json()["id"])
    response = audio(api, note)
    assert response.status_code == 302
    assert response["Cache-Control"] == "no-store"

    link = response["Location"]
    assert link.startswith(f"{bucket.endpoint_url}/{bucket.bucket}/{note.audio_key}?")
    found = fetch(link)
    assert found.status_code == 200
    assert found.content == sample
    assert found.headers["Content-Type"] == "audio/ogg"
    assert found.headers["Content-Disposition"] == f'inline; filename="{note.pk}.ogg"'
    assert fetch(link, Range="bytes=-50").content == sample[-50:]

    assert fetch(link.replace("Signature=", "Signature=0")).status_code == 403
    assert fetch(link.replace("audio%2Fogg", "text%2Fhtml")).status_code == 403
    assert fetch(link.partition("?")[0]).status_code == 403


def fetch(url: str, **headers: str) -> httpx2.Response:
    return httpx2.get(url, headers=headers, trust_env=False)


def test_other_peoples_audio_is_not_there(api_of_bob: Client, note: Note) -> None:
    assert audio(api_of_bob, note).status_code == 404
    assert audio(Client(), note).status_code == 401


# --- When the storage fails ------------------------------------------------------------------


def test_an_upload_that_a_full_folder_refuses_leaves_no_row(
    folder: Path, upload: Callable[..., Any]
) -> None:
    folder.write_text("a file where the folder should be")
    refused_for_now(upload())


def test_an_upload_while_the_bucket_is_down_leaves_no_row(
    settings: Any, s3: S3, upload: Callable[..., Any]
) -> None:
    use_s3(settings, s3, endpoint_url=f"http://127.0.0.1:{free_port()}")
    assert seconds_of(lambda: refused_for_now(upload())) < PATIENCE


def test_an_upload_with_a_refused_key_leaves_no_row(
    settings: Any, s3: S3, upload: Callable[..., Any]
) -> None:
    use_s3(settings, s3, secret_key="a-wrong-one")
    refused_for_now(upload())


def test_an_upload_while_the_bucket_is_silent_is_answered_in_time_and_leaves_no_row(
    bucket: S3, upload: Callable[..., Any]
) -> None:
    bucket.suspend()
    try:
        took = seconds_of(lambda: refused_for_now(upload()))
    finally:
        bucket.resume()
    print(f"a silent bucket: answered after {took:.1f} s")
    assert took < PATIENCE
    assert upload().status_code == 202


def refused_for_now(response: Any) -> None:
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json()["code"] == "storage_unavailable"
    assert not Note.objects.exists()


def seconds_of(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def test_a_note_whose_audio_has_vanished_fails_and_says_so(
    storage: Any, note: Note, api: Client, provider: FakeProvider
) -> None:
    delete_audio(note.audio_key)
    pipeline.transcribe(note.pk)

    told = api.get(f"/api/v1/notes/{note.pk}").json()
    assert told["processing_status"] == "failed"
    assert told["error"]["code"] == "audio_missing"
    assert provider.requests() == []
    assert audio(api, note).status_code == 404


def test_a_note_whose_bucket_is_down_waits_for_it(
    settings: Any, bucket: S3, upload: Callable[..., Any], provider: FakeProvider
) -> None:
    note = Note.objects.get(pk=upload().json()["id"])
    use_s3(settings, bucket, endpoint_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StorageUnavailable):
        read_audio(note.audio_key)
    pipeline.transcribe(note.pk)

    note.refresh_from_db()
    assert note.processing_status == "pending"
    assert (note.error_code, note.attempts) == ("storage_unavailable", 1)
    assert provider.requests() == []


# --- What nobody refers to -------------------------------------------------------------------


@pytest.fixture
def put(folder: Path, alice: User) -> Callable[..., str]:
    """Stores an object of a day some days ago, of an age in hours; with a row or without."""

    def make(*, days: int, hours: float, row: bool = False) -> str:
        day = datetime.now(UTC) - timedelta(days=days)
        note_id = uuid.uuid4()
        key = f"audio/{day:%Y-%m-%d}/{note_id}"
        store_audio(key, BytesIO(b"voice"))
        stored = time.time() - hours * 3600
        os.utime(folder / key, (stored, stored))
        if row:
            Note.receive(id=note_id, owner_id=alice.pk, audio_key=key, audio_format="ogg")
        return key

    return make


def test_the_sweep_deletes_old_objects_without_a_row_and_nothing_else(
    folder: Path, put: Callable[..., str]
) -> None:
    orphan, older = put(days=1, hours=24.1), put(days=7, hours=150)
    kept = [
        put(days=1, hours=23.9),
        put(days=0, hours=0),
        put(days=1, hours=24.1, row=True),
        put(days=7, hours=150, row=True),
    ]
    assert delete_orphans() == 2
    assert not (folder / orphan).exists()
    assert not (folder / older).exists()
    assert all((folder / key).exists() for key in kept)
    assert delete_orphans() == 0


def test_the_sweep_does_the_same_in_a_bucket(
    bucket: S3, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime.now(UTC) - timedelta(days=3)
    orphan, kept = (f"audio/{day:%Y-%m-%d}/{uuid.uuid4()}" for _ in range(2))
    for key in (orphan, kept):
        store_audio(key, BytesIO(b"voice"))
    Note.receive(owner_id=alice.pk, audio_key=kept, audio_format="ogg")

    assert delete_orphans() == 0
    # The bucket's own clock tells the age, and cannot be set back.
    monkeypatch.setattr(duties, "ORPHAN_AGE", timedelta(0))
    assert delete_orphans() == 1

    assert not default_storage.exists(orphan)
    assert default_storage.exists(kept)


def test_the_sweep_minds_no_object_that_goes_while_it_looks(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = f"audio/{datetime.now(UTC):%Y-%m-%d}/{uuid.uuid4()}"
    monkeypatch.setattr(duties, "objects_of", lambda day: iter([gone]))
    assert delete_orphans() == 0
