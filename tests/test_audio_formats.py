"""Whatever a phone, a browser or a messenger makes is understood: containers, codecs, lengths."""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import Callable
from typing import Any

import av
import pytest

from notes.audio.formats import sniff
from tests.audio_maker import encoded, seconds_of, speech, streamed, wav
from tests.audio_run import DATA, Decided, decide

#: container, codec and what differs from 48 kHz mono
WHOLE: list[tuple[str, str, dict[str, Any]]] = [
    ("ogg", "libopus", {}),
    ("ogg", "flac", {}),
    ("ogg", "libopus", {"rate": 16_000}),
    ("webm", "libopus", {}),
    ("webm", "libopus", {"layout": "stereo"}),
    ("matroska", "libopus", {}),
    ("matroska", "aac", {}),
    ("matroska", "pcm_s16le", {}),
    ("mp4", "aac", {}),
    ("mp4", "aac", {"rate": 44_100, "layout": "stereo"}),
    ("mp4", "aac", {"moov_size": "20000"}),
    ("mp4", "libopus", {}),
    ("mp4", "flac", {}),
    ("mp4", "libmp3lame", {}),
    ("ipod", "aac", {}),
    ("ipod", "alac", {}),
    ("mov", "aac", {}),
    ("3gp", "aac", {}),
    ("3gp", "libopencore_amrnb", {"rate": 8_000}),
    ("amr", "libopencore_amrnb", {"rate": 8_000}),
    ("adts", "aac", {}),
    ("mp3", "libmp3lame", {}),
    ("mp3", "libmp3lame", {"rate": 44_100, "layout": "stereo"}),
    ("wav", "pcm_s16le", {}),
    ("wav", "pcm_f32le", {}),
    ("wav", "pcm_u8", {}),
    ("wav", "pcm_alaw", {"rate": 8_000}),
    ("wav", "pcm_mulaw", {"rate": 8_000}),
    ("wav", "adpcm_ms", {}),
    ("wav", "adpcm_ima_wav", {}),
    ("wav", "pcm_s16le", {"rate": 192_000, "layout": "stereo"}),
    ("flac", "flac", {}),
    ("caf", "pcm_s16le", {}),
    ("caf", "alac", {}),
]
#: Written from front to back, so that no header says how long they are.
STREAMED: list[tuple[str, str, dict[str, str]]] = [
    ("webm", "libopus", {}),
    ("webm", "libopus", {"live": "1"}),
    ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ("mp4", "aac", {"movflags": "frag_every_frame+empty_moov"}),
    ("ogg", "libopus", {}),
    ("flac", "flac", {}),
    ("wav", "pcm_s16le", {}),
]


@pytest.fixture(scope="module")
def table() -> Any:
    """Rows that are printed together at the end."""
    rows: list[str] = []
    yield rows
    print("\n" + "\n".join(rows))


def named(case: tuple[str, str, dict[str, Any]]) -> str:
    container, codec, rest = case
    return "/".join([container, codec, *(f"{key}={value}" for key, value in rest.items())])


@pytest.mark.parametrize("case", WHOLE, ids=named)
def test_a_whole_recording_is_measured_to_a_tenth_of_a_second(case: Any, table: list[str]) -> None:
    container, codec, rest = case
    check_whole(encoded(container, codec, **rest), named(case), table)


@pytest.mark.parametrize("case", STREAMED, ids=named)
def test_so_is_one_whose_header_cannot_know(case: Any, table: list[str]) -> None:
    container, codec, rest = case
    check_whole(streamed(container, codec, **rest), f"streamed {named(case)}", table)


def check_whole(content: bytes, name: str, table: list[str]) -> None:
    decided = decide(content)
    table.append(decided.row(name))
    assert sniff(content[:64]), "turned away at the door"
    assert decided.speech
    # Encoders with fixed frames (AAC, AMR) begin early or end late by less than a frame.
    assert decided.seconds == pytest.approx(seconds_of(speech()), abs=0.1)
    assert decided.findings
    assert not decided.findings.truncated
    assert not decided.findings.bad_packets
    assert_fit_to_send(decided)


