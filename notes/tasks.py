"""The two Dramatiq actors. Their names are part of the contract; their bodies are one line."""

from __future__ import annotations

import uuid

import dramatiq

from notes import pipeline
from notes.stages import Stage


@dramatiq.actor(
    actor_name=Stage.TRANSCRIPTION.actor, queue_name=Stage.TRANSCRIPTION.queue, priority=10
)
def transcribe_audio(note_id: str) -> None:
    """Look whether the note waits for its words."""
    pipeline.transcribe(uuid.UUID(note_id))


@dramatiq.actor(
    actor_name=Stage.CLASSIFICATION.actor, queue_name=Stage.CLASSIFICATION.queue, priority=0
)
def classify_note(note_id: str) -> None:
    """Look whether the note waits for its box."""
    pipeline.classify(uuid.UUID(note_id))
