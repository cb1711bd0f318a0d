"""Does a note's next steps here and now, in the foreground."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now

from notes import pipeline
from notes.leases import leases
from notes.models import Note
from notes.models.note import OPEN, Status
from notes.texts import NOTE_ERRORS
from notes.worker import Loop


class Command(BaseCommand):
    help = "Transcribe and file one note in the foreground, as a worker would, without waiting."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=uuid.UUID, help="the note's id")

    def handle(self, *args: Any, **options: Any) -> None:
        note = self._find(options["id"])
        with leases_renewed():
            for statuses, work in STEPS:
                if note.processing_status in statuses:
                    # Who asks for it now does not want to wait for its next try.
                    idle = Note.objects.filter(pk=note.pk, lease_token__isnull=True)
                    idle.update(next_attempt_at=Now())
                    work(note.pk)
                    note = self._find(note.pk)
        self._tell(note)

    def _tell(self, note: Note) -> None:
        if note.processing_status in OPEN and not note.error_code:
            raise CommandError("A worker has this note. See: manage.py queue")
        if note.error_code:
            text = NOTE_ERRORS.get(note.error_code, NOTE_ERRORS["internal_error"]).en
            self.stdout.write(f"{note.processing_status} {note.error_code}")
            again = "process_note" if note.processing_status in OPEN else "retry_failed"
            raise CommandError(f"{text} To try again: manage.py {again}")
        self.stdout.write(note.processing_status)

    def _find(self, note_id: uuid.UUID) -> Note:
        note = Note.objects.filter(pk=note_id).first()
        if note is None:
            raise CommandError("There is no such note.")
        return note


STEPS = (
    ((Status.PENDING, Status.TRANSCRIBING), pipeline.transcribe),
    ((Status.CLASSIFYING,), pipeline.classify),
)


@contextmanager
def leases_renewed() -> Iterator[None]:
    """Keep our lease alive as a worker does, so that none takes the note over meanwhile."""
    loop = Loop("leases", settings.LEASE_SECONDS / 4, leases.renew)
    loop.start()
    try:
        yield
    finally:
        loop.stop()
