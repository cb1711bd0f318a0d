"""What a transcriber is sent: written with FFmpeg, by PyAV, in the decoder's child process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import av

from notes.audio.media import Refused, Sound
from notes.audio.opus import OPUS_RATE, OpusPacket
from notes.audio.order import BLOCK_SAMPLES, OPUS_BITS, RATE, Order
from notes.audio.resampling import make_ready

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

Emit = Callable[[bytes], None]
#: Opus of at most so many bits a second stays as it is: what phones and messengers record.
SMALL_BITS = OPUS_BITS * 1.5
OPUS_TIME = Fraction(1, OPUS_RATE)


class Copy(Protocol):
    """A part of the copy in the making, from mono 16 bit samples.

    ``whole_seconds`` is how long it is, if that is known before the last sample: it may be closed
    then, and what is added later is in it already.
    """

    @property
    def whole_seconds(self) -> float | None: ...

    def add(self, pcm: bytes) -> None: ...

    def close(self) -> None: ...


def copy_of(sound: Sound, order: Order, emit: Emit) -> Copy:
    """A part of ``sound`` as ordered; what it is made of goes to ``emit`` in pieces."""
    if order.copy == "pcm":
        return PcmCopy(emit)
    if order.untouched and order.is_whole and _is_small(sound.short_opus, order.part_bytes):
        return UntouchedCopy(sound, emit)
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

    whole_seconds = None

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

    def __init__(self, sound: Sound, emit: Emit) -> None:
        self._sound, self._emit = sound, emit
        self._samples = bytearray()
        self._is_closed = False

    @property
    def whole_seconds(self) -> float | None:
        """None if a packet turned out to be damaged: then it is encoded anew."""
        return self._sound.short_opus_seconds or None

    def add(self, pcm: bytes) -> None:
        if not self._is_closed:
            self._samples += pcm

    def close(self) -> None:
        self._is_closed = True
        if packets := self._sound.short_opus:
            pieces: list[bytes] = []
            _remux(packets, self._sound.stream, pieces.append)
            self._emit(b"".join(pieces))  # which wakes the reader once
        else:
            self._encode()

    def _encode(self) -> None:
        copy = OpusCopy(self._emit)
        for at in range(0, len(self._samples), 2 * BLOCK_SAMPLES):
            copy.add(bytes(self._samples[at : at + 2 * BLOCK_SAMPLES]))
        copy.close()


def _is_small(packets: list[OpusPacket], most: int | None) -> bool:
    """Whether they are worth sending as they are: hardly larger than if encoded again."""
    size = sum(len(packet.content) for packet in packets)
    seconds = sum(packet.samples for packet in packets) / OPUS_RATE
    return bool(packets) and size <= seconds * SMALL_BITS / 8 and size < (most or size + 1)


def _remux(packets: list[OpusPacket], source: AudioStream, emit: Emit) -> None:
    """Write ``packets`` one after the other, whatever their clock said."""
    at = 0
    with av.open(_Outlet(emit), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream_from_template(source)
        stream.metadata.clear()
        for content, samples in packets:
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, OPUS_TIME
            packet.pts = packet.dts = at
            packet.duration = samples
            at += samples
            container.mux(packet)


class PcmCopy:
    """Bare samples, for a model on this machine."""

    whole_seconds = None

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
