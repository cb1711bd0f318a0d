"""Taking notes away: as files that other programs read, and all of them as a zip."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import srt
import webvtt
import yaml
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notes.exports import archive
from notes.exports.formats import FORMATS, Exported, Segment
from notes.models import Box, Note
from notes.storage import StorageUnavailable
from tests.test_upload import refused, upload

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NewNote = Callable[..., Note]

#: What a person may have said, or typed, to break a file.
HOSTILE = [
    "Olá, mundo.",
    "00:00:01.000 --> 00:00:02.000",
    "a --> b ---> c -----> d",
    "um\n\ndois\r\n\r\ntrês\n\n\n1\n00:00:01,000 --> 00:00:09,000\nfalso",
    "WEBVTT\n\nNOTE isto\n\nSTYLE\n::cue { color: red }",
    "<b>negrito</b> <c.x>&amp; & &lt; <00:01.000>",
    "{\\an8}topo",
    "---\nid: outro\n---\n# título\n- lista\n1. um",
    "[x](javascript:alert(1)) ![y](z) `code` <script>alert(1)</script> | a | b |",
    "aspas \" e ' e \\ e : e # e %",
    "\u2028linha\u2029parágrafo\x85fim\x0b\x0c\x1b[31m\x7f\ufeff",
    "👩‍🔧 日本語 \u202eodireita",
    "    quatro espaços\n\ttab",
    "",
    " \n ",
]


def exported(text: str, *segments: Segment, **fields: Any) -> Exported:
    blank = dict.fromkeys(("recorded_at", "language", "duration_seconds", "box"))
    note = {
        "id": "7f", "created_at": "2026-11-22T10:00:00Z", "processing_status": "completed",
        "transcript": text, **blank, **fields,
    }  # fmt: skip
    return Exported(note, segments)


def one_line(text: str) -> str:
    """What can be kept of ``text`` in subtitles."""
    kept = "\u202e\u200d\ufeff"
    said = "".join(c for c in text if c.isprintable() or c.isspace() or c in kept)
    return " ".join(said.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_webvtt_gives_back_each_cue_and_no_other(text: str) -> None:
    segments = [Segment(0, 1.5, text), Segment(3599.9996, 36000, "fim")]
    written = FORMATS["vtt"].write(exported(text, *segments))
    cues = webvtt.from_string(written).captions
    said = [one_line(text)] if text.strip() else []
    escaped = [t.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for t in said]
    assert [cue.raw_text for cue in cues] == [*escaped, "fim"]
    assert (cues[-1].start, cues[-1].end) == ("01:00:00.000", "10:00:00.000")


@pytest.mark.parametrize("text", HOSTILE)
def test_subrip_gives_back_each_cue_and_no_other(text: str) -> None:
    segments = [Segment(0, 1.5, text), Segment(2, 3, "fim")]
    cues = list(srt.parse(FORMATS["srt"].write(exported(text, *segments))))
    assert len(cues) == (2 if text.strip() else 1)
    assert cues[-1].content == "fim"
    assert cues[-1].start.total_seconds() == 2
    if text.strip() and "->" not in text:
        assert cues[0].content == one_line(text)
    assert "-->" not in cues[0].content


@pytest.mark.parametrize("text", HOSTILE)
def test_a_front_matter_gives_back_what_was_put_in(text: str) -> None:
    box = {"id": "1", "name": text}
    written = FORMATS["md"].write(exported("corpo", box=box, language="pt", duration_seconds=1.5))
    _, front, body = written.split("---\n", 2)
    told = yaml.safe_load(front)
    assert told["box"] == text
    assert (told["language"], told["duration_seconds"]) == ("pt", 1.5)
    assert "recorded_at" not in told
    assert body.strip() == "corpo"


@pytest.mark.parametrize("text", HOSTILE)
def test_words_in_markdown_are_words(text: str) -> None:
    written = FORMATS["md"].write(exported(text))
    body = written.split("---\n", 2)[2]
    for line in body.splitlines():
        assert line[:1] not in set("#-+=:>`~ \t")
        assert not any(f" {mark}" in f" {line}" for mark in ("<", "`", "["))
    assert "".join(body.replace("\\", "").split()) == "".join(text.replace("\\", "").split())


@pytest.mark.parametrize("text", HOSTILE)
def test_json_gives_back_every_field(text: str) -> None:
    told = json.loads(FORMATS["json"].write(exported(text, Segment(0, 1, text))))
    assert told["transcript"] == text
    assert told["segments"] == [{"start": 0, "end": 1, "text": text}]


@pytest.mark.parametrize(("seconds", "end"), [(9.5, "00:00:09.500"), (None, "00:00:04.000")])
def test_without_segments_one_cue_takes_the_whole_time(seconds: float | None, end: str) -> None:
    written = FORMATS["vtt"].write(exported("x" * 60, duration_seconds=seconds))
    [cue] = webvtt.from_string(written).captions
    assert (cue.start, cue.end) == ("00:00:00.000", end)


@pytest.mark.parametrize("extension", FORMATS)
def test_a_note_is_exported_as_a_file(
    api: Client, new_note: NewNote, extension: str, home: Box
) -> None:
    note = new_note(transcript="Trocar a lâmpada", box=home)
    answer = api.get(f"/api/v1/notes/{note.pk}.{extension}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"{FORMATS[extension].mime}; charset=utf-8"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="{note.pk}.{extension}"'
    )
    assert "Trocar a lâmpada" in answer.content.decode()


@pytest.mark.parametrize("address", [".pdf", ".", ".TXT", ".txt/", ".json.txt"])
def test_another_format_is_not_there(api: Client, new_note: NewNote, address: str) -> None:
    note = new_note(transcript="x")
    assert refused(api.get(f"/api/v1/notes/{note.pk}{address}"), 404, "not_found")


@pytest.mark.parametrize("extension", FORMATS)
def test_a_note_that_is_not_there_is_not_exported(api: Client, extension: str) -> None:
    assert refused(api.get(f"/api/v1/notes/{uuid.uuid4()}.{extension}"), 404, "not_found")


# --- Everything ----------------------------------------------------------------------------------


def zip_of(api: Client) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What is in the zip, by name, and its manifest."""
    answer: Any = api.get("/api/v1/export")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:
        assert file.testzip() is None
        content = {name: file.read(name) for name in file.namelist()}
    return content, json.loads(content["manifest.json"])


