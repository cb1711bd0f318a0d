"""What the decoder's child process found out, as its parent believes it: checked, in plain values.

The child may have been taken over by what it decodes, so nothing it says is used as it came.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

#: More points or stretches than any recording gives.
MOST = 20_000


class Unbelievable(Exception):
    """The child said something that ours would not."""


@dataclass(frozen=True)
class Stretch:
    """Sound that follows on without a gap: ``seconds`` from ``copied_at`` in the part are those
    from ``start`` in the recording."""

    copied_at: float
    start: float
    seconds: float


@dataclass(frozen=True)
class Part:
    """A part of the upload copy.

    ``data`` is a whole file of its own (or bare samples, if those were asked for). ``speech`` says
    whether anybody speaks in it; if not, nobody should pay for it. The same recording and order
    give the same parts every time, so a part that is done may be recognised by its ``start`` and
    ``end``, in seconds of the recording. ``only`` says that it is all of the recording, which may
    be known before the rest of it is decoded.
    """

    index: int
    data: bytes
    speech: bool
    stretches: tuple[Stretch, ...]
    only: bool = False

    @property
    def start(self) -> float:
        return self.stretches[0].start

    @property
    def end(self) -> float:
        return self.stretches[-1].start + self.stretches[-1].seconds

    @property
    def seconds(self) -> float:
        """How long the copy is: what a provider bills."""
        return self.stretches[-1].copied_at + self.stretches[-1].seconds

    def original_time(self, copied_at: float) -> float:
        """The second of the recording that is at second ``copied_at`` of this part."""
        here = self.stretches[0]
        for stretch in self.stretches:
            if stretch.copied_at > copied_at:
                break
            here = stretch
        return here.start + min(max(copied_at - here.copied_at, 0.0), here.seconds)


@dataclass(frozen=True)
class Findings:
    """What is true of the whole recording.

    ``seconds`` counts decoded samples. ``copied_seconds`` is what is left of them in the parts.
    ``speech`` says whether anybody speaks. ``loud_seconds`` is how long it is not quiet; ``peak``
    and ``rms`` are in dBFS. ``waveform`` has up to 200 peaks from 0 to 1. ``truncated`` says that
    the file breaks off; ``bad_packets`` counts what could not be read on the way. ``cpu_seconds``
    is what the decoder used of the CPU.
    """

    seconds: float
    copied_seconds: float
    speech: bool
    loud_seconds: float
    peak: float
    rms: float
    waveform: tuple[float, ...]
    truncated: bool
    bad_packets: int
    container: str
    codec: str
    rate: int
    channels: int
    cpu_seconds: float = 0.0

    @property
    def speech_share(self) -> float:
        """The share of the recording in which somebody speaks, 0 to 1; 0 without speech."""
        return min(self.loud_seconds / self.seconds, 1.0) if self.speech and self.seconds else 0.0


def read_part(said: dict[str, Any], index: int, data: bytes) -> Part:
    """A part from the child's words about it.

    Raises:
      Unbelievable: they make no sense.
    """
    listed = _list(said.get("stretches"))
    stretches = tuple(Stretch(*(_number(value) for value in _list(item, 3))) for item in listed)
    if not stretches or not data:
        raise Unbelievable
    return Part(index, data, said.get("speech") is True, stretches, said.get("only") is True)


def read_findings(said: dict[str, Any], sound: dict[str, Any], speech: bool) -> Findings:
    """The findings from the child's words at the end, and at the beginning (``sound``).

    Raises:
      Unbelievable: they make no sense.
    """
    return Findings(
        seconds=_number(said.get("seconds")),
        copied_seconds=_number(said.get("copied_seconds")),
        speech=speech,
        loud_seconds=_number(said.get("loud_seconds")),
        peak=_number(said.get("peak"), least=-120.0),
        rms=_number(said.get("rms"), least=-120.0),
        waveform=tuple(min(_number(point), 1.0) for point in _list(said.get("waveform"))),
        truncated=said.get("truncated") is True,
        bad_packets=int(_number(said.get("bad_packets"))),
        container=_word(sound.get("container")),
        codec=_word(sound.get("codec")),
        rate=int(_number(sound.get("rate"))),
        channels=int(_number(sound.get("channels"))),
        cpu_seconds=_number(said.get("cpu_seconds", 0.0)),
    )


def _number(value: object, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unbelievable
    if not math.isfinite(value) or not least <= value <= 1e9:
        raise Unbelievable
    return float(value)


def _list(value: object, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST or length not in (None, len(value)):
        raise Unbelievable
    return value


def _word(value: object) -> str:
    """A short name in plain letters."""
    if not isinstance(value, str):
        raise Unbelievable
    return "".join(letter for letter in value[:40] if letter.isascii() and letter.isprintable())
