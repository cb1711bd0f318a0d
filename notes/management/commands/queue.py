"""What waits, what runs, what failed."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

import redis
from django.core.management.base import BaseCommand
from django.db.models.functions import Now

from notes.broker import broker
from notes.models import Heartbeat, Note
from notes.models.note import OPEN, Status
from notes.stages import Stage

CLEAR = "\x1b[H\x1b[J"


class Command(BaseCommand):
    help = "Show how many notes are due, running, waiting for a retry or failed, and the oldest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", action="store_true", help="again every 2 s, until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            while True:
                lines = "\n".join(f"{name:<20} {value}" for name, value in figures().items())
                if not options["watch"]:
                    self.stdout.write(lines)
                    return
                start = CLEAR if self.stdout.isatty() else ""
                self.stdout.write(f"{start}{lines}\n")
                self.stdout.flush()
                time.sleep(2)
        except KeyboardInterrupt:
            return


def figures() -> dict[str, object]:
    """The state of the queue, as the rows have it."""
    open_notes = Note.objects.filter(processing_status__in=OPEN)
    retry = open_notes.filter(lease_token__isnull=True, next_attempt_at__gt=Now())
    unfiled = Note.objects.filter(processing_status=Status.COMPLETED).exclude(error_code="")
    return {
        "due": Note.objects.claimable().count(),
        "running": open_notes.filter(lease_expires_at__gt=Now()).count(),
        "waiting for retry": retry.count(),
        "failed": Note.objects.filter(processing_status=Status.FAILED).count(),
        "unfiled for a fault": unfiled.count(),
        "oldest open": _oldest(),
        "rings in Redis": _rings(),
        "workers": _workers(),
    }


def _oldest() -> str:
    notes = Note.objects.filter(processing_status__in=OPEN).annotate(clock=Now())
    times = notes.order_by("created_at").values_list("created_at", "clock").first()
    return duration(times[1] - times[0]) if times else "none"


def _rings() -> str:
    try:
        return str(sum(broker().do_qsize(stage.queue) for stage in Stage))
    except redis.RedisError:
        return "Redis does not answer; see: manage.py doctor"


def _workers() -> str:
    beats = Heartbeat.objects.annotate(clock=Now()).order_by("worker")
    ages = {beat.worker: vars(beat)["clock"] - beat.seen_at for beat in beats}
    return ", ".join(f"{worker} ({duration(age)} ago)" for worker, age in ages.items()) or "none"


def duration(span: timedelta) -> str:
    """``span`` as a person says it, in its two largest units: ``2 h 5 min``."""
    seconds = max(0, int(span.total_seconds()))
    units = {"d": seconds // 86400, "h": seconds // 3600 % 24, "min": seconds // 60 % 60}
    parts = [f"{count} {unit}" for unit, count in units.items() if count]
    return " ".join([*parts, f"{seconds % 60} s"][:2])