def test_the_zip_has_all_that_is_mine_and_nothing_else(
    api: Client, api_of_bob: Client, bob: User, home: Box, sample: bytes
) -> None:
    Box.objects.create(owner=bob, name="jabuticaba")
    Note.receive(owner_id=bob.pk, transcript="jabuticaba")
    upload(api_of_bob)
    voice = upload(api, audio=sample)
    note_id = voice.json()["id"]
    Note.receive(owner_id=home.owner_id, transcript='Escrita, com "aspas" e ação', box=home)
    content, manifest = zip_of(api)
    audio = f"audio/{note_id}.ogg"
    assert list(content) == ["boxes.json", "notes.json", audio, "manifest.json"]
    assert content[audio] == sample
    notes = json.loads(content["notes.json"])
    assert [note["audio"] for note in notes] == [None, audio]
    assert notes[0]["transcript"] == 'Escrita, com "aspas" e ação'
    assert notes[0]["box"] == {"id": str(home.pk), "name": "Casa"}
    [box] = json.loads(content["boxes.json"])
    assert (box["name"], box["keywords"]) == ("Casa", ["encanador", "pia"])
    assert (manifest["user"], manifest["notes"], manifest["boxes"], manifest["audio"]) == (
        "alice", 2, 1, 1,
    )  # fmt: skip
    assert manifest["audio_missing"] == []
    assert b"jabuticaba" not in b"".join(content.values())


def test_a_user_with_nothing_gets_a_zip_with_nothing(api: Client) -> None:
    content, manifest = zip_of(api)
    assert json.loads(content["notes.json"]) == json.loads(content["boxes.json"]) == []
    assert (manifest["notes"], manifest["audio"]) == (0, 0)


def test_audio_that_is_gone_is_told_and_the_rest_is_there(api: Client, sample: bytes) -> None:
    kept, gone = (upload(api, audio=sample + more).json()["id"] for more in (b"", b"more"))
    default_storage.delete(Note.objects.get(pk=gone).audio_key)
    content, manifest = zip_of(api)
    assert content[f"audio/{kept}.ogg"] == sample
    assert manifest["audio"] == 1
    assert manifest["audio_missing"] == [{"note": gone, "reason": "gone"}]
    assert len(json.loads(content["notes.json"])) == 2


@pytest.mark.parametrize(("pieces", "reason"), [(0, "unavailable"), (1, "cut_short")])
def test_a_storage_that_fails_on_the_way_is_told(
    api: Client, sample: bytes, monkeypatch: pytest.MonkeyPatch, pieces: int, reason: str
) -> None:
    note = upload(api, audio=sample).json()["id"]

    def failing(key: str) -> Iterator[bytes]:
        yield from [b"a piece"] * pieces
        raise StorageUnavailable

    monkeypatch.setattr(archive, "stream_audio", failing)
    content, manifest = zip_of(api)
    assert manifest["audio_missing"] == [{"note": note, "reason": reason}]
    assert content.get(f"audio/{note}.ogg") == (b"a piece" if pieces else None)


def test_notes_are_read_in_pieces_and_each_once(
    api: Client, new_note: NewNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BATCH", 2)
    ids = [str(new_note(transcript=str(number)).pk) for number in range(5)]
    for age, pk in enumerate(reversed(ids)):  # SQLite's clock has milliseconds
        Note.objects.filter(pk=pk).update(created_at=Now() - timedelta(seconds=age))
    with CaptureQueriesContext(connection) as queries:
        content, _ = zip_of(api)
    assert [note["id"] for note in json.loads(content["notes.json"])] == ids[::-1]
    assert any("LIMIT 2" in query["sql"] for query in queries.captured_queries)


def test_the_zip_is_sent_while_it_is_made(api: Client, sample: bytes) -> None:
    for _ in range(3):
        upload(api, audio=sample)
    answer: Any = api.get("/api/v1/export")
    pieces = [len(piece) for piece in answer.streaming_content]
    assert len(pieces) > 10
    assert max(pieces) <= 2 * 64 * 1024


def test_nobody_exports_without_a_token(client: Client) -> None:
    assert refused(client.get("/api/v1/export"), 401, "unauthenticated")
