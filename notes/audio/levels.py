"""How loud a recording is, block by block, and what may be called quiet in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from notes.audio.order import BLOCK_SECONDS

#: Every third sample tells the level well enough, at a third of the time.
STEP = 3
FULL = 32_768

#: What is below this (-72 dBFS) is quiet in any recording.
ALWAYS_QUIET = 8.0
#: Speech stands out of the noise of its room by more than this (6 dB); less than that is a pause.
PAUSE_OVER_FLOOR = 2.0
#: What stands out less than this (3 dB) is not even looked at for speech.
LOOK_OVER_FLOOR = 1.41
#: A room noisier than this (-38 dBFS) has no pauses for us: we could not tell them from speech.
MAX_FLOOR = 412.0
#: The floor follows a drop at once and a rise by half a decibel a second.
RISE = 10 ** (0.5 * BLOCK_SECONDS / 20)


@dataclass(slots=True)
class Block:
    """60 ms of sound (the last may be shorter): its number, its samples, how loud it is.

    ``rms`` and ``peak`` are in units of a 16 bit sample. ``quiet`` is fit for a pause, ``dull``
    not worth a look for speech.
    """

    index: int
    pcm: bytes
    rms: float
    peak: int
    quiet: bool
    dull: bool


def decibels(value: float) -> float:
    """``value`` of full scale in dBFS, not below -120."""
    return round(20 * math.log10(max(value / FULL, 1e-6)), 1)


@dataclass
class Meter:
    """Measures blocks in their order, and sums up the recording."""

    index: int = 0
    peak: int = 0
    loud_blocks: int = 0
    _energy: float = 0.0
    _floor: float = MAX_FLOOR
    waveform: Waveform = field(default_factory=lambda: Waveform())

    def measure(self, pcm: bytes) -> Block:
        """The next block of the recording."""
        samples = memoryview(pcm).cast("h")[::STEP].tolist()
        rms = math.hypot(*samples) / math.sqrt(len(samples))
        peak = max(max(samples), -min(samples))
        self._floor = max(min(rms, self._floor * RISE, MAX_FLOOR), 1.0)
        quiet = rms < max(ALWAYS_QUIET, self._floor * PAUSE_OVER_FLOOR)
        dull = rms < max(ALWAYS_QUIET / 2, self._floor * LOOK_OVER_FLOOR)
        block = Block(self.index, pcm, rms, peak, quiet, dull)
        self.index += 1
        self._energy += rms * rms
        self.peak = max(self.peak, peak)
        self.loud_blocks += not quiet
        self.waveform.add(peak)
        return block

    @property
    def rms(self) -> float:
        """Over the whole recording so far."""
        return math.sqrt(self._energy / self.index) if self.index else 0.0

    @property
    def loud_seconds(self) -> float:
        """How long it was not quiet."""
        return self.loud_blocks * BLOCK_SECONDS


class Waveform:
    """The outline of a recording of unknown length, in constant memory."""

    POINTS = 200

    def __init__(self) -> None:
        self._bins: list[int] = []
        self._blocks_per_bin = 1
        self._count = 0

    def add(self, peak: int) -> None:
        """Take in the peak of the next block."""
        if self._count % self._blocks_per_bin == 0:
            self._bins.append(0)
        self._bins[-1] = max(self._bins[-1], peak)
        self._count += 1
        if len(self._bins) == 4 * self.POINTS and self._count % self._blocks_per_bin == 0:
            self._bins = [max(pair) for pair in zip(self._bins[::2], self._bins[1::2], strict=True)]
            self._blocks_per_bin *= 2

    def points(self) -> list[float]:
        """At most 200 peaks, evenly spread, each 0 to 1."""
        count = len(self._bins)
        wanted = min(count, self.POINTS)
        edges = [at * count // wanted for at in range(wanted + 1)] if wanted else [0]
        peaks = [max(self._bins[a:b]) for a, b in pairwise(edges)]
        return [round(peak / FULL, 3) for peak in peaks]
