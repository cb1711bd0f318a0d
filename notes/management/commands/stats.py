"""How much there is, and how it went: for the last day, week and month, and in all."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.db.models import Count, Q, Sum
from django.db.models.functions import Now

from notes.management.people import user_named
from notes.models import Box, Note
from notes.models.note import OPEN, FiledBy, Status

WINDOWS = {"24 h": timedelta(days=1), "7 d": timedelta(days=7), "30 d": timedelta(days=30)}
EVER = "all"
INBOX = Q(processing_status=Status.COMPLETED, box__isnull=True)
#: Which notes a line counts.
COUNTED = {
    "notes": Q(),
    "voice": Q(audio_bytes__gt=0),
    "open": Q(processing_status__in=OPEN),
    "completed": Q(processing_status=Status.COMPLETED),
    "failed": Q(processing_status=Status.FAILED),
    "silent": Q(speech=False),
    "filed by a person": Q(filed_by=FiledBy.USER),
    "filed by a rule": Q(filed_by=FiledBy.RULE),
    "filed by a model": Q(filed_by=FiledBy.MODEL),
    "left in the Inbox": INBOX & ~Q(filed_by=FiledBy.USER),
}

Column = dict[str, int | float]


class Command(BaseCommand):
    help = (
        "Show how many notes were made in the last day, week and month and in all, by whom they"
        " were filed, and how much sound that is; deleted notes do not count. It reads every note,"
        " which takes seconds where there are millions. Exit code 2: there is no such user."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="only the notes of this user")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        user = None if options["user"] is None else user_named(options["user"])
        there, columns = totals(user), figures(user)
        if options["json"]:
            self.stdout.write(json.dumps({**there, "windows": columns}))
            return
        for name, value in there.items():
            self.stdout.write(f"{name:<20}{value:>10}")
        self.stdout.write("".join([" " * 20, *(f"{window:>10}" for window in columns)]))
        for name in columns[EVER]:
            cells = (_cell(column[name]) for column in columns.values())
            self.stdout.write("".join([f"{name:<20}", *cells]))


def totals(user: User | None) -> dict[str, int]:
    """What there is beside notes."""
    if user is not None:
        return {"boxes": Box.objects.for_user(user.pk).count()}
    return {"users": User.objects.filter(is_active=True).count(), "boxes": Box.objects.count()}


def figures(user: User | None) -> dict[str, Column]:
    """Every line of every window; ``user`` None: of everybody."""
    notes = Note.objects.order_by() if user is None else Note.objects.for_user(user.pk).order_by()
    return {
        **{
            name: _column(notes.filter(created_at__gte=Now() - span))
            for name, span in WINDOWS.items()
        },
        EVER: _column(notes),
    }


def _column(notes: Any) -> Column:
    found = notes.aggregate(
        **{f"n{at}": Count("pk", filter=chosen) for at, chosen in enumerate(COUNTED.values())},
        owners=Count("owner", distinct=True),
        seconds=Sum("duration_seconds"),
        size=Sum("audio_bytes", filter=~Q(audio_key="")),
    )
    counts: Column = {name: found[f"n{at}"] for at, name in enumerate(COUNTED)}
    return {
        "users with notes": found["owners"],
        **counts,
        "minutes of sound": round((found["seconds"] or 0) / 60, 1),
        "MB of audio kept": round((found["size"] or 0) / 1e6, 1),
    }


def _cell(value: float) -> str:
    return f"{value:>10.1f}" if isinstance(value, float) else f"{value:>10}"
