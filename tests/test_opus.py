"""How long a packet of Opus is, by what it says of itself."""

from __future__ import annotations

import pytest

from notes.audio.opus import samples_of, skipped_at_the_start


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (bytes([0 << 3]), 480),  # 10 ms of speech
        (bytes([3 << 3]), 2_880),  # 60 ms
        (bytes([13 << 3 | 1]), 1_920),  # two frames of 20 ms, alike
        (bytes([15 << 3 | 2, 9]), 1_920),
        (bytes([16 << 3]), 120),  # 2.5 ms, the shortest
        (bytes([31 << 3 | 3, 6]), 5_760),  # six of 20 ms: as long as it gets
        (bytes([31 << 3 | 3, 7]), 0),
        (bytes([31 << 3 | 3, 0]), 0),
        (bytes([31 << 3 | 3]), 0),
    ],
)
def test_a_packet_tells_its_length(packet: bytes, samples: int) -> None:
    assert samples_of(packet) == samples


def test_a_header_tells_what_is_skipped() -> None:
    assert skipped_at_the_start(b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0") == 312
    assert skipped_at_the_start(b"") == 0
