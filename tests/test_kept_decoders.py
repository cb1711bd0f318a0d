"""Who decodes next: a decoder is kept for its owner, and for nobody else."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator

import pytest

from notes.audio import preparing, process
from notes.audio.order import Order
from notes.audio.preparing import prepare, unnamed_file
from notes.audio.report import Part
from notes.provider import ProviderError
from tests.test_untouched_copy import in_one_stream, packets, short_opus

NOTE = short_opus()


@pytest.fixture(autouse=True)
def decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[process.Decoders]:
    made = process.Decoders()
    monkeypatch.setattr(preparing, "decoders", made)
    yield made
    made.close()


def decoded_by(owner: int | None, note: bytes = NOTE) -> int:
    """The pid of the decoder that has decoded ``note``."""
    with unnamed_file([note]) as file, prepare(file, Order(), owner=owner) as preparation:
        parts = preparation.parts()
        try:
            next(parts)
            return preparation.pid
        finally:
            list(parts)


def test_the_next_recording_of_an_owner_has_the_same_decoder() -> None:
    assert decoded_by(1) == decoded_by(1)


def test_nobody_has_a_decoder_of_another_owner() -> None:
    first = decoded_by(1)
    assert decoded_by(2) != first
    assert decoded_by(None) != first
    assert decoded_by(1) == first


def test_without_an_owner_a_decoder_has_one_recording() -> None:
    assert decoded_by(None) != decoded_by(None)


def test_a_damaged_recording_is_the_last_of_its_decoder() -> None:
    damaged = in_one_stream(NOTE, [*packets(NOTE)[:20], b"\xff\xff\xff", *packets(NOTE)[20:]])
    assert decoded_by(1, damaged) != decoded_by(1)


def test_a_refused_recording_is_the_last_of_its_decoder() -> None:
    first = decoded_by(1)
    with pytest.raises(ProviderError):
        decoded_by(1, b"no sound")
    assert decoded_by(1) != first


def test_a_worn_decoder_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_RECORDINGS", 2)
    pids = [decoded_by(1) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_kept_decoder_that_died_costs_nobody_a_recording() -> None:
    first = decoded_by(1)
    os.kill(first, signal.SIGKILL)
    assert decoded_by(1) != first


def test_the_only_part_comes_before_the_rest_is_decoded() -> None:
    with unnamed_file([NOTE]) as file, prepare(file, Order()) as preparation:
        parts: Iterator[Part] = preparation.parts()
        part = next(parts)
        assert part.only
        assert part.speech
        with pytest.raises(AssertionError):
            _ = preparation.findings
        assert list(parts) == []
        assert part.seconds == pytest.approx(preparation.findings.seconds, abs=0.03)
    assert packets(part.data) == packets(NOTE)


def test_a_part_is_the_same_whether_or_not_it_came_early() -> None:
    ends = set()
    for _ in range(3):
        with unnamed_file([NOTE]) as file, prepare(file, Order(), owner=1) as preparation:
            [part] = preparation.parts()
            ends.add((part.start, part.end, part.data))
    assert len(ends) == 1


def test_it_is_encoded_anew_where_its_own_packets_are_not_wanted() -> None:
    with unnamed_file([NOTE]) as file, prepare(file, Order(untouched=False)) as preparation:
        [part] = preparation.parts()
    assert not part.only
    assert not set(packets(part.data)) & set(packets(NOTE))
    assert io.BytesIO(part.data).read(4) == b"OggS"
