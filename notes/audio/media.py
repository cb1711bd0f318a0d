"""Reading with FFmpeg, by PyAV, in the decoder's child process and nowhere else.

Only this module, :mod:`notes.audio.resampling` and :mod:`notes.audio.copies` may import it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import av.logging
from av.audio.fifo import AudioFifo
from av.stream import Disposition

from notes.audio.edges import MatroskaEnding, is_endless_wav, ogg_breaks_off
from notes.audio.opus import OPUS_RATE, OpusPacket, samples_of, skipped_at_the_start
from notes.audio.order import BLOCK_SAMPLES, SHORT_SECONDS
from notes.audio.resampling import resampler_for

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.packet import Packet

#: What FFmpeg calls the containers we take. A playlist or a stream description is none of them.
CONTAINERS = "ogg,matroska,webm,mov,mp3,wav,flac,aac,amr,caf"
CODECS = (
    "opus,libopus,vorbis,libvorbis,aac,mp3,mp3float,mp2,mp2float,flac,alac,amrnb,amrwb,"
    "libopencore_amrnb,libopencore_amrwb,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,"
    "pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw,adpcm_ima_wav,"
    "adpcm_ms,gsm,gsm_ms"
)
OPUS = ("opus", "libopus")
#: The stream has no name and no protocol may be used, so nothing but the stream can be opened.
SAFE = {
    "format_whitelist": CONTAINERS,
    "protocol_whitelist": "none",
    "codec_whitelist": CODECS,
}
BLOCK_BYTES = 2 * BLOCK_SAMPLES
MAX_STREAMS, MAX_RATE, MAX_CHANNELS = 4, 192_000, 8
#: So many unreadable packets in a row are the end of a recording.
MAX_BAD_PACKETS = 2_000


class Refused(Exception):
    """This recording will not be decoded; ``code`` is one of :data:`notes.audio.order.REFUSALS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Sound:
    """The first audio stream of an untrusted file, decoded in constant memory."""

    def __init__(self, file: BinaryIO) -> None:
        """Open it.

        Raises:
          Refused: it is no recording that we take.
        """
        self._broken_off = ogg_breaks_off(file)
        self._endless = is_endless_wav(file)
        self._matroska = MatroskaEnding()
        logging.getLogger("libav").handlers = [self._matroska]
        av.logging.set_level(av.logging.ERROR)
        file.seek(0)
        try:
            self._container = av.open(
                _Nameless(file), "r", metadata_errors="ignore", options=dict(SAFE)
            )
        except (MemoryError, av.error.MemoryError):
            raise
        except (av.FFmpegError, EOFError, ValueError) as fault:
            raise Refused("audio_undecodable") from fault
        self._stream = _only_audio(self._container.streams)
        self.seconds = 0.0
        self.bad_packets = 0
        self._demuxed = self._demux()
        self._ahead: list[Packet[AudioStream]] = []
        self._short_opus: list[OpusPacket] = []
        self._short_seconds = 0.0
        if self._is_voice_opus():
            self._read_ahead()

    def describe(self) -> dict[str, Any]:
        """What it is: container, codec, rate, channels."""
        context = self._stream.codec_context
        return {
            "container": self._container.format.name,
            "codec": context.name,
            "rate": context.sample_rate,
            "channels": context.channels,
        }

    @property
    def short_opus(self) -> list[OpusPacket]:
        """All packets of a short voice note in Opus, if none was a fault so far; else none."""
        return [] if self.bad_packets else self._short_opus

    @property
    def short_opus_seconds(self) -> float:
        """How long those are as sound; 0 without any."""
        return 0.0 if self.bad_packets else self._short_seconds

    @property
    def stream(self) -> AudioStream:
        """What the packets belong to."""
        return self._stream

    @property
    def truncated(self) -> bool:
        """Whether the file ends before the recording does, as far as one can tell."""
        if self._endless:
            return False
        promised = (self._container.duration or 0) / av.time_base
        cut = self._broken_off or self._matroska.broken_off
        return cut or promised > self.seconds * 1.05 + 1.0

    def is_longer_than(self, seconds: float) -> bool:
        """Whether its packets, which are cheap to count, add up to more. Uses this sound up."""
        total = 0.0
        for packet in self._packets():
            if packet.duration and packet.time_base:
                total += float(packet.duration * packet.time_base)
            if total > seconds:
                return True
        return False

    def blocks(self) -> Iterator[bytes]:
        """Its samples: mono, 16 bit, :data:`RATE`, in pieces of one block; the last is shorter.

        ``seconds`` counts what was decoded so far, whatever the headers say.
        """
        resampler, pcm = None, b""
        for frame in self._by_half_seconds():
            resampler = resampler or resampler_for(frame)
            pcm += resampler.take(frame)
            whole = len(pcm) - len(pcm) % BLOCK_BYTES
            yield from _cut(pcm[:whole])
            pcm = pcm[whole:]
        if resampler:
            yield from _cut(pcm + resampler.take(None))

    def _by_half_seconds(self) -> Iterator[AudioFrame]:
        """The sound in longer frames. Decoding and resampling in turns of 20 ms throw each
        other out of the processor's caches: four seconds of Opus took 13 ms, so 9.
        """
        fifo = AudioFifo()
        for frame in self._frames():
            self.seconds += frame.samples / frame.sample_rate
            frame.pts = None  # gaps and jumps in a phone's clock are none of our business
            fifo.write(frame)
            if fifo.samples >= frame.sample_rate / 2 and (longer := fifo.read()):
                yield longer
        if rest := fifo.read():
            yield rest

    def _frames(self) -> Iterator[AudioFrame]:
        first = self._stream.codec_context
        shape = (first.sample_rate, first.channels)
        for frame in self._decoded():
            found = (frame.sample_rate, frame.layout.nb_channels)
            if found != shape:
                if found[0] > MAX_RATE or found[1] > MAX_CHANNELS:
                    raise Refused("audio_too_complex")
                if self.seconds:
                    self.bad_packets += bool(frame.samples)
                    continue
                shape = found if frame.samples else shape
            if frame.samples:
                yield frame

    def _decoded(self) -> Iterator[AudioFrame]:
        """All frames that can be decoded: a damaged packet does not cost the rest."""
        in_a_row = 0
        for packet in self._packets():
            try:
                yield from packet.decode()
                if packet.size:  # the last one is empty: it flushes the decoder
                    in_a_row = 0
            except (av.FFmpegError, EOFError) as fault:
                _not_memory(fault)
                self.bad_packets += 1
                in_a_row += 1
            if in_a_row == MAX_BAD_PACKETS:
                break
        if in_a_row:  # what cannot be read at the end was cut through
            self._broken_off = True

    def _is_voice_opus(self) -> bool:
        """Whether it is what messengers and browsers record, in a container that says so plainly.

        The header of Opus is the same in these (RFC 7845), and another one in MP4 or CAF.
        """
        context = self._stream.codec_context
        plain = self._container.format.name in ("ogg", "matroska,webm")
        head = (context.extradata or b"").startswith(b"OpusHead")
        return plain and head and context.name in OPUS and context.channels == 1

    def _read_ahead(self) -> None:
        """Get to know a short note before its first packet is decoded."""
        packets, samples = [], 0
        for packet in self._demuxed:
            self._ahead.append(packet)
            if packet.size:  # the last one is empty
                content = bytes(packet)
                length = samples_of(content)
                packets.append(OpusPacket(content, length))
                samples += length
                if packet.is_corrupt or not length or samples > SHORT_SECONDS * OPUS_RATE:
                    return
        head = self._stream.codec_context.extradata or b""
        self._short_opus = packets
        self._short_seconds = max(samples - skipped_at_the_start(head), 0) / OPUS_RATE

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        ahead, self._ahead = self._ahead, []
        yield from ahead
        yield from self._demuxed

    def _demux(self) -> Iterator[Packet[AudioStream]]:
        try:
            for packet in self._container.demux(self._stream):
                self._broken_off = self._broken_off or packet.is_corrupt
                yield packet
        except (av.FFmpegError, EOFError) as fault:
            _not_memory(fault)
            self._broken_off = True


def _not_memory(fault: Exception) -> None:
    if isinstance(fault, MemoryError):
        raise fault


def _only_audio(streams: Any) -> AudioStream:
    """The first audio stream.

    Raises:
      Refused: there is none, or there is more than a voice note has.
    """
    if len(streams) > MAX_STREAMS:
        raise Refused("audio_too_complex")
    if any(not video.disposition & Disposition.attached_pic for video in streams.video):
        raise Refused("audio_is_video")
    if not streams.audio:
        raise Refused("audio_no_sound_stream")
    stream: AudioStream = streams.audio[0]
    context = stream.codec_context  # None where FFmpeg has no decoder
    if not context or context.name not in CODECS.split(","):
        raise Refused("audio_codec_unsupported")
    if context.sample_rate > MAX_RATE or context.channels > MAX_CHANNELS:
        raise Refused("audio_too_complex")
    context.thread_count = 1
    return stream


def _cut(pcm: bytes) -> Iterator[bytes]:
    for at in range(0, len(pcm), BLOCK_BYTES):
        yield pcm[at : at + BLOCK_BYTES]


class _Nameless:
    """A stream for FFmpeg to read: it must not learn any name, or it would trust it."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
