"""Finds notes that are due and rings for them again: what Redis forgets, the rows remember."""

from __future__ import annotations

import uuid
from datetime import timedelta

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from notes.broker import bell, broker
from notes.models import Note
from notes.stages import Stage

#: Rings waiting in Redis above which the sweep adds none; the list must not grow without bound.
FULL_QUEUE = 1000


def sweep() -> int:
    """Ring for notes that are due and that nobody rang for lately, oldest first; how many."""
    room = FULL_QUEUE - queue_length()
    if room <= 0:
        return 0
    due = _take_due(room)
    for position, (note_id, stage) in enumerate(due):
        if not bell.ring(stage, note_id):
            _forget_rings([unrung for unrung, _ in due[position:]])
            return position
    return len(due)


def ring_next(stage: Stage) -> None:
    """Ring for the oldest note that waits for ``stage``, if any does."""
    note = Note.objects.claimable(stage).order_by("created_at").values_list("pk").first()
    if note:
        bell.ring(stage, note[0])


def queue_length() -> int:
    """How many rings lie in Redis; 0 where it does not answer, since a ring will find that out."""
    try:
        return sum(broker().do_qsize(stage.queue) for stage in Stage)
    except redis.RedisError:
        return 0


def _take_due(limit: int) -> list[tuple[uuid.UUID, Stage]]:
    """Mark up to ``limit`` due notes as rung, skipping those that another sweeper has in hand."""
    long_ago = Now() - timedelta(seconds=settings.LEASE_SECONDS)
    unrung = Q(rung_at__isnull=True) | Q(rung_at__lt=long_ago)
    with transaction.atomic():
        due = Note.objects.claimable().filter(unrung).order_by("created_at")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        notes = list(due.only("pk", "transcribed_at")[:limit])
        if notes:
            Note.objects.filter(pk__in=[note.pk for note in notes]).update(rung_at=Now())
    return [(note.pk, note.stage) for note in notes]


def _forget_rings(note_ids: list[uuid.UUID]) -> None:
    Note.objects.filter(pk__in=note_ids).update(rung_at=None)
