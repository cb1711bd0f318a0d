"""What the fake makes of the sound it received: whose it is, how long, and which words it holds.

The product sends a decoded and encoded copy, so nothing can be told by its bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy

from tests.marks import read_mark, samples_of

#: The product decides about blocks of 60 ms; so does this.
BLOCK = 960
RATE = 16_000
#: What blocks that sound alike may differ by, in dB on average.
ALIKE = 4.0
#: How many blocks are compared at a time, and how far ahead a shortened pause may lead.
LOOK, AHEAD = 12, 600


@dataclass(frozen=True)
class Sound:
    """What was received: its mark, if it has one, and its samples at 16 kHz."""

    mark: str
    samples: Any

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def listen(data: bytes) -> Sound | None:
    """``data`` decoded; None if it is no sound."""
    try:
        samples = samples_of(data)
    except (av.FFmpegError, ValueError, IndexError):
        return None
    return Sound(read_mark(samples), samples) if len(samples) else None


class Clip:
    """A long recording whose words are known by their time.

    ``marks`` is a list of ``{"start", "end", "text"}`` in seconds. The words of each stretch are
    spread over that part of it in which it is loud.
    """

    def __init__(self, recording: Path, marks: Path) -> None:
        self.levels = levels(samples_of(recording.read_bytes()))
        self.words: list[tuple[int, str]] = []
        for mark in json.loads(marks.read_text()):
            first, last = (int(mark[name] * RATE / BLOCK) for name in ("start", "end"))
            loud = [at for at in range(first, last) if self.levels[at] > 40] or [first]
            words = mark["text"].split()
            for number, word in enumerate(words):
                self.words.append((loud[len(loud) * number // len(words)], word))

    @property
    def text(self) -> str:
        return " ".join(word for _, word in self.words)

    def words_in(self, sound: Sound) -> str:
        """The words of the blocks of this clip that ``sound`` consists of."""
        blocks = self.blocks_of(levels(sound.samples))
        return " ".join(word for at, word in self.words if at in blocks)

    def blocks_of(self, heard: Any) -> set[int]:
        """Which blocks of the clip these levels belong to, in order, with pauses left out."""
        begin = min(len(heard), 100)
        at = self._best(heard[:begin], 0, len(self.levels))
        blocks: set[int] = set()
        for number in range(len(heard)):
            window = heard[number : number + LOOK]
            here = self.levels[at : at + len(window)]
            if len(window) == LOOK and _distance(window, here) > ALIKE:
                ahead = heard[number : number + 2 * LOOK]
                at = self._best(ahead, at, at + AHEAD)
            blocks.add(at)
            at += 1
        return blocks

    def _best(self, window: Any, first: int, last: int) -> int:
        stretch = self.levels[first : last + len(window)]
        if len(stretch) <= len(window):
            return first
        views = numpy.lib.stride_tricks.sliding_window_view(stretch, len(window))
        return first + int(numpy.abs(views - window).mean(axis=1).argmin())


def levels(samples: Any) -> Any:
    """The level of each block in dB over one unit, not below 20: codecs make up the rest."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    rms = numpy.sqrt((blocks**2).mean(axis=1)) + 1e-3
    return numpy.maximum(20 * numpy.log10(rms), 20.0)


def _distance(one: Any, other: Any) -> float:
    if len(one) != len(other):
        return 0.0
    return float(numpy.abs(one - other).mean())
