"""Finds notes that are due and rings for them again: what Redis forgets, the rows remember."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import cast

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from notes.broker import bell, broker
from notes.models import Note
from notes.models.job import is_suspected
from notes.stages import Stage

#: Rings waiting in Redis above which the sweep adds none; the list must not grow without bound.
FULL_QUEUE = 1000
#: An empty queue holds no ring: one that is as old as so many sweeps, its note still unclaimed, was
#: lost, or waits in a worker for a thread or its turn. For the latter's sake so few are rung again.
LOST_AFTER_SWEEPS = 2
LOST_AT_ONCE = 64


def sweep() -> int:
    """Ring for notes that are due and that nobody rang for lately, oldest first; how many."""
    room = FULL_QUEUE - (waiting := queue_length())
    if room <= 0:
        return 0
    lease, soon = settings.LEASE_SECONDS, LOST_AFTER_SWEEPS * settings.SWEEP_SECONDS
    if waiting:
        due = _take_due(room, lease)
    else:
        due = _take_due(min(room, LOST_AT_ONCE), min(lease, soon))
        if len(due) == LOST_AT_ONCE:
            due += _take_due(room - LOST_AT_ONCE, lease)
    for position, (note_id, stage) in enumerate(due):
        if not bell.ring(stage, note_id):
            forget_rings([unrung for unrung, _ in due[position:]])
            return position
    return len(due)


def ring_next(stage: Stage) -> None:
    """Ring for the oldest note that waits for ``stage``, if any does."""
    note = Note.objects.claimable(stage).order_by("created_at").values_list("pk").first()
    if note:
        bell.ring(stage, note[0])


def ring_next_suspect() -> None:
    """Ring for the most suspect of the notes that must run alone, if there are any.

    That is the one that crashed most; of several, the one that was taken last before the crash.
    """
    suspects = Note.objects.claimable().filter(is_suspected())
    most = suspects.order_by("-crashes", F("lease_started_at").desc(nulls_last=True), "created_at")
    if note := most.only("pk", "transcribed_at").first():
        bell.ring(note.stage, note.pk)


def queue_length() -> int:
    """How many rings no worker has fetched yet.

    0 where Redis does not answer, since a ring will find that out.
    """
    waiting = [f"{broker().namespace}:{stage.queue}" for stage in Stage]
    try:
        return sum(cast(int, broker().client.llen(name)) for name in waiting)
    except redis.RedisError:
        return 0


def _take_due(limit: int, seconds: float) -> list[tuple[uuid.UUID, Stage]]:
    """Mark up to ``limit`` due notes as rung that nobody rang for in the last ``seconds``.

    Those that another sweeper has in hand are skipped.
    """
    long_ago = Now() - timedelta(seconds=seconds)
    unrung = Q(rung_at__isnull=True) | Q(rung_at__lt=long_ago)
    with transaction.atomic():
        due = Note.objects.claimable().filter(unrung).order_by("created_at")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        notes = list(due.only("pk", "transcribed_at")[:limit])
        if notes:
            Note.objects.filter(pk__in=[note.pk for note in notes]).update(rung_at=Now())
    return [(note.pk, note.stage) for note in notes]


def forget_rings(note_ids: list[uuid.UUID]) -> None:
    """Have the next sweep ring for these notes, however lately somebody did."""
    Note.objects.filter(pk__in=note_ids).update(rung_at=None)
