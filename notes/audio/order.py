"""What the decoder's child process is asked for, and what it may answer: the words of both sides.

Everything here is plain data. The child runs these lines too, so nothing heavy may be imported.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

#: Samples per second in everything that leaves the decoder: mono, 16 bit.
RATE = 16_000
#: The grain of all decisions (level, pause, cut), and the longest frame Opus has: 60 ms.
BLOCK_SAMPLES = 960
BLOCK_SECONDS = BLOCK_SAMPLES / RATE

#: In a recording no longer than this nothing is shortened: there is nothing to save.
SHORT_SECONDS = 12.0
#: Bits per second of the upload copy: an eighth of the same sound as wav.
OPUS_BITS = 32_000
#: What an Ogg page and the rate control may add to that.
OPUS_HEADROOM = 1.15

CopyFormat = Literal["ogg", "pcm"]


@dataclass(frozen=True)
class Order:
    """What to make of a recording.

    ``max_seconds`` is what its owner may upload; a longer one is refused. ``part_seconds`` and
    ``part_bytes`` are what the model takes in one request (None: no limit). ``copy`` is Ogg/Opus
    for an upload, or bare little-endian samples for a model on this machine. ``shorten_pauses``
    applies to the copy only. ``start`` and ``end`` (seconds in the recording; None: its end) take
    a stretch of it, so that a part can be asked for again in smaller pieces. ``untouched`` allows
    to send a short recording in Opus as it is.
    """

    max_seconds: float = 12_000.0
    part_seconds: float | None = None
    part_bytes: int | None = None
    copy: CopyFormat = "ogg"
    shorten_pauses: bool = True
    start: float = 0.0
    end: float | None = None
    untouched: bool = True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def seconds_per_part(self) -> float | None:
        """The stricter of both limits, in seconds of the copy."""
        limits = [self.part_seconds] if self.part_seconds else []
        if self.part_bytes:
            limits.append(self.part_bytes / self.bytes_per_second)
        return min(limits, default=None)

    @property
    def is_whole(self) -> bool:
        """Whether a short recording makes one part from its beginning to its end."""
        # Decoded, it may be a little longer; and what is as long as a part is cut.
        least = min(self.seconds_per_part or self.max_seconds, self.max_seconds)
        return self.start == 0 and self.end is None and least >= SHORT_SECONDS + 1

    @property
    def bytes_per_second(self) -> float:
        """How large the copy grows at most, per second."""
        return RATE * 2.0 if self.copy == "pcm" else OPUS_BITS / 8 * OPUS_HEADROOM


#: Why a recording was refused; each is a code of :mod:`notes.errors`.
REFUSALS = frozenset(
    {
        "audio_undecodable",  # no sound could be read
        "audio_empty",  # a proper file without any sound in it
        "audio_fragment",  # a later piece of a recording, useless without its first
        "audio_no_sound_stream",
        "audio_is_video",
        "audio_codec_unsupported",
        "audio_too_complex",  # streams, channels, sample rate or memory beyond all reason
        "audio_too_long",
    }
)
