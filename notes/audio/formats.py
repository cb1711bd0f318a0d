"""What kind of audio is this? Told by its first bytes, never by its name or declared type."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioFormat:
    """A container we accept: our name for it, the extension providers know it by, its MIME type."""

    name: str
    extension: str
    mime: str

    @property
    def filename(self) -> str:
        """The canonical file name: providers refuse by name, not by bytes (``.opus``, ``.oga``)."""
        return f"voice.{self.extension}"


OGG = AudioFormat("ogg", "ogg", "audio/ogg")
WEBM = AudioFormat("webm", "webm", "audio/webm")
MP4 = AudioFormat("mp4", "m4a", "audio/mp4")
MP3 = AudioFormat("mp3", "mp3", "audio/mpeg")
WAV = AudioFormat("wav", "wav", "audio/wav")
FLAC = AudioFormat("flac", "flac", "audio/flac")
AAC = AudioFormat("aac", "aac", "audio/aac")
AMR = AudioFormat("amr", "amr", "audio/amr")
CAF = AudioFormat("caf", "caf", "audio/x-caf")
THREE_GP = AudioFormat("3gp", "3gp", "audio/3gpp")

#: Bare samples as the decoder gives them, for a model on this machine; nobody may upload them.
PCM = AudioFormat("pcm", "pcm", "audio/L16")

FORMATS = {f.name: f for f in (OGG, WEBM, MP4, MP3, WAV, FLAC, AAC, AMR, CAF, THREE_GP)}

#: How many leading bytes :func:`sniff` wants to see.
HEAD_BYTES = 64


def sniff(head: bytes) -> AudioFormat | None:
    """The format whose magic bytes ``head`` begins with, or None for anything else.

    This only turns away what is plainly not audio; whether it can be decoded is found out by the
    worker.
    """
    if head.startswith(b"OggS"):
        return OGG
    if head.startswith(b"\x1aE\xdf\xa3"):
        return WEBM
    if head[4:8] == b"ftyp":
        return THREE_GP if head[8:11] == b"3gp" else MP4
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return WAV
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(b"caff"):
        return CAF
    if head.startswith(b"#!AMR"):
        return AMR
    return _sniff_mpeg(head)


def _sniff_mpeg(head: bytes) -> AudioFormat | None:
    """MP3 (with or without an ID3 tag) and raw AAC share the frame sync of eleven set bits."""
    if head.startswith(b"ID3"):
        return MP3
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return AAC  # ADTS: twelve sync bits, layer 00
    bitrate, rate = head[2] >> 4, (head[2] >> 2) & 3
    if head[1] & 0xE0 == 0xE0 and head[1] & 0x06 == 0x02 and bitrate not in (0, 15) and rate != 3:
        return MP3  # MPEG audio, layer III
    return None
