"""Transcription by OpenAI, or by any server that speaks its protocol."""

from __future__ import annotations

import math
from typing import Any

import openai
from django.conf import settings

from notes.openai_client import Shared, get_client
from notes.openai_failures import json_answer, vendor_errors
from notes.provider import Later, Never
from notes.transcribers import Hints, Progress, Recording, Transcript, no_progress
from notes.transcribers.models import clean_keywords, family_of, prompt_from, two_letters

#: Refused by the vendor, so not worth an upload.
REFUSED = {"aac", "amr", "caf", "3gp"}
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
    """One call of ``/audio/transcriptions`` per recording."""

    provider = "openai"
    exclusive = False

    def __init__(self, client: openai.OpenAI, model: str, default_language: str = "") -> None:
        self.client = client
        self.model = model
        self.default_language = default_language

    def transcribe(
        self, recording: Recording, hints: Hints, progress: Progress = no_progress
    ) -> Transcript:
        """The words of ``recording``, which come all at once.

        Raises:
          notes.provider.Later: worth another try.
          notes.provider.Never: not before a person has changed something;
            "audio_format_unsupported" without a call.
        """
        if recording.format.name in REFUSED:
            raise Never("audio_format_unsupported")
        file = (recording.format.filename, recording.data, recording.format.mime)
        with vendor_errors(audio=True):
            raw = self.client.audio.transcriptions.with_raw_response.create(
                file=file, model=self.model, **self._fields(hints)
            )
        return read_transcript(json_answer(raw.http_response))

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
    # JSON may carry what no database stores: lone surrogates and NUL.
    text = text.encode("utf-8", "replace").decode().replace("\x00", "").strip()
    return Transcript(text, language=_language(answer), seconds=_seconds(answer.get("duration")))


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
    return OpenAITranscriber(get_client(), settings.TRANSCRIPTION_MODEL, settings.DEFAULT_LANGUAGE)
