"""What comes out of a recording: speech or none, levels, pauses, parts and where they came from."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Callable
from dataclasses import replace

import pytest

from notes.audio.cutting import Cutter, quietest
from notes.audio.levels import Block, Meter, Waveform
from notes.audio.order import BLOCK_SECONDS, Order
from notes.audio.pauses import PauseShortener
from notes.audio.preparing import prepare, unnamed_file
from tests.audio_maker import (
    chords,
    clicks,
    hum,
    mixed,
    noise,
    rumble,
    said,
    silence,
    wav,
)
from tests.audio_run import DATA, decide

Samples = Callable[[], "array[int]"]

NO_SPEECH: dict[str, Samples] = {
    "digital silence": lambda: silence(5),
    "a whisper of noise": lambda: noise(5, 3),
    "low noise": lambda: noise(5, 40),
    "noise": lambda: noise(5, 1_000),
    "loud noise": lambda: noise(5, 4_000),
    "rumble": lambda: rumble(5),
    "hum": lambda: hum(5),
    "a tone": lambda: hum(5, 440),
    "a click": lambda: clicks(1, (0.4,)),
    "clicks": lambda: clicks(6, (0.5, 1.1, 2.7, 4.0, 5.5)),
    "clicks in low noise": lambda: mixed(clicks(6, (0.5, 2.7, 4.0)), noise(6, 40)),
    "a tenth of a second of speech": lambda: said()[16_000:17_600],
}
SPEECH: dict[str, Samples] = {
    "speech": said,
    "soft speech": lambda: said(0.1),
    "very soft speech": lambda: said(0.02),
    "speech in noise": lambda: mixed(said(0.5), noise(9, 700)),
    "speech in a rumble": lambda: mixed(said(0.5), rumble(9)),
    "speech over music": lambda: mixed(said(), chords(9)),
    "speech after a minute of silence": lambda: silence(60) + said(),
    "a word in ten seconds of noise": lambda: mixed(
        silence(5) + said()[8_000:24_000] + silence(4), noise(10, 100)
    ),
}


@pytest.mark.parametrize("name", NO_SPEECH)
def test_where_nobody_speaks_nobody_pays(name: str) -> None:
    decided = decide(wav(NO_SPEECH[name]()))
    assert not decided.speech
    assert decided.findings
    assert decided.findings.speech_share == 0


@pytest.mark.parametrize("name", SPEECH)
def test_speech_is_heard(name: str) -> None:
    assert decide(wav(SPEECH[name]())).speech


def test_levels_and_waveform_tell_how_loud_it_is() -> None:
    loud, soft = decide(wav(said())).findings, decide(wav(said(0.1))).findings
    assert loud
    assert soft
    assert loud.peak - soft.peak == pytest.approx(20, abs=0.5)
    assert loud.rms - soft.rms == pytest.approx(20, abs=0.5)
    assert -8 < loud.peak <= 0
    assert 0.5 < loud.speech_share < 0.95
    assert 100 < len(loud.waveform) <= 200
    assert max(loud.waveform) == pytest.approx(10 ** (loud.peak / 20), abs=0.01)


@pytest.mark.parametrize("blocks", [0, 1, 7, 199, 200, 201, 799, 800, 5_000, 180_000])
def test_the_waveform_of_any_length_has_200_points_at_most(blocks: int) -> None:
    waveform = Waveform()
    for at in range(blocks):
        waveform.add(32_767 if at == blocks - 1 else 100)
    points = waveform.points()
    assert len(points) == min(blocks, 200) or (blocks > 200 and len(points) == 200)
    if points:
        assert points[-1] == pytest.approx(1, abs=0.001)
        assert len(points) == 1 or points[0] < 0.01


# --- Pauses ---------------------------------------------------------------------------------------


def test_only_long_pauses_are_shortened_and_times_map_back() -> None:
    speech = said()
    recording = speech + silence(1.5) + speech + silence(10) + speech
    decided = decide(wav(recording))
    assert decided.findings
    (part,) = decided.parts
    assert decided.seconds == pytest.approx(len(recording) / 16_000, abs=0.01)
    assert decided.findings.copied_seconds == pytest.approx(part.seconds, abs=0.01)
    # 10 s and what is quiet around them become 1 s.
    assert 8.9 < decided.seconds - part.seconds < 10.5
    assert len(part.stretches) == 2
    later = part.stretches[1]
    assert part.original_time(later.copied_at + 1) == pytest.approx(later.start + 1)
    assert part.original_time(1.0) == pytest.approx(1.0)
    assert part.end == pytest.approx(decided.seconds, abs=0.01)


def test_the_pauses_of_a_short_note_stay() -> None:
    decided = decide(wav(said()[:48_000] + silence(5) + said()[:48_000]))
    assert decided.parts[0].seconds == pytest.approx(11, abs=0.01)


def test_pauses_stay_on_request() -> None:
    recording = wav(said() + silence(30) + said())
    decided = decide(recording, Order(shorten_pauses=False))
    assert decided.parts[0].seconds == pytest.approx(decided.seconds, abs=0.01)


def test_a_pause_in_noise_is_one_and_soft_speech_is_none() -> None:
    noisy = decide(wav(mixed(said() + silence(20) + said(), noise(39, 60))))
    # 20 s, less what lies in the first 12 s of the note, and a second.
    assert 15.5 < noisy.seconds - noisy.parts[0].seconds < 18
    soft = decide(wav(said() + said(0.03) + said()))
    assert soft.parts[0].seconds == pytest.approx(soft.seconds, abs=0.01)


def test_the_shortener_loses_nothing_but_the_middle_of_long_pauses() -> None:
    dice = random.Random(5)
    for _ in range(50):
        blocks, quiet = [], False
        for index in range(600):
            quiet = quiet if dice.random() < 0.98 else not quiet
            blocks.append(Block(index, b"", 1, 1, quiet, quiet))
        shortener = PauseShortener()
        out = [block for block in blocks for block in shortener.take(block)]
        out += shortener.rest()
        assert [block.index for block in out] == sorted({block.index for block in out})
        missing = {block.index for block in blocks} - {block.index for block in out}
        assert all(blocks[index].quiet and index >= 200 for index in missing)


# --- Parts ----------------------------------------------------------------------------------------


def loudness(values: list[float]) -> list[Block]:
    return [Block(at, b"", value, 1, False, False) for at, value in enumerate(values)]


def test_a_cut_is_in_the_middle_of_the_quietest_place() -> None:
    blocks = loudness([9.0] * 40 + [1.0] * 10 + [9.0] * 40)
    assert 43 <= quietest(blocks) <= 47


def test_parts_have_every_block_once_and_keep_the_limit() -> None:
    dice = random.Random(9)
    for seconds in (1, 5, 30, 60, 100):
        blocks = loudness([dice.random() for _ in range(5_000)])
        cutter = Cutter(seconds)
        dealt = [item for block in blocks for item in cutter.take(block)]
        dealt += cutter.rest()
        assert [block.index for _, block in dealt] == list(range(5_000))
        starts = [at for at, (begins, _) in enumerate(dealt) if begins]
        sizes = [b - a for a, b in zip(starts, [*starts[1:], len(dealt)], strict=True)]
        assert max(sizes) * BLOCK_SECONDS <= seconds
        assert min(sizes[:-1]) * BLOCK_SECONDS >= min(seconds / 2, seconds - 30) - 0.2


def test_a_long_note_is_cut_in_its_pauses() -> None:
    sentence = said()
    recording = wav((sentence + silence(1)) * 6)
    decided = decide(recording, Order(part_seconds=25))
    assert [part.index for part in decided.parts] == list(range(len(decided.parts)))
    assert len(decided.parts) == 3
    for part, following in zip(decided.parts, decided.parts[1:], strict=False):
        assert part.seconds <= 25
        assert part.end == pytest.approx(following.start, abs=0.001)
        # In the second of silence, or in the quiet that surrounds it.
        assert min(abs(part.end - 10.094 * n + 0.5) for n in range(1, 6)) < 0.8
    assert decided.parts[-1].end == pytest.approx(decided.seconds, abs=0.01)
    assert all(part.speech for part in decided.parts)


def test_a_part_without_speech_says_so() -> None:
    recording = wav(said() + noise(30, 20) + said())
    parts = decide(recording, Order(part_seconds=12, shorten_pauses=False)).parts
    assert parts[0].speech
    assert not all(part.speech for part in parts)


def test_parts_keep_a_limit_in_bytes() -> None:
    parts = decide(wav(said() * 4), Order(part_bytes=50_000)).parts
    assert len(parts) >= 3
    assert max(len(part.data) for part in parts) <= 50_000


def test_the_same_order_gives_the_same_parts() -> None:
    recording, order = wav(said() * 3), Order(part_seconds=10)
    assert decide(recording, order).parts == decide(recording, order).parts


def test_a_part_can_be_asked_for_again_in_pieces() -> None:
    recording, order = wav(said() * 3), Order(part_seconds=14)
    part = decide(recording, order).parts[0]
    again = replace(order, start=part.start, end=part.end, part_seconds=part.seconds / 2 + 1)
    pieces = decide(recording, again).parts
    assert len(pieces) in (2, 3)
    assert pieces[0].start == pytest.approx(part.start, abs=0.001)
    assert pieces[0].end == pytest.approx(pieces[1].start, abs=0.001)
    assert pieces[-1].end == pytest.approx(part.end, abs=0.06)


def test_a_model_on_this_machine_gets_bare_samples() -> None:
    speech = said()
    (part,) = decide(wav(speech), Order(copy="pcm")).parts
    heard = array("h", part.data)
    assert len(heard) == len(speech)
    assert max(abs(a - b) for a, b in zip(heard, speech, strict=True)) <= 1


def test_parts_come_while_the_rest_is_still_being_decoded() -> None:
    """The child waits for us: of ten parts it has not made the last when we have the first."""
    signs: list[int] = []
    recording = wav(said() * 20)
    order = Order(part_seconds=20, copy="pcm")
    with (
        unnamed_file([recording]) as file,
        prepare(file, order, lambda: signs.append(1)) as preparation,
    ):
        parts = preparation.parts()
        next(parts)
        with pytest.raises(AssertionError):
            _ = preparation.findings
        assert signs
        assert len(list(parts)) >= 8
    assert preparation.findings.seconds == pytest.approx(len(said()) * 20 / 16_000, abs=0.01)


def test_the_meter_counts_what_is_not_quiet() -> None:
    meter = Meter()
    for pcm in (silence(3), said()[:48_000], silence(3)):
        for at in range(0, len(pcm) - 960, 960):
            meter.measure(pcm[at : at + 960].tobytes())
    assert 1.5 < meter.loud_seconds < 3.2


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the long clips lie beside the checkout")
def test_the_long_clip_is_cut_between_its_paragraphs() -> None:
    decided = decide(DATA / "long" / "long25.ogg", Order(part_seconds=300))
    marks = json.loads((DATA / "long" / "long25.marks.json").read_text())
    assert len(decided.parts) >= 5
    for part in decided.parts[:-1]:
        spoken = [mark for mark in marks if mark["start"] + 0.1 < part.end < mark["end"] - 0.1]
        print(f"cut at {part.end:.2f} s", "within a paragraph" if spoken else "between paragraphs")
    assert decided.seconds == pytest.approx(1485.66, abs=0.1)
