"""Files that pretend to be recordings and are none, made on the spot."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import av

from tests.audio_maker import RATE, encoded, film, silence, speech, wav


def playlists(url: str, neighbour: Path) -> dict[str, bytes]:
    """Texts that make FFmpeg fetch ``url`` or open ``neighbour``, if it believes them."""
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="audio/mp4">'
        '<Representation id="a" bandwidth="1"><BaseURL>{}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    )
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {} RTP/AVP 0\n"
    return {
        "hls": hls.format(f"{url}/a.ogg").encode(),
        "hls file": hls.format(neighbour.as_uri()).encode(),
        "hls nested": hls.format(f"concat:{neighbour}|{url}/b").encode(),
        "ffconcat": f"ffconcat version 1.0\nfile '{neighbour}'\n".encode(),
        "ffconcat relative": f"ffconcat version 1.0\nfile '{neighbour.name}'\n".encode(),
        "ffconcat http": f"ffconcat version 1.0\nfile '{url}/c.ogg'\n".encode(),
        "dash": dash.format(f"{url}/d.mp4").encode(),
        "sdp": sdp.format(url.rpartition(":")[2]).encode(),
    }


#: What a decoder or a careless upload check takes them for.
DISGUISES = {
    "bare": b"",
    "as mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "as aac": b"\xff\xf1\x50\x80\x02\x1f\xfc",
    "as ogg": b"OggS",
    "as riff": b"RIFF\xff\xff\xff\xffWAVE",
}


def flac_of_silence(seconds: int, claims: int) -> bytes:
    """FLAC whose header says ``claims`` seconds."""
    file = io.BytesIO()
    quiet = av.AudioFrame(format="s16", layout="mono", samples=4_608)
    quiet.sample_rate = 8_000
    quiet.planes[0].update(bytes(quiet.planes[0].buffer_size))
    with av.open(file, "w", format="flac") as out:
        stream = out.add_stream("flac", rate=8_000, layout="mono")
        for at in range(seconds * 8_000 // 4_608 + 1):
            quiet.pts = at * 4_608
            out.mux(stream.encode(quiet))
        out.mux(stream.encode(None))
    return with_claim(file.getvalue(), claims * 8_000)


def with_claim(flac: bytes, samples: int) -> bytes:
    """``flac`` with another number of samples in STREAMINFO (36 bits, in the bytes 21 to 25)."""
    byte = flac[21] & 0xF0 | samples >> 32
    return flac[:21] + bytes([byte]) + (samples & 0xFFFFFFFF).to_bytes(4, "big") + flac[26:]


def wav_of_a_gigabyte(folder: Path) -> Path:
    """A header that promises a gigabyte, and the hole on the disk that keeps the promise."""
    path = folder / "sparse"
    body = 1 << 30
    head = bytearray(wav(silence(0)))
    head[4:8], head[40:44] = (body + 36).to_bytes(4, "little"), body.to_bytes(4, "little")
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(len(head) + body)
    return path


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("voice.ogg", bytes(50_000_000))
    return file.getvalue()


def many_streams(count: int) -> bytes:
    """A Matroska file with ``count`` audio streams."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        streams = [out.add_stream("flac", rate=RATE, layout="mono") for _ in range(count)]
        for frame in speech()[:50]:
            for stream in streams:
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode(None))
    return file.getvalue()


def broken_film() -> bytes:
    """A film whose pictures are rubbish."""
    whole = bytearray(film("ffv1", "yuv420p"))
    dice = random.Random(3)
    for at in range(600, len(whole) // 2):
        if dice.random() < 0.2:
            whole[at] = dice.randrange(256)
    return bytes(whole)


def random_bytes(head: bytes = b"", size: int = 20_000, seed: int = 1) -> bytes:
    return head + random.Random(seed).randbytes(size)


#: Small ones, each with the code it ends with.
REFUSED: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "film": (lambda: film("ffv1", "yuv420p"), {"audio_is_video"}),
    "film in mp4": (lambda: film("mpeg4", "yuv420p", "mp4"), {"audio_is_video"}),
    "film in mjpeg": (lambda: film("mjpeg", "yuvj420p"), {"audio_is_video"}),
    "broken film": (broken_film, {"audio_is_video", "audio_undecodable"}),
    "zip bomb": (zip_bomb, {"audio_undecodable"}),
    "five streams": (lambda: many_streams(5), {"audio_too_complex"}),
    "noise": (random_bytes, {"audio_undecodable"}),
    "noise as ogg": (lambda: random_bytes(b"OggS"), {"audio_undecodable"}),
    "noise as webm": (lambda: random_bytes(b"\x1aE\xdf\xa3"), {"audio_undecodable"}),
    "noise as flac": (lambda: random_bytes(b"fLaC"), {"audio_undecodable"}),
    "nine channels": (lambda: with_channels(9), {"audio_too_complex", "audio_undecodable"}),
    "a megahertz": (lambda: with_rate(1_000_000), {"audio_too_complex"}),
}


def with_channels(count: int) -> bytes:
    head = bytearray(wav(silence(1)))
    head[22] = count
    head[32] = count * 2
    return bytes(head)


def with_rate(rate: int) -> bytes:
    return wav(silence(1), rate=rate)


def good_files() -> list[bytes]:
    """One recording of each kind, to be damaged."""
    return [
        encoded("ogg", "libopus"),
        encoded("webm", "libopus"),
        encoded("mp4", "aac"),
        encoded("mp3", "libmp3lame"),
        encoded("flac", "flac"),
        encoded("wav", "pcm_s16le", rate=16_000),
        encoded("adts", "aac"),
        encoded("3gp", "libopencore_amrnb", rate=8_000),
        encoded("caf", "alac", rate=16_000),
        encoded("wav", "adpcm_ms"),
    ]
