"""Repeats what has failed, after its cause is gone."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Q

from notes.models import Note
from notes.models.note import FiledBy, NotRetryable, Status


class Command(BaseCommand):
    help = "Repeat the failed step of every note that failed, or that found no box for a fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--code", help="only notes with this error code")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        # What its owner has filed is settled.
        unfiled = Q(processing_status=Status.COMPLETED) & ~Q(filed_by=FiledBy.USER)
        failed = Q(processing_status=Status.FAILED) | unfiled
        notes = Note.objects.filter(failed).exclude(error_code="").order_by("created_at")
        if options["code"]:
            notes = notes.filter(error_code=options["code"])
        if options["dry_run"]:
            what, count = "To be tried again", notes.count()
        else:
            # Read whole: a cursor must not be open on rows that are written meanwhile.
            ids = list(notes.values_list("pk", flat=True))
            what, count = "Tried again", sum(map(_retry, ids))
        told = json.dumps({"notes": count, "dry_run": bool(options["dry_run"])})
        self.stdout.write(told if options["json"] else f"{what}: {count}")


def _retry(note_id: Any) -> bool:
    note = Note.objects.filter(pk=note_id).first()
    try:
        if note is not None:
            note.retry()
    except NotRetryable:
        return False
    return note is not None
