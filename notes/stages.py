"""The two stages of a note, each with an actor of its own."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What has to be done: find the words, or find the box."""

    TRANSCRIPTION = "transcription"
    CLASSIFICATION = "classification"

    @property
    def actor(self) -> str:
        """The name of the Dramatiq actor that does it; part of the contract."""
        return "transcribe_audio" if self is Stage.TRANSCRIPTION else "classify_note"

    @property
    def queue(self) -> str:
        """The queue it is rung on; two, so that filing does not wait behind transcriptions."""
        return self.value
