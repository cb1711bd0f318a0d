"""Transcription by OpenAI, or by any server that speaks its protocol."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings

from notes.openai_client import Client, Shared, get_client
from notes.openai_failures import json_answer, vendor_errors
from notes.provider import Later
from notes.transcribers import Hints, Limits, Progress, Recording, Segment, Transcript, no_progress
from notes.transcribers.models import clean_keywords, family_of, prompt_from, two_letters

#: whisper-1 names the language it heard in English.
SPOKEN_NAMES = {
    "portuguese": "pt",
    "english": "en",
    "spanish": "es",
    "french": "fr",
    "italian": "it",
    "german": "de",
}


class OpenAITranscriber:
    """One call of ``/audio/transcriptions`` for each part of a recording."""

    provider = "openai"
    exclusive = False

    def __init__(
        self,
        client: Client,
        model: str,
        default_language: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.client = client
        self.model = model
        self.default_language = default_language
        self.limits = limits or Limits(family_of(model).seconds, family_of(model).bytes)

    def transcribe(
        self, recording: Recording, hints: Hints, progress: Progress = no_progress
    ) -> Transcript:
        """The words of ``recording``, which come all at once.

        Raises:
          notes.provider.Later: worth another try.
          notes.provider.Never: not before a person has changed something.
        """
        file = (recording.format.filename, recording.data, recording.format.mime)
        with vendor_errors(audio=True):
            response = self.client.ask(
                "/audio/transcriptions", {"model": self.model, **self._fields(hints)}, file
            )
        return read_transcript(json_answer(response))

    def _fields(self, hints: Hints) -> dict[str, Any]:
        """The form fields that this model takes; empty ones are left out."""
        family = family_of(self.model)
        language = two_letters(hints.language)
        fields: dict[str, Any] = {"chunking_strategy": family.chunking}
        if family.keywords:
            # ``languages`` are what to expect, so the default does no harm; ``language`` is a
            # command, so it is given only when the person gave it.
            language = language or two_letters(self.default_language)
            fields["languages"] = [language] if language else []
            fields["keywords"] = clean_keywords(hints.words)
        else:
            fields["language"] = language
            fields["prompt"] = prompt_from(hints.words) if family.prompt else ""
        fields["response_format"] = family.response_format
        return {name: value for name, value in fields.items() if value}


def read_transcript(answer: dict[str, Any]) -> Transcript:
    """The transcript in ``answer``; whatever else is odd in it is left out.

    Raises:
      notes.provider.Later: "provider_bad_answer", it has no text.
    """
    text = answer.get("text")
    if not isinstance(text, str):
        raise Later("provider_bad_answer")
    return Transcript(
        _storable(text), _language(answer), _seconds(answer.get("duration")), _segments(answer)
    )


def _storable(text: str) -> str:
    """``text`` without what JSON may carry and no database stores: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "").strip()


def _segments(answer: dict[str, Any]) -> tuple[Segment, ...]:
    """What whisper-like models add; an odd one is left out."""
    listed = answer.get("segments")
    segments = []
    for said in listed if isinstance(listed, list) else []:
        if isinstance(said, dict) and isinstance(said.get("text"), str):
            start, end = _seconds(said.get("start")), _seconds(said.get("end"))
            if start is not None and end is not None:
                segments.append(Segment(start, end, _storable(said["text"])))
    return tuple(segments)


def _language(answer: dict[str, Any]) -> str:
    """The first language heard: ``[{"code": "pt"}]``, ``["pt"]``, ``"pt-BR"``, ``"portuguese"``."""
    heard = answer.get("languages") or answer.get("language")
    if isinstance(heard, list):
        heard = heard[0]
    if isinstance(heard, dict):
        heard = heard.get("code")
    if not isinstance(heard, str):
        return ""
    return SPOKEN_NAMES.get(heard.strip().lower()) or two_letters(heard)


def _seconds(duration: object) -> float | None:
    """``duration`` as a number; some servers send it as a string."""
    try:
        seconds = float(str(duration))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


@Shared
def get_openai_transcriber() -> OpenAITranscriber:
    """The transcriber that the settings describe, one per process."""
    model = settings.TRANSCRIPTION_MODEL
    family = family_of(model)
    limits = Limits(
        settings.TRANSCRIPTION_PART_SECONDS or family.seconds,
        settings.TRANSCRIPTION_PART_MB * 1_000_000 or family.bytes,
    )
    return OpenAITranscriber(get_client(), model, settings.DEFAULT_LANGUAGE, limits)
