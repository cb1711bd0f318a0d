"""Does a note's next step here and now, in the foreground."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notes import pipeline
from notes.models import Note
from notes.models.note import OPEN, Status


class Command(BaseCommand):
    help = "Transcribe and file one note in the foreground, as a worker would."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=uuid.UUID, help="the note's id")

    def handle(self, *args: Any, **options: Any) -> None:
        note = self._find(options["id"])
        if note.processing_status == Status.PENDING:
            pipeline.transcribe(note.pk)
            note = self._find(note.pk)
        if note.processing_status == Status.CLASSIFYING:
            pipeline.classify(note.pk)
            note = self._find(note.pk)
        self.stdout.write(f"{note.processing_status} {note.error_code}".strip())
        if note.processing_status in OPEN:
            raise CommandError("Not done: a worker has it, or it is not due yet. See: queue")

    def _find(self, note_id: uuid.UUID) -> Note:
        note = Note.objects.filter(pk=note_id).first()
        if note is None:
            raise CommandError("There is no such note.")
        return note
