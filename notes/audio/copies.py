"""What a transcriber is sent: written with FFmpeg, by PyAV, in the decoder's child process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import av

from notes.audio.media import Refused, Sound
from notes.audio.order import BLOCK_SAMPLES, OPUS_BITS, RATE, SHORT_SECONDS, Order
from notes.audio.resampling import make_ready

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

Emit = Callable[[bytes], None]
#: Opus of at most so many bits a second stays as it is: what phones and messengers record.
SMALL_BITS = OPUS_BITS * 1.5
SHORT_BYTES = round(SHORT_SECONDS * RATE) * 2
#: Opus counts time in 48,000ths of a second; its shortest frame is 2.5 ms (RFC 6716, section 2).
OPUS_RATE, OPUS_GRAIN = 48_000, 120
OPUS_TIME = Fraction(1, OPUS_RATE)


class Copy(Protocol):
    """A part of the copy in the making, from mono 16 bit samples."""

    def add(self, pcm: bytes) -> None: ...

    def close(self) -> None: ...


def copy_of(sound: Sound, order: Order, emit: Emit) -> Copy:
    """A part of ``sound`` as ordered; what it is made of goes to ``emit`` in pieces."""
    if order.copy == "pcm":
        return PcmCopy(emit)
    if order.is_whole and sound.short_opus:
        return UntouchedCopy(sound, order, emit)
    return OpusCopy(emit)


class _Outlet:
    """A stream for FFmpeg to write; it cannot seek."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def write(self, content: bytes) -> int:
        self._emit(bytes(content))
        return len(content)


class OpusCopy:
    """Ogg/Opus, with nothing in it but the sound."""

    def __init__(self, emit: Emit) -> None:
        self._container = av.open(
            _Outlet(emit), "w", format="ogg", options={"fflags": "+bitexact", "page_duration": "1"}
        )
        # Above 16 kbit/s "audio" is Opus's transform codec: half the CPU of its speech codec.
        options = {
            "application": "audio",
            "compression_level": "0",
            "frame_duration": "60",
            "vbr": "constrained",
            "flags": "+bitexact",
        }
        self._stream = self._container.add_stream(
            "libopus", rate=RATE, layout="mono", options=options
        )
        self._stream.bit_rate = OPUS_BITS
        self._samples = 0

    def add(self, pcm: bytes) -> None:
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = RATE, self._samples
        self._samples += frame.samples
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class UntouchedCopy:
    """Of a short recording that is Opus already: its own packets, in an Ogg file of ours.

    To encode them again would cost a quarter of a decoder's time and a little of the voice. The
    file is made anew, since theirs may tell more than the sound: a place, a device, a name.
    """

    def __init__(self, sound: Sound, order: Order, emit: Emit) -> None:
        self._sound, self._emit, self._most = sound, emit, order.part_bytes
        self._samples = bytearray()
        self._encoded: OpusCopy | None = None

    def add(self, pcm: bytes) -> None:
        if self._encoded:
            self._encoded.add(pcm)
            return
        self._samples += pcm
        if len(self._samples) > SHORT_BYTES:
            self._encode()

    def close(self) -> None:
        packets = [] if self._encoded else self._sound.short_opus
        if _is_small(packets, self._most):
            _remux(packets, self._sound.stream, self._emit)
        else:
            (self._encoded or self._encode()).close()

    def _encode(self) -> OpusCopy:
        """It is longer, or damaged: encode what was held back, and what is to come."""
        self._encoded = OpusCopy(self._emit)
        for at in range(0, len(self._samples), 2 * BLOCK_SAMPLES):
            self._encoded.add(bytes(self._samples[at : at + 2 * BLOCK_SAMPLES]))
        self._samples.clear()
        return self._encoded


def _is_small(packets: list[Packet[AudioStream]], most: int | None) -> bool:
    """Whether they are worth sending as they are: hardly larger than if encoded again."""
    size, samples = sum(one.size for one in packets), _samples(packets)
    known = bool(samples) and all(samples)
    return known and size <= sum(samples) / OPUS_RATE * SMALL_BITS / 8 and size < (most or size + 1)


def _samples(packets: list[Packet[AudioStream]]) -> list[int]:
    """How long each is; 0 if the container does not tell."""
    grains = float((packets[0].time_base if packets else None) or 0) * OPUS_RATE / OPUS_GRAIN
    return [round((one.duration or 0) * grains) * OPUS_GRAIN for one in packets]


def _remux(packets: list[Packet[AudioStream]], source: AudioStream, emit: Emit) -> None:
    """Write ``packets`` one after the other, whatever their clock said."""
    lengths, at = _samples(packets), 0
    with av.open(_Outlet(emit), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream_from_template(source)
        stream.metadata.clear()
        for packet, length in zip(packets, lengths, strict=True):
            packet.stream, packet.time_base = stream, OPUS_TIME
            packet.pts = packet.dts = at
            packet.duration = length
            at += length
            container.mux(packet)


class PcmCopy:
    """Bare samples, for a model on this machine."""

    def __init__(self, emit: Emit) -> None:
        self.add = emit

    def close(self) -> None:
        pass


def rehearse() -> None:
    """Do everything once with sound of our own: PyAV imports the last of itself on the way."""
    file = io.BytesIO()

    def keep(content: bytes) -> None:
        file.write(content)

    copy = OpusCopy(keep)
    copy.add(bytes(2 * BLOCK_SAMPLES))
    copy.close()
    sound = Sound(file)
    list(sound.blocks())
    _remux(sound.short_opus, sound.stream, lambda content: None)
    with contextlib.suppress(Refused):
        Sound(io.BytesIO(b"no sound"))
    make_ready()
