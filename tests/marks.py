"""Recordings that can be told apart by their sound, since the provider gets no copy of the bytes.

A mark is twelve hexadecimal digits, each a tone of 100 ms at the end of the recording. It outlives
decoding, resampling and encoding again.
"""

from __future__ import annotations

import io
import os
from functools import cache
from typing import Any

import av
import numpy

from tests.audio_maker import SAMPLE

DIGITS = 12
RATE = 48_000
SLOT = 0.1
#: Within an octave, so that none is a harmonic of another.
PITCHES = [1_050 + 60 * digit for digit in range(16)]


def marked(mark: str = "", seconds: float = 3.0) -> tuple[bytes, str]:
    """The sample's beginning as a messenger sends it, with ``mark`` (or its own) at its end."""
    mark = mark or os.urandom(DIGITS // 2).hex()
    file, at = io.BytesIO(), 0
    packets, template = _sample()
    source: Any
    with av.open(file, "w", format="ogg") as out, av.open(io.BytesIO(template)) as source:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for content in [
            *packets[: round(seconds / 0.02)],
            *(tone for digit in mark for tone in _tones()[int(digit, 16)]),
        ]:
            packet: Any = av.Packet(content)
            packet.stream, packet.time_base = stream, source.streams.audio[0].time_base
            packet.pts = packet.dts = at
            packet.duration = 960
            at += 960
            out.mux(packet)
    return file.getvalue(), mark


def mark_of(sound: bytes) -> str:
    """The mark at the end of ``sound`` (any container); empty if there is none."""
    samples = samples_of(sound)
    return read_mark(samples)


def read_mark(samples: Any) -> str:
    """The mark at the end of ``samples`` (16 kHz), looked for where it is clearest."""
    slot, rate = int(SLOT * 16_000), 16_000
    best, clearest = "", 0.0
    for shift in range(0, 1_600, 80):
        end = len(samples) - shift
        begin = end - DIGITS * slot
        if begin < 0:
            break
        slots = samples[begin:end].reshape(DIGITS, slot)[:, slot * 2 // 5 :]
        power = numpy.abs(numpy.fft.rfft(slots * numpy.hanning(slots.shape[1]), 1_600)) ** 2
        bins = [round(pitch * 1_600 / rate) for pitch in PITCHES]
        tones = power[:, bins] + power[:, [b - 1 for b in bins]] + power[:, [b + 1 for b in bins]]
        share = tones.max(axis=1) / (power.sum(axis=1) + 1.0)
        if share.min() > clearest:
            clearest = float(share.min())
            best = "".join(f"{digit:x}" for digit in tones.argmax(axis=1))
    return best if clearest > 0.25 else ""


def samples_of(sound: bytes) -> Any:
    """``sound`` decoded to mono samples at 16 kHz."""
    resampler = av.AudioResampler("s16", "mono", 16_000, frame_size=16_000)
    pieces = []
    with av.open(io.BytesIO(sound), "r") as container:
        for frame in [*container.decode(audio=0), None]:
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    return numpy.concatenate(pieces).astype(numpy.float32) if pieces else numpy.zeros(0)


def hours(count: float) -> bytes:
    """The sample over and over for so many hours, as a messenger would send it."""
    file, at = io.BytesIO(), 0
    packets, template = _sample()
    source: Any
    with av.open(file, "w", format="ogg") as out, av.open(io.BytesIO(template)) as source:
        stream = out.add_stream_from_template(source.streams.audio[0])
        time_base = source.streams.audio[0].time_base
        while at < count * 3600 * RATE:
            for content in packets:
                packet: Any = av.Packet(content)
                packet.stream, packet.time_base = stream, time_base
                packet.pts = packet.dts = at
                packet.duration = 960
                at += 960
                out.mux(packet)
    return file.getvalue()


@cache
def _sample() -> tuple[list[bytes], bytes]:
    content = SAMPLE.read_bytes()
    with av.open(io.BytesIO(content), "r") as source:
        return [bytes(packet) for packet in source.demux(audio=0) if packet.size], content


@cache
def _tones() -> list[list[bytes]]:
    """For each digit the Opus packets of its tone."""
    return [_packets(pitch) for pitch in PITCHES]


def _packets(pitch: int) -> list[bytes]:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    encoder.bit_rate, encoder.options = 48_000, {"application": "lowdelay"}
    wave = 9_000 * numpy.sin(2 * numpy.pi * pitch * numpy.arange(RATE // 5) / RATE)
    packets = []
    for at in range(10):
        piece = wave[at * 960 : (at + 1) * 960].astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = at * 960
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets[4:9]
