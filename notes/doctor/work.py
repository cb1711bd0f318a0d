"""The workers, and whether they keep up."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from notes.advice import overdue
from notes.doctor.finding import FAIL, OK, WARN, Finding
from notes.models import Heartbeat, Note
from notes.models.note import Status

#: A note that is due for so long is one that nobody takes.
PATIENCE = timedelta(minutes=10)


def worker() -> Finding:
    start = "Start one: honcho start worker"
    beat = Heartbeat.objects.annotate(clock=Now()).order_by("-seen_at").first()
    if beat is None:
        return Finding(FAIL, "none has been seen", start)
    age = (vars(beat)["clock"] - beat.seen_at).total_seconds()
    if age > Heartbeat.silence_allowed().total_seconds():
        return Finding(FAIL, f"{beat.worker} was last seen {age:.0f} s ago", start)
    return Finding(OK, f"{beat.worker} was seen {max(age, 0):.0f} s ago")


def queue() -> Finding:
    """Are due notes taken, and did all that ended end well?"""
    late = Note.objects.claimable().filter(next_attempt_at__lt=Now() - PATIENCE)
    if count := late.count():
        minutes = overdue().total_seconds() / 60
        text = f"{count} notes are due, the first for {minutes:.0f} min"
        return Finding(WARN, text, "See what manage.py queue advises.")
    failed = Note.objects.exclude(error_code="").filter(processing_status=Status.FAILED)
    if count := failed.count():
        text = f"{count} notes have failed"
        return Finding(WARN, text, "Mend the cause, then: manage.py retry_failed")
    return Finding(OK, "nothing waits for long")
