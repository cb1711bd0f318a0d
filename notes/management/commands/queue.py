"""What waits, what runs, what failed, and whether one app is still enough."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import redis
from django.core.management.base import BaseCommand
from django.db.models import Count
from django.db.models.functions import Now

from notes import advice
from notes.broker import broker
from notes.models import Delivery, Heartbeat, Note
from notes.models.delivery import DeliveryStatus
from notes.models.note import OPEN, Status
from notes.quota import QUOTA_CODES
from notes.stages import Stage

CLEAR = "\x1b[H\x1b[J"


class Command(BaseCommand):
    help = (
        "Show how many notes are due, running, waiting for a retry or failed, the oldest, the"
        " workers, and whether to stay as you are, raise threads, or split web and worker."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--watch", action="store_true", help="again every 2 s, until Ctrl-C")
        how.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({name: value for name, value in _everything() if name}))
            return
        try:
            while True:
                lines = "\n".join(f"{name:<20} {value}" for name, value in _everything())
                if not options["watch"]:
                    self.stdout.write(lines)
                    return
                start = CLEAR if self.stdout.isatty() else ""
                self.stdout.write(f"{start}{lines}\n")
                self.stdout.flush()
                time.sleep(2)
        except KeyboardInterrupt:
            return


def _everything() -> Iterator[tuple[str, object]]:
    yield from figures().items()
    seen = advice.signs()
    yield "notes in 24 h", seen.uploads
    yield "worker CPU", "unknown" if seen.cpu_share is None else f"{seen.cpu_share:.0%}"
    if seen.web_seconds is not None:
        yield "web while busy", f"{seen.web_seconds * 1000:.0f} ms"
    given = advice.advise(seen)
    yield "advice", f"{given.word}: {given.why}"
    yield from (("", step) for step in given.steps)


def counts() -> dict[str, int]:
    """How many notes are in each state that an operator asks for; indexed, so cheap."""
    open_notes = Note.objects.filter(processing_status__in=OPEN)
    later = open_notes.filter(lease_token__isnull=True, next_attempt_at__gt=Now())
    held_back = later.filter(error_code__in=QUOTA_CODES).count()
    troubled = Note.objects.exclude(error_code="")
    return {
        "due": Note.objects.claimable().count(),
        "running": open_notes.filter(lease_expires_at__gt=Now()).count(),
        "waiting for retry": later.count() - held_back,
        "waiting for a quota": held_back,
        "failed": troubled.filter(processing_status=Status.FAILED).count(),
        "unfiled for a fault": troubled.filter(processing_status=Status.COMPLETED).count(),
    }


def deliveries() -> dict[str, int]:
    """How many messages to webhooks wait, are held for a paused one, or were given up lately."""
    status = DeliveryStatus
    states = {"waiting": status.PENDING, "held": status.HELD, "given up": status.FAILED}
    rows = Delivery.objects.order_by().values_list("processing_status")
    found = dict(rows.filter(processing_status__in=states.values()).annotate(n=Count("pk")))
    return {state: found.get(status, 0) for state, status in states.items()}


def figures() -> dict[str, object]:
    """The state of the queue, as the rows have it."""
    return {
        **counts(),
        "oldest open": _oldest(),
        "rings in Redis": _rings(),
        "webhook messages": ", ".join(f"{count} {state}" for state, count in deliveries().items()),
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
