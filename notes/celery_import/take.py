"""Takes rows and audio over, one note at a time; what is here already is left alone."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction

from notes.audio.formats import HEAD_BYTES, sniff
from notes.celery_import.media import Media
from notes.celery_import.owners import Owners
from notes.celery_import.rows import Audio, box_columns, note_columns
from notes.celery_import.source import Row, Source, as_moment, as_uuid
from notes.connections import release_connection
from notes.models import Box, Imported, Note
from notes.storage import ROOT, delete_audio, has_audio, store_audio

#: Makes the id of a box here from its id there and its owner, the same each time.
BOXES = uuid.UUID("5b0f3f0e-6d0b-4f0e-9a51-6261757465c5")


@dataclass
class Report:
    """What was taken over. ``counts`` by what became of it; the rest is for a person to look at."""

    counts: Counter[str] = field(default_factory=Counter)
    ownerless: Counter[str] = field(default_factory=Counter)
    audio_missing: list[str] = field(default_factory=list)
    audio_unknown: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything has a place here."""
        return not (self.ownerless or self.audio_missing or self.audio_unknown)


class Take:
    """One run. With ``dry`` nothing is written, and audio is looked for but not read."""

    def __init__(self, source: Source, media: Media | None, owners: Owners, *, dry: bool) -> None:
        self.report = Report()
        self._source, self._media, self._owners, self._dry = source, media, owners, dry
        self._places: dict[tuple[uuid.UUID, int], uuid.UUID | None] = {}

    def run(self, done: Callable[[uuid.UUID], None]) -> Report:
        """Everything; ``done`` is told of each note that is through."""
        self._take_boxes()
        self.report.counts["notes deleted there"] = self._source.deleted_notes()
        for row in self._source.notes():
            self._take_note(row)
            done(as_uuid(row["id"]))
        return self.report

    def _take_boxes(self) -> None:
        users: dict[uuid.UUID, set[int]] = {}
        for row in self._source.boxes_in_use():
            if (owner := self._owners.of(row)) is not None:
                users.setdefault(as_uuid(row["box_id"]), set()).add(owner)
        for row in self._source.boxes():
            self.report.counts["boxes there"] += 1
            box_id = as_uuid(row["id"])
            # A box has no maker there; one without notes goes to whom its workspace is given.
            mapped = self._owners.of({**row, "created_by_id": None})
            owners = users.get(box_id) or ({mapped} if mapped is not None else set())
            if not owners:
                self.report.ownerless[f"box of {self._owners.said(row)}"] += 1
            for owner in sorted(owners):
                self._places[box_id, owner] = self._take_box(row, box_id, owner)

    def _take_box(self, row: Row, old_id: uuid.UUID, owner_id: int) -> uuid.UUID | None:
        """The id here; None for a box that its owner has deleted since it was taken over."""
        new_id, columns = uuid.uuid5(BOXES, f"{old_id}:{owner_id}"), box_columns(row)
        theirs = Box.objects.for_user(owner_id)
        present = theirs.filter(pk=new_id).first() or theirs.filter(name=columns["name"]).first()
        if present or Imported.objects.filter(pk=new_id).exists():
            self.report.counts["boxes here already"] += 1
            return present.pk if present else None
        self.report.counts["boxes taken over"] += 1
        if not self._dry:
            with transaction.atomic():
                Box.objects.create(pk=new_id, owner_id=owner_id, **columns)
                # Its own time is set at creation, whatever is given.
                Box.objects.filter(pk=new_id).update(created_at=columns["created_at"])
                Imported.objects.create(pk=new_id)
        return new_id

    def _take_note(self, row: Row) -> None:
        counts, note_id = self.report.counts, as_uuid(row["id"])
        counts["notes there"] += 1
        if Imported.objects.filter(pk=note_id).exists():
            counts["notes here already"] += 1
            return
        owner_id = self._owners.of(row)
        if owner_id is None:
            self.report.ownerless[f"note of {self._owners.said(row)}"] += 1
            return
        audio = self._take_audio(row, note_id)
        box_id = self._places.get((as_uuid(row["box_id"]), owner_id)) if row["box_id"] else None
        columns = note_columns(row, owner_id=owner_id, box_id=box_id, audio=audio)
        counts[f"notes taken over, {columns['processing_status']}"] += 1
        if not self._dry:
            with transaction.atomic():
                # Not rung for: the sweep does, at its own pace.
                Note.objects.create(**columns)
                Imported.objects.create(pk=note_id)

    def _take_audio(self, row: Row, note_id: uuid.UUID) -> Audio:
        name = str(row.get("audio_file") or "")
        if not name:
            return Audio(fault="audio_missing")
        release_connection()
        found = self._media.find(name) if self._media else None
        if found is None or self._media is None:
            self.report.audio_missing.append(f"{note_id} {name}")
            return Audio(fault="audio_missing")
        self.report.counts["audio files"] += 1
        key = f"{ROOT}/{as_moment(row['created_at']):%Y-%m-%d}/{note_id}"
        if self._dry:
            return Audio(key=key)
        content = self._media.read(found)
        kind = sniff(content[:HEAD_BYTES])
        if kind is None:
            self.report.audio_unknown.append(f"{note_id} {name}")
            return Audio(fault="audio_undecodable")
        _store(key, content)
        self.report.counts["audio bytes"] += len(content)
        digest = hashlib.sha256(content).hexdigest()
        return Audio(key, kind.name, len(content), digest)


def _store(key: str, content: bytes) -> None:
    """Store under exactly this key, also where a run that was stopped has left it behind."""
    if has_audio(key):
        delete_audio(key)
    store_audio(key, io.BytesIO(content))
