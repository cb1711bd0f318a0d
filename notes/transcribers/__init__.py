"""Speech in, words out. One vendor, one file; this page is the language they all speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from django.conf import settings

from notes.audio.formats import AudioFormat
from notes.audio.order import CopyFormat


@dataclass(frozen=True)
class Recording:
    """What is to be transcribed: a normalised copy, not the upload. ``seconds`` is its length."""

    data: bytes
    format: AudioFormat
    seconds: float = 0.0


@dataclass(frozen=True)
class Hints:
    """What helps the recogniser.

    ``language`` is what the client asked for (``pt``, ``pt-BR``, ``en`` ...) or None to let the
    model hear for itself. ``words`` are the owner's box names and keywords, most useful first.
    """

    language: str | None = None
    words: tuple[str, ...] = ()


class Segment(NamedTuple):
    """Some words and when they were said, in seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Transcript:
    """What was said. ``text`` is empty when nothing was; ``seconds`` is None where unknown.

    ``segments`` are there if the model tells when it heard what.
    """

    text: str
    language: str = ""
    seconds: float | None = None
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What a model takes in one request, and in which form; None: as much as one likes."""

    seconds: float | None
    bytes: int | None = None
    copy: CopyFormat = "ogg"


#: Says that the work goes on, so that the note's lease may be prolonged.
Progress = Callable[[], object]


def no_progress() -> None:
    """For callers that hold no lease."""


class Transcriber(Protocol):
    """A vendor that turns speech into text.

    ``exclusive`` says that two calls at once would only slow each other down (it uses the CPU).
    """

    provider: str
    model: str
    exclusive: bool
    limits: Limits

    def transcribe(
        self, recording: Recording, hints: Hints, progress: Progress = no_progress
    ) -> Transcript:
        """The words of ``recording``; ``progress`` is called as often as there is some.

        Raises:
          notes.provider.Later: worth another try.
          notes.provider.Never: not before a person has changed something.
        """
        ...


def get_transcriber() -> Transcriber:
    """The transcriber that ``TRANSCRIBER`` names.

    The vendor's file is imported here and not above, so that web, which transcribes nothing, does
    not pay for its SDK.
    """
    if settings.TRANSCRIBER == "openai":
        from notes.transcribers.openai import get_openai_transcriber

        return get_openai_transcriber()
    from notes.transcribers.local import get_local_transcriber

    return get_local_transcriber()
