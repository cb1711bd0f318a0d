"""Ringing for a note as web and sweep do, from outside the product."""

from __future__ import annotations

import dramatiq

from notes.broker import DoorbellBroker
from notes.stages import Stage


def ring(redis: str, note: str, times: int) -> None:
    """Put so many messages about the note's transcription into the Redis at this URL."""
    doorbell = DoorbellBroker(url=redis, middleware=[])
    stage = Stage.TRANSCRIPTION
    for _ in range(times):
        doorbell.enqueue(dramatiq.Message(stage.queue, stage.actor, (note,), {}, {}))
    doorbell.bell.close()
    doorbell.client.close()
