"""Finds audio that no note refers to, and notes whose audio is gone; deletes or forgets it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notes.duties import BATCH, orphans_of
from notes.models import Note
from notes.models.note import Status
from notes.storage import (
    StorageUnavailable,
    days_with_audio,
    delete_audio,
    has_audio,
)


class Command(BaseCommand):
    help = (
        "Delete audio that no note refers to, and forget audio of completed notes that is gone."
        " Exit code 1 if --dry-run found something, or if audio of an unfinished note is gone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what there is")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        dry = bool(options["dry_run"])
        self._names_each = not options["json"]
        try:
            orphans = self._objects_without_rows(dry)
            forgotten, missing = self._rows_without_objects(dry)
        except (StorageUnavailable, OSError) as fault:
            raise CommandError("The storage did not answer. Try again later.", returncode=2) from (
                fault
            )
        if options["json"]:
            counts = {"orphans": orphans, "gone_of_completed": forgotten, "gone_of_open": missing}
            self.stdout.write(json.dumps({**counts, "dry_run": dry}))
        else:
            verb = "found" if dry else "deleted"
            self.stdout.write(f"Audio without a note: {orphans} {verb}")
            verb = "found" if dry else "forgotten"
            self.stdout.write(f"Audio of completed notes that is gone: {forgotten} {verb}")
            self.stdout.write(f"Audio of unfinished notes that is gone: {missing}")
        if missing or (dry and (orphans or forgotten)):
            raise SystemExit(1)

    def _objects_without_rows(self, dry: bool) -> int:
        if not Note.objects.exclude(audio_key="").exists():
            self._name("No note has audio: another database? Nothing is deleted.")
            return 0
        count = 0
        days = days_with_audio()
        for number, day in enumerate(days, 1):
            for key in orphans_of(day):
                self._name(f"no note: {key}")
                count += 1
                if not dry:
                    delete_audio(key)
            self._progress(f"days {number}/{len(days)}")
        return count

    def _rows_without_objects(self, dry: bool) -> tuple[int, int]:
        forgotten = missing = checked = 0
        for note in _notes_with_audio():
            checked += 1
            if checked % 100 == 0:
                self._progress(f"notes {checked}")
            if has_audio(note.audio_key):
                continue
            self._name(f"no audio: note {note.pk} ({note.processing_status})")
            if note.processing_status != Status.COMPLETED:
                missing += 1
                continue
            forgotten += 1
            if not dry:
                Note.objects.filter(pk=note.pk, audio_key=note.audio_key).update(audio_key="")
        return forgotten, missing

    def _name(self, text: str) -> None:
        if self._names_each:
            self.stdout.write(text)

    def _progress(self, text: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{text}", ending="")


def _notes_with_audio() -> Iterator[Note]:
    """All of them, a batch at a time: no cursor is open while rows are written."""
    notes = Note.objects.exclude(audio_key="").only("audio_key", "processing_status").order_by("pk")
    last = None
    while batch := list((notes.filter(pk__gt=last) if last else notes)[:BATCH]):
        yield from batch
        last = batch[-1].pk
