"""What waits, what runs, what failed."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Min
from django.db.models.functions import Now

from notes.models import Heartbeat, Note
from notes.models.note import OPEN, Status
from notes.sweeper import queue_length


class Command(BaseCommand):
    help = "Show how many notes are due, running, waiting for a retry or failed, and the oldest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", action="store_true", help="again every 2 s, until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            while True:
                for name, value in figures().items():
                    self.stdout.write(f"{name:<20} {value}")
                if not options["watch"]:
                    return
                self.stdout.write("")
                time.sleep(2)
        except KeyboardInterrupt:
            return


def figures() -> dict[str, object]:
    """The state of the queue, as the rows have it."""
    open_notes = Note.objects.filter(processing_status__in=OPEN)
    oldest = open_notes.aggregate(oldest=Min("created_at"))["oldest"]
    return {
        "due": Note.objects.claimable().count(),
        "running": open_notes.filter(lease_expires_at__gt=Now()).count(),
        "waiting for retry": open_notes.filter(
            lease_token__isnull=True, next_attempt_at__gt=Now()
        ).count(),
        "failed": Note.objects.filter(processing_status=Status.FAILED).count(),
        "unfiled for a fault": Note.objects.filter(processing_status=Status.COMPLETED)
        .exclude(error_code="")
        .count(),
        "oldest open": oldest.isoformat(timespec="seconds") if oldest else "none",
        "rings in Redis": queue_length(),
        "workers": ", ".join(
            f"{beat.worker} seen {beat.seen_at.isoformat(timespec='seconds')}"
            for beat in Heartbeat.objects.order_by("worker")
        )
        or "none",
    }
