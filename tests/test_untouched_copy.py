"""A short note that is Opus already is sent as its sender's phone encoded it."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import pytest

from notes.audio.order import Order
from tests.audio_maker import encoded, said, speech, wav
from tests.audio_run import decide


def packets(content: bytes) -> list[bytes]:
    with av.open(io.BytesIO(content), "r") as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def short_opus(container: str = "ogg", **metadata: str) -> bytes:
    """Three seconds as a messenger records them."""
    file, rate = io.BytesIO(), 16_000
    with av.open(file, "w", format=container) as out:
        out.metadata.update(metadata)
        stream = out.add_stream("libopus", rate=rate, layout="mono")
        stream.bit_rate = 24_000
        for frame in speech(rate)[:50]:
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def in_one_stream(content: bytes, sounds: list[bytes]) -> bytes:
    """Ogg/Opus of these packets, in a stream like that of ``content``."""
    file, at = io.BytesIO(), 0
    with av.open(file, "w", format="ogg") as out, av.open(io.BytesIO(content)) as source:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for sound in sounds:
            packet: Any = av.Packet(sound)
            packet.stream, packet.time_base = stream, Fraction(1, 48_000)
            packet.pts = packet.dts = at
            packet.duration = 960
            at += 960
            out.mux(packet)
    return file.getvalue()


#: Nearly: 599 packets of 20 ms.
TWELVE_SECONDS = in_one_stream(short_opus(), (packets(short_opus()) * 4)[:599])


@pytest.mark.parametrize("container", ["ogg", "webm"])
def test_a_short_note_in_opus_is_sent_as_it_was_encoded(container: str) -> None:
    note = short_opus(container, title="segredo")
    (part,) = decide(note).parts
    assert packets(part.data) == packets(note)
    assert b"segredo" in note
    assert b"segredo" not in part.data


@pytest.mark.parametrize(
    ("note", "order"),
    [
        pytest.param(short_opus(), Order(start=0.6), id="a stretch of it is asked for"),
        pytest.param(short_opus(), Order(part_seconds=2.0), id="parts must be shorter"),
        pytest.param(TWELVE_SECONDS, Order(part_seconds=12.0), id="it is as long as a part"),
        pytest.param(short_opus(), Order(part_bytes=9_000), id="parts must be smaller"),
        pytest.param(encoded("ogg", "libopus"), Order(), id="it has many bits a second"),
        pytest.param(short_opus("mp4"), Order(), id="its header is another one"),
        pytest.param(wav(said()[:48_000]), Order(), id="it is no Opus"),
    ],
)
def test_any_other_recording_is_encoded_anew(note: bytes, order: Order) -> None:
    parts = decide(note, order).parts
    assert parts
    for part in parts:
        assert not set(packets(part.data)) & set(packets(note))


def test_a_note_that_turns_out_to_be_long_is_encoded_from_its_beginning() -> None:
    short = short_opus()
    note = in_one_stream(short, packets(short) * 5)
    (part,) = decide(note).parts
    assert part.seconds == pytest.approx(15, abs=0.2)
    assert not set(packets(part.data)) & set(packets(note))


def test_a_damaged_note_is_encoded_anew_without_the_damage() -> None:
    short, broken = short_opus(), b"\xff\xff\xff"
    note = in_one_stream(short, [*packets(short)[:20], broken, *packets(short)[20:]])
    decided = decide(note)
    assert decided.findings
    assert decided.findings.bad_packets
    assert not set(packets(decided.parts[0].data)) & set(packets(note))
