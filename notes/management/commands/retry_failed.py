"""Repeats what has failed, after its cause is gone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from notes.models import Note
from notes.models.note import NotRetryable


class Command(BaseCommand):
    help = "Repeat the failed step of every note that failed, or that found no box for a fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--code", help="only notes with this error code")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def handle(self, *args: Any, **options: Any) -> None:
        notes = Note.objects.exclude(error_code="").filter(completed_at__isnull=False)
        if options["code"]:
            notes = notes.filter(error_code=options["code"])
        count = notes.count() if options["dry_run"] else sum(map(_retry, notes.iterator()))
        self.stdout.write(f"{count} notes {'would be' if options['dry_run'] else ''} tried again")


def _retry(note: Note) -> bool:
    try:
        note.retry()
    except NotRetryable:
        return False
    return True
