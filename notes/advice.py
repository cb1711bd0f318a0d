"""One app or two? What the signs say, and what to do.

The thresholds are rules of thumb: up to about a thousand notes a day one container does, as long as
its worker leaves the processors to web.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from notes.models import Heartbeat, Note

MANY_UPLOADS = 1000
BUSY_CPU = 0.6
SLOW_WEB_SECONDS = 0.3
LATE = timedelta(minutes=1)
FULL_SHARE = 0.9

STAY, THREADS, WORKER, SPLIT = "stay", "threads", "worker", "split"


class Signs(NamedTuple):
    """``late``: how long the first of the due notes has been due. Shares are of the busiest."""

    uploads: int
    late: timedelta
    running: int
    threads: int
    cpu_share: float | None
    web_seconds: float | None
    is_split: bool


class Advice(NamedTuple):
    """What to do, in a word and in sentences; ``steps`` are in order."""

    word: str
    why: str
    steps: tuple[str, ...] = ()


def signs() -> Signs:
    """As the rows have them; two indexed queries and the few heartbeats."""
    beats = [beat.vitals for beat in Heartbeat.alive() if beat.vitals]
    return Signs(
        uploads=Note.objects.filter(created_at__gt=Now() - timedelta(days=1)).count(),
        late=overdue(),
        running=sum(beat.get("running", 0) for beat in beats),
        threads=sum(beat.get("threads", 0) for beat in beats),
        cpu_share=_largest(beat.get("cpu_share") for beat in beats),
        web_seconds=_largest(beat.get("web_seconds") for beat in beats),
        is_split=any(beat.get("role") == "worker" for beat in beats),
    )


def overdue() -> timedelta:
    """How long the first of the due notes has been due; nothing where none is."""
    due = Note.objects.claimable().annotate(clock=Now()).order_by("next_attempt_at")
    first = due.values_list("clock", "next_attempt_at").first()
    return max(first[0] - first[1], timedelta(0)) if first else timedelta(0)


def advise(seen: Signs) -> Advice:
    """What ``seen`` calls for."""
    is_busy = (seen.cpu_share or 0.0) >= BUSY_CPU
    waits = seen.late >= LATE and seen.running >= FULL_SHARE * seen.threads > 0
    if not seen.is_split and (why := _why_split(seen)):
        return Advice(SPLIT, why, _how_to_split())
    if waits and is_busy:
        step = "Give the worker app one instance more; they share the work by themselves."
        return Advice(WORKER, "notes wait, and the worker's processors are busy", (step,))
    if waits:
        step = f"Set WORKER_THREADS={2 * settings.WORKER_THREADS} and restart the worker."
        return Advice(THREADS, "notes wait while all threads wait for the provider", (step,))
    return Advice(STAY, "nothing calls for a change")


def _why_split(seen: Signs) -> str:
    if (seen.web_seconds or 0.0) >= SLOW_WEB_SECONDS:
        return f"web takes {seen.web_seconds:.1f} s to answer while the worker is busy"
    if (seen.cpu_share or 0.0) >= BUSY_CPU:
        return f"the worker uses {seen.cpu_share:.0%} of the processors that web needs too"
    if seen.uploads > MANY_UPLOADS:
        return f"{seen.uploads} notes came in a day"
    return ""


def _how_to_split() -> tuple[str, ...]:
    first: tuple[str, ...] = ()
    if connection.vendor == "sqlite" or not settings.S3_BUCKET:
        first = ("First move to PostgreSQL, Redis and a bucket; two apps share nothing else.",)
    return (
        *first,
        "1. Make a second app of the same image, with the same variables and PROCESS_ROLE=worker.",
        "2. When manage.py queue shows its worker, set PROCESS_ROLE=web in this app.",
    )


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