def assert_fit_to_send(decided: Decided) -> None:
    """Ogg/Opus of one channel, a fifth of a wav at most, and as long as it says."""
    for part in decided.parts:
        assert sniff(part.data[:64]).filename == "voice.ogg"  # type: ignore[union-attr]
        with av.open(io.BytesIO(part.data), "r") as copy:
            frames = list(copy.decode(audio=0))
            assert (copy.streams.audio[0].codec_context.name, len(copy.streams)) == ("opus", 1)
        assert frames[0].layout.name == "mono"
        assert sum(f.samples for f in frames) / 48_000 == pytest.approx(part.seconds, abs=0.01)
        if part.seconds > 2:
            assert len(part.data) <= part.seconds * 32_000 / 5


@pytest.mark.parametrize(
    ("container", "codec", "rest"),
    [
        ("ogg", "libopus", {}),
        ("webm", "libopus", {"live": "1"}),
        ("webm", "libopus", {}),
        ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
        ("mp4", "aac", {"moov_size": "20000"}),
        ("adts", "aac", {}),
        ("flac", "flac", {}),
        ("mp3", "libmp3lame", {}),
    ],
)
def test_of_a_truncated_recording_the_rest_is_used_and_said_to_be_one(
    container: str, codec: str, rest: dict[str, str], table: list[str]
) -> None:
    make: Callable[..., bytes] = encoded if "moov_size" in rest else streamed
    whole = make(container, codec, **rest)
    decided = decide(whole[: len(whole) * 6 // 10 + 7])
    table.append(decided.row(f"truncated {container}/{codec}"))
    assert decided.findings
    # An mp3 whose header could not be completed and which ends between frames looks whole.
    assert decided.findings.truncated or container == "mp3"
    assert 2 < decided.seconds < 8


FRAGMENTS: dict[str, Callable[[], bytes]] = {
    "webm cluster": lambda: after(streamed("webm", "libopus"), b"\x1fC\xb6u"),
    "mp4 moof": lambda: after(
        streamed("mp4", "aac", movflags="frag_keyframe+empty_moov+default_base_moof"), b"moof", -4
    ),
}


def after(content: bytes, mark: bytes, shift: int = 0) -> bytes:
    return content[content.index(mark) + shift :]


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_later_piece_alone_has_a_code_of_its_own(name: str, table: list[str]) -> None:
    decided = decide(FRAGMENTS[name]())
    table.append(decided.row(f"fragment {name}"))
    assert decided.code == "audio_fragment"


HOPELESS: dict[str, Callable[[], bytes]] = {
    "mp4 without its index": lambda: encoded("mp4", "aac")[:40_000],
    "empty file": lambda: b"",
    "header of an ogg": lambda: encoded("ogg", "libopus")[:60],
    "text": lambda: b"this is no sound\n" * 40,
    "zeros": lambda: bytes(5_000),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_what_holds_no_sound_is_refused(name: str, table: list[str]) -> None:
    decided = decide(HOPELESS[name]())
    table.append(decided.row(name))
    assert decided.code == "audio_undecodable"


def test_a_file_without_samples_is_empty(table: list[str]) -> None:
    decided = decide(wav(array("h")))
    table.append(decided.row("wav without samples"))
    assert decided.code in ("audio_empty", "audio_undecodable")


@pytest.mark.parametrize("codec", ["ac3"])
def test_a_codec_no_phone_records_in_is_not_tried(codec: str, table: list[str]) -> None:
    decided = decide(encoded("matroska", codec))
    table.append(decided.row(f"matroska/{codec}"))
    assert decided.code == "audio_codec_unsupported"


def manifest() -> list[dict[str, Any]]:
    if not (DATA / "manifest.json").exists():
        return []
    files: list[dict[str, Any]] = json.loads((DATA / "manifest.json").read_text())
    return [file for file in files if not file["file"].startswith("long/long25")]


@pytest.mark.parametrize("clip", manifest(), ids=lambda clip: clip["file"])
def test_every_clip_beside_the_checkout(clip: dict[str, Any], table: list[str]) -> None:
    decided = decide(DATA / clip["file"])
    table.append(decided.row(clip["file"]))
    if clip["seconds"] is None:
        assert decided.code == "audio_undecodable"
        return
    assert decided.seconds == pytest.approx(clip["seconds"], abs=0.1)
    assert decided.speech == (clip["expect"] != "no_speech")
    assert decided.findings
    assert decided.findings.truncated == (clip["expect"] == "broken")


def test_the_copy_has_no_metadata() -> None:
    place = "+12.3456-045.6789/"
    decided = decide(encoded("mp4", "aac", metadata={"location": place, "title": "segredo"}))
    (part,) = decided.parts
    assert place.encode() not in part.data
    assert b"segredo" not in part.data
    assert b"Lavf" not in part.data
