"""Sending notes: what is taken, what is refused, and what is never believed."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from notes.audio.formats import FORMATS, sniff
from notes.broker import broker
from notes.models import Box, Note
from notes.stages import Stage
from notes.storage import StorageUnavailable, store_audio
from tests.services.run import REPOSITORY

pytestmark = [pytest.mark.database, pytest.mark.django_db]

#: The contract, word by word.
FIELDS = [
    *("id", "processing_status", "transcript", "language", "duration_seconds", "box", "filed_by"),
    *("filing_confidence", "filing_reason", "filing_suggestions", "source", "attempts"),
    *("next_attempt_at", "error", "speech", "created_at", "recorded_at", "transcribed_at"),
    *("completed_at", "truncated", "speech_share", "peak", "rms", "parts_done", "parts_total"),
    "audio_expires_at",
]
#: What only a single note has.
DETAILS = ["waveform", "segments", "original_transcript", "queue_position"]

STORE = "notes.api.notes.store_audio"
OGG = b"OggS" + bytes(60)
HEADS = {
    "ogg": [OGG],
    "webm": [b"\x1aE\xdf\xa3" + bytes(60)],
    "mp4": [bytes(3) + b"\x20ftyp" + brand for brand in (b"M4A ", b"isom", b"mp42", b"qt  ")],
    "3gp": [bytes(3) + b"\x18ftyp" + brand for brand in (b"3gp4", b"3gp5")],
    "wav": [b"RIFF\x24\x00\x00\x00WAVEfmt "],
    "mp3": [b"ID3\x04\x00" + bytes(20), b"\xff\xfb\x90\x64" + bytes(20), b"\xff\xf3\x84\xc4"],
    "flac": [b"fLaC" + bytes(20)],
    "aac": [b"\xff\xf1\x50\x80" + bytes(20), b"\xff\xf9\x50\x80"],
    "amr": [b"#!AMR\n" + bytes(20), b"#!AMR-WB\n"],
    "caf": [b"caff\x00\x01" + bytes(20)],
}
NOT_AUDIO = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "text": "Olá, isto é só texto.".encode(),
    "utf-16 text": "Olá".encode("utf-16"),
    "zip": b"PK\x03\x04" + bytes(40),
    "exe": b"MZ\x90\x00" + bytes(40),
    "elf": b"\x7fELF" + bytes(40),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(40),
    "pdf": b"%PDF-1.7\n",
    "hls": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x\n",
    "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "avi": b"RIFF\x24\x00\x00\x00AVI LIST",
    "zeros": bytes(64),
    "set bits": b"\xff" * 64,
    "one byte": b"O",
}
FILES = REPOSITORY.parent / "shared" / "data" / "formats"
REAL = {
    "pt04_ogg_named.opus": "ogg",
    "pt04_mp4_named.webm": "mp4",
    "pt04_webm_pipe_noduration.webm": "webm",
    "en01_webm_live_noduration.webm": "webm",
    "pt04_aac_faststart.m4a": "mp4",
    "pt05_aac_fragmented.mp4": "mp4",
    "pt04_amrnb.3gp": "3gp",
    "pt04_adts.aac": "aac",
    "pt04.mp3": "mp3",
    "pt05_vbr_stereo44.mp3": "mp3",
    "pt04_16k.wav": "wav",
    "pt04.flac": "flac",
    "pt04_opus.caf": "caf",
    "silence_3s.ogg": "ogg",
    "broken_text.mp3": None,
    "broken_zeros.webm": None,
    "broken_empty.ogg": None,
}


def upload(
    client: Client,
    audio: bytes = OGG,
    *,
    name: str = "voice.ogg",
    kind: str = "audio/ogg",
    key: str | None = None,
    **form: Any,
) -> Any:
    file = SimpleUploadedFile(name, audio, content_type=kind)
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post("/api/v1/notes", {"audio": file, **form}, headers=headers)


def write(client: Client, text: str = "Comprar pão", key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"text": text, **fields}
    return client.post("/api/v1/notes/text", body, content_type="application/json", headers=headers)


def refused(response: Any, status: int, code: str) -> bool:
    """Whether ``response`` is this problem, as RFC 9457 has it."""
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:bau-mental:problem:{code}"
    assert problem["title"]
    assert problem["instance"].startswith("/api")
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["Cache-Control"] == "no-store"
    return True


# --- A voice note --------------------------------------------------------------------------------


def test_an_upload_answers_202_with_its_address_and_every_field(api: Client) -> None:
    response = upload(api)
    note = response.json()
    assert response.status_code == 202
    assert list(note) == FIELDS + DETAILS
    assert response.headers["Location"] == f"/api/v1/notes/{note['id']}"
    assert int(response.headers["Retry-After"]) >= 1
    assert note["processing_status"] == "pending"
    assert (note["transcript"], note["source"], note["attempts"]) == ("", "memo", 0)
    assert note["created_at"].endswith("Z")
    assert note["next_attempt_at"]
    for name in ("box", "filed_by", "error", "speech", "language", "recorded_at", "completed_at"):
        assert note[name] is None
    assert note.pop("queue_position") is None
    assert api.get(response.headers["Location"]).json() == {**note, "queue_position": 0}


def test_the_audio_is_stored_under_a_name_of_ours_and_found_again(
    api: Client, sample: bytes
) -> None:
    note = Note.objects.get(pk=upload(api, sample, name="../../segredo <b>.ogg").json()["id"])
    assert re.fullmatch(r"audio/\d{4}-\d\d-\d\d/[0-9a-f-]{36}", note.audio_key)
    with default_storage.open(note.audio_key) as stored:
        assert stored.read() == sample


@pytest.mark.django_db(transaction=True)
def test_a_ring_follows_the_commit(api: Client) -> None:
    upload(api)
    assert broker().do_qsize(Stage.TRANSCRIPTION.queue) == 1
    write(api)
    assert broker().do_qsize(Stage.CLASSIFICATION.queue) == 1


def test_a_note_of_text_starts_with_its_words(api: Client) -> None:
    response = write(api, "  Comprar pão \n")
    note = response.json()
    assert response.status_code == 202
    assert list(note) == FIELDS + DETAILS
    assert response.headers["Location"] == f"/api/v1/notes/{note['id']}"
    assert (note["processing_status"], note["transcript"]) == ("classifying", "Comprar pão")
    assert note["speech"] is True
    assert note["duration_seconds"] is None


@pytest.mark.parametrize("text", ["", " \n\t ", "a\x00b", "x" * 100_001, None, 7, ["a"]])
def test_a_note_of_text_needs_words_within_reason(api: Client, text: Any) -> None:
    assert refused(write(api, text), 422, "invalid_request")
    assert not Note.objects.exists()


# --- The bytes decide, not the name --------------------------------------------------------------


@pytest.mark.parametrize("name", list(FORMATS))
def test_each_format_is_told_by_its_first_bytes(name: str) -> None:
    assert [sniff(head) for head in HEADS[name]] == [FORMATS[name]] * len(HEADS[name])


@pytest.mark.parametrize("name", list(NOT_AUDIO))
def test_what_is_not_audio_is_told_by_its_first_bytes(name: str) -> None:
    assert sniff(NOT_AUDIO[name]) is None


@pytest.mark.skipif(not FILES.exists(), reason="no ../shared/data/formats")
@pytest.mark.parametrize("name", list(REAL))
def test_real_files_are_told_by_their_first_bytes(name: str) -> None:
    found = sniff((FILES / name).read_bytes()[:64])
    assert (found.name if found else None) == REAL[name]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("voice.txt", "text/plain"),
        ("voice.exe", "application/x-msdownload"),
        ("voice.mp3", "audio/mpeg"),
        ("x" * 300 + ".html", "text/html"),
        ("\u202egpj.ogg", "image/svg+xml"),
    ],
)
def test_the_right_bytes_under_a_wrong_name_are_taken(api: Client, name: str, kind: str) -> None:
    response = upload(api, name=name, kind=kind)
    assert response.status_code == 202
    assert Note.objects.get().audio_format == "ogg"


@pytest.mark.parametrize("what", list(NOT_AUDIO))
def test_other_bytes_named_ogg_are_refused(api: Client, what: str) -> None:
    assert refused(upload(api, NOT_AUDIO[what]), 415, "not_audio")
    assert not Note.objects.exists()


def test_an_empty_file_is_refused(api: Client) -> None:
    assert refused(upload(api, b""), 422, "empty_file")


def test_a_file_above_the_limit_is_refused_and_says_the_limit(api: Client, settings: Any) -> None:
    settings.MAX_UPLOAD_MB = 1
    mb = 1024 * 1024
    assert upload(api, OGG + bytes(mb - len(OGG))).status_code == 202
    response = upload(api, OGG + bytes(mb))
    assert refused(response, 413, "file_too_large")
    assert "1 MB" in response.json()["title"]
    assert Note.objects.count() == 1


def test_a_file_that_goes_to_disk_is_stored_whole(api: Client, settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    audio = OGG + bytes(range(256)) * 1000
    note = Note.objects.get(pk=upload(api, audio).json()["id"])
    with default_storage.open(note.audio_key) as stored:
        assert stored.read() == audio
    assert note.audio_bytes == len(audio)


def test_two_files_are_refused(api: Client) -> None:
    files = [SimpleUploadedFile("a.ogg", OGG), SimpleUploadedFile("b.ogg", OGG)]
    assert refused(api.post("/api/v1/notes", {"audio": files}), 400, "one_file_only")


@pytest.mark.parametrize("form", [{}, {"audio": "text"}, {"file": SimpleUploadedFile("a", OGG)}])
def test_a_missing_file_is_refused(api: Client, form: dict[str, Any]) -> None:
    response = api.post("/api/v1/notes", form)
    assert refused(response, 422, "invalid_request")
    assert response.json()["errors"][0]["loc"] == ["file", "audio"]


def test_a_storage_that_fails_costs_a_503_and_leaves_no_row(
    api: Client, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "file")},
        },
    }
    response = upload(api)
    assert refused(response, 503, "storage_unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    assert not Note.objects.exists()


# --- The fields beside the file ------------------------------------------------------------------


def test_a_box_of_mine_is_taken_as_my_choice(api: Client, home: Box) -> None:
    for note in (upload(api, box=home.pk).json(), write(api, box=str(home.pk)).json()):
        assert note["box"] == {"id": str(home.pk), "name": "Casa"}
        assert note["filed_by"] == "user"


def test_a_foreign_and_an_unknown_box_are_the_same_and_store_nothing(
    api: Client, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STORE, lambda *_: pytest.fail("stored"))
    foreign = Box.objects.create(owner=bob, name="Bob")
    for box in (str(foreign.pk), str(uuid.uuid4())):
        assert refused(upload(api, box=box), 422, "unknown_box")
        assert refused(write(api, box=box), 422, "unknown_box")
    assert refused(upload(api, box="casa"), 422, "invalid_request")
    assert not Note.objects.exists()


@pytest.mark.parametrize("language", ["pt", "en", "pt-BR", ""])
def test_a_language_is_remembered_for_the_transcriber(api: Client, language: str) -> None:
    upload(api, language=language)
    assert Note.objects.get().requested_language == language


@pytest.mark.parametrize("source", ["memo", "group_audio", "forwarded"])
def test_the_source_is_told_back(api: Client, source: str) -> None:
    assert upload(api, source=source).json()["source"] == source


@pytest.mark.parametrize(
    "field",
    [
        {"language": "portuguese"},
        {"language": "p"},
        {"language": "pt\n"},
        {"language": "pt_BR"},
        {"source": "podcast"},
        {"source": ""},
        {"recorded_at": "ontem"},
        {"recorded_at": "2026-13-01T00:00:00Z"},
        {"recorded_at": "0001-01-01T00:00:00+14:00"},
        {"recorded_at": "9999-12-31T23:59:59-14:00"},
        {"recorded_at": "9" * 30},
    ],
)
def test_a_bad_field_is_refused_by_name(api: Client, field: dict[str, Any]) -> None:
    response = upload(api, **field)
    assert refused(response, 422, "invalid_request")
    assert response.json()["errors"][0]["loc"] == ["form", *field]
    assert not Note.objects.exists()


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2026-11-01T09:30:00-03:00", "2026-11-01T12:30:00+00:00"),
        ("2026-11-01T12:30:00Z", "2026-11-01T12:30:00+00:00"),
        ("2026-11-01T12:30:00", "2026-11-01T12:30:00+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
    ],
)
def test_when_it_was_recorded_is_kept_in_utc(api: Client, sent: str, stored: str) -> None:
    told = upload(api, recorded_at=sent).json()["recorded_at"]
    assert datetime.fromisoformat(told) == datetime.fromisoformat(stored)


@pytest.mark.django_db(transaction=True)
def test_a_box_deleted_during_the_upload_is_an_unknown_box(
    api: Client, home: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_store(key: str, content: Any) -> None:
        store_audio(key, content)
        home.delete_and_free_notes()

    monkeypatch.setattr(STORE, slow_store)
    assert refused(upload(api, box=home.pk), 422, "unknown_box")
    assert not Note.objects.exists()


# --- Nonsense ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=1", "multipart/form-data", 400),
        (b"xxx", "multipart/form-data; boundary=abc", 422),
        (b"--abc\r\nContent-Disposition: nonsense", "multipart/form-data; boundary=abc", 422),
        (b"a=1", "application/x-www-form-urlencoded; charset=latin-1", 415),
        (b"{}", "application/json", 415),
        (OGG, "audio/ogg", 415),
    ],
)
def test_a_body_that_is_no_form_is_refused_calmly(
    api: Client, body: bytes, kind: str, status: int
) -> None:
    response = api.post("/api/v1/notes", body, content_type=kind)
    codes = {400: "bad_request", 415: "unsupported_media_type", 422: "invalid_request"}
    assert refused(response, status, codes[status])


def test_a_form_with_too_much_beside_the_file_is_refused(api: Client) -> None:
    many: dict[str, Any] = {f"field{number}": "x" for number in range(30)}
    assert refused(upload(api, **many), 400, "bad_request")
    assert refused(upload(api, language="x" * 3_000_000), 413, "body_too_large")


def test_a_storage_error_is_not_told_by_its_text(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise StorageUnavailable from OSError("s3://user:password@host")

    monkeypatch.setattr(STORE, fail)
    assert b"password" not in upload(api).content
