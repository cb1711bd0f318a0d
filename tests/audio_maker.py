"""Recordings for tests, made by PyAV on the spot from the sample or from numbers."""

from __future__ import annotations

import io
import math
import random
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import av

SAMPLE = Path(__file__).parent.parent / "samples" / "encanador.ogg"
RATE = 48_000


@cache
def speech(rate: int = RATE, layout: str = "mono") -> tuple[Any, ...]:
    """Nine seconds of a person speaking, as frames of 16 bit samples."""
    resampler = av.AudioResampler("s16", layout, rate, frame_size=960)
    frames = []
    with av.open(str(SAMPLE)) as container:
        for frame in [*container.decode(audio=0), None]:
            frames += resampler.resample(frame)
    return tuple(frames)


def seconds_of(frames: tuple[Any, ...]) -> float:
    return float(sum(frame.samples / frame.sample_rate for frame in frames))


def encoded(
    container: str,
    codec: str,
    *,
    rate: int = RATE,
    layout: str = "mono",
    metadata: dict[str, str] | None = None,
    **options: str,
) -> bytes:
    """The speech in ``container`` and ``codec``; ``options`` are the container's."""
    file = io.BytesIO()
    frames = speech(rate, layout)
    with av.open(file, "w", format=container, options=options) as out:
        out.metadata.update(metadata or {})
        stream: Any = out.add_stream(codec, rate=rate, layout=layout)
        fitting = av.AudioResampler(
            stream.format or "s16", layout, rate, frame_size=stream.codec_context.frame_size or 1024
        )
        samples = 0
        for frame in [*frames, None]:
            for piece in fitting.resample(frame):
                piece.pts = samples
                samples += piece.samples
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


class WriteOnly:
    """A file that cannot seek: what is written to it has no duration in its header."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, content: bytes) -> int:
        self.content += content
        return len(content)


def streamed(container: str, codec: str, **options: str) -> bytes:
    """The speech as a browser records it: written once from front to back."""
    file = WriteOnly()
    with av.open(file, "w", format=container, options=options) as out:
        stream: Any = out.add_stream(codec, rate=RATE, layout="mono")
        fitting = av.AudioResampler(
            stream.format, "mono", RATE, frame_size=stream.codec_context.frame_size
        )
        samples = 0
        for frame in [*speech(), None]:
            for piece in fitting.resample(frame):
                piece.pts = samples
                samples += piece.samples
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return bytes(file.content)


def wav(samples: array[int], rate: int = 16_000) -> bytes:
    """``samples`` as a wav file."""
    body = samples.tobytes()
    head = b"RIFF" + (36 + len(body)).to_bytes(4, "little") + b"WAVEfmt "
    head += (16).to_bytes(4, "little") + b"\1\0\1\0" + rate.to_bytes(4, "little")
    head += (rate * 2).to_bytes(4, "little") + b"\2\0\x10\0data" + len(body).to_bytes(4, "little")
    return head + body


def said(gain: float = 1.0) -> array[int]:
    """The speech at 16 kHz, as loud as ``gain`` makes it."""
    samples = array("h")
    for frame in speech(16_000):
        samples.frombytes(bytes(frame.planes[0])[: frame.samples * 2])
    return samples if gain == 1.0 else array("h", (int(value * gain) for value in samples))


def silence(seconds: float) -> array[int]:
    return array("h", bytes(2 * int(16_000 * seconds)))


def noise(seconds: float, level: float) -> array[int]:
    """White noise; ``level`` is its RMS in units of a sample."""
    dice = random.Random(7)
    count = int(16_000 * seconds)
    return array("h", (_clip(dice.gauss(0, level)) for _ in range(count)))


def rumble(seconds: float) -> array[int]:
    """Brown noise, as of wind or a street."""
    dice, value, samples = random.Random(7), 0.0, array("h")
    for _ in range(int(16_000 * seconds)):
        value = value * 0.98 + dice.gauss(0, 200)
        samples.append(_clip(value))
    return samples


def hum(seconds: float, pitch: float = 60.0) -> array[int]:
    step = 2 * math.pi * pitch / 16_000
    return array("h", (int(2_000 * math.sin(step * at)) for at in range(int(16_000 * seconds))))


def clicks(seconds: float, times: tuple[float, ...]) -> array[int]:
    """Silence with a knock at each of ``times``."""
    samples = silence(seconds)
    for time in times:
        for at in range(300):
            samples[int(time * 16_000) + at] = int(25_000 * math.exp(-at / 60) * (-1) ** (at // 3))
    return samples


def chords(seconds: float) -> array[int]:
    """Music without a voice."""
    samples = array("h")
    for at in range(int(16_000 * seconds)):
        root = 220 * 2 ** ((at // 8_000 % 4) * 3 / 12)
        value = sum(math.sin(2 * math.pi * root * f * at / 16_000) for f in (1, 1.26, 1.498))
        samples.append(int(4_000 * value * math.exp(-(at % 8_000) / 4_000)))
    return samples


def mixed(one: array[int], other: array[int]) -> array[int]:
    return array("h", (_clip(a + b) for a, b in zip(one, other, strict=False)))


def _clip(value: float) -> int:
    return max(-32_768, min(32_767, int(value)))


def film(codec: str, pixels: str, container: str = "matroska") -> bytes:
    """Half a second of moving pictures with the beginning of the speech."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        pictures: Any = out.add_stream(codec, rate=10)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = pixels
        sound: Any = out.add_stream("flac", rate=RATE, layout="mono")
        for packet in _pictures(pictures):
            out.mux(packet)
        for frame in speech()[:25]:
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return file.getvalue()


def _pictures(stream: Any) -> Iterator[Any]:
    for at in range(5):
        picture = av.VideoFrame(64, 64, stream.pix_fmt)
        picture.pts = at
        yield from stream.encode(picture)
    yield from stream.encode(None)
