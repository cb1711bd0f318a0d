"""Everything a user has as one zip, made while it is sent: in memory is one piece at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED

from django.contrib.auth.models import AbstractBaseUser
from zipstream import ZipStream

from notes.audio.formats import FORMATS
from notes.connections import release_connection
from notes.models import Box, Note
from notes.storage import AudioMissing, StorageUnavailable, stream_audio

#: Notes read at a time.
BATCH = 200

Describe = Callable[[Note, dict[Any, Box]], dict[str, Any]]


class Archive:
    """The zip of ``user``: boxes.json, notes.json, audio/..., and at last manifest.json.

    ``describe`` gives a note as JSON has it. Notes that arrive meanwhile may be in it or not. Audio
    that the storage does not give is named in the manifest, and the rest is there.
    """

    def __init__(self, user: AbstractBaseUser, describe: Describe) -> None:
        self.user, self.describe = user, describe
        self.boxes = {box.pk: box for box in Box.objects.for_user(user.pk)}
        self.manifest: dict[str, Any] = {
            "user": user.get_username(),
            "exported_at": datetime.now(UTC).isoformat(),
            "boxes": len(self.boxes),
            "notes": 0,
            "audio": 0,
            "audio_missing": [],
        }

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the zip."""
        archive = ZipStream(compress_type=ZIP_DEFLATED)
        archive.add(_json([_box(box) for box in self.boxes.values()]), "boxes.json")
        archive.add(self._notes(), "notes.json")
        yield from archive.all_files()
        for note in self._each_note():
            if note.audio_key and (audio := self._audio(note)):
                archive.add(audio, audio_name(note), compress_type=ZIP_STORED)
                yield from archive.all_files()
        archive.add(_json(self.manifest), "manifest.json")
        yield from archive.finalize()

    def _each_note(self) -> Iterator[Note]:
        """All notes, newest first; no connection is held while the client takes them."""
        notes = Note.objects.for_user(self.user.pk)
        batch = list(notes[:BATCH])
        while batch:
            release_connection()
            yield from batch
            batch = list(notes.older_than(batch[-1].created_at, batch[-1].pk)[:BATCH])

    def _notes(self) -> Iterator[bytes]:
        yield b"["
        for number, note in enumerate(self._each_note()):
            audio = audio_name(note) if note.audio_key else None
            described = {**self.describe(note, self.boxes), **_heard(note), "audio": audio}
            yield (b",\n" if number else b"\n") + _json(described)
            self.manifest["notes"] += 1
        yield b"\n]\n"

    def _audio(self, note: Note) -> Iterator[bytes] | None:
        """The bytes, or None if there are none; what is wrong with them goes to the manifest."""
        chunks = stream_audio(note.audio_key)
        try:
            first = next(chunks, b"")
        except (AudioMissing, StorageUnavailable) as fault:
            self._missing(note, "gone" if isinstance(fault, AudioMissing) else "unavailable")
            return None
        self.manifest["audio"] += 1
        return self._rest(note, first, chunks)

    def _rest(self, note: Note, first: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
        yield first
        try:
            yield from chunks
        except (AudioMissing, StorageUnavailable):
            self._missing(note, "cut_short")

    def _missing(self, note: Note, reason: str) -> None:
        self.manifest["audio_missing"].append({"note": str(note.pk), "reason": reason})


def audio_name(note: Note) -> str:
    """The name in the zip: no word of a person's is in it."""
    kind = FORMATS.get(note.audio_format)
    return f"audio/{note.pk}.{kind.extension if kind else 'bin'}"


def _heard(note: Note) -> dict[str, Any]:
    """What was heard and when, beside the words as their owner has them."""
    original = note.original_transcript if note.transcript_edited_at else None
    return {"original_transcript": original, "segments": note.segments or []}


def _box(box: Box) -> dict[str, Any]:
    fields = ("name", "description", "keywords", "color")
    stamp = box.created_at.isoformat()
    return {"id": str(box.pk), **{f: getattr(box, f) for f in fields}, "created_at": stamp}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
