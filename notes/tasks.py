"""The two Dramatiq actors. Their names are part of the contract."""

from __future__ import annotations

import uuid

import dramatiq

from notes import pipeline
from notes.stages import Stage


@dramatiq.actor(
    actor_name=Stage.TRANSCRIPTION.actor, queue_name=Stage.TRANSCRIPTION.queue, priority=10
)
def transcribe_audio(note_id: str) -> None:
    """Look whether the note waits for its words; who has found them goes on to its box."""
    note = uuid.UUID(note_id)
    if pipeline.transcribe(note):
        pipeline.classify(note)


@dramatiq.actor(
    actor_name=Stage.CLASSIFICATION.actor, queue_name=Stage.CLASSIFICATION.queue, priority=0
)
def classify_note(note_id: str) -> None:
    """Look whether the note waits for its box."""
    pipeline.classify(uuid.UUID(note_id))
