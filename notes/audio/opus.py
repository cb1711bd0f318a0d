"""What a packet of Opus says of itself (RFC 6716, section 3), without decoding it."""

from __future__ import annotations

from typing import NamedTuple

#: Opus counts time in 48,000ths of a second.
OPUS_RATE = 48_000
#: How long a frame is, by the first five bits of its packet: speech, both, music (table 2).
FRAMES = 3 * (480, 960, 1_920, 2_880) + 2 * (480, 960) + 4 * (120, 240, 480, 960)
#: How many frames a packet has, by its next two bits; it may also say so itself.
COUNTS = (1, 2, 2)
#: No packet is longer: 120 ms.
LONGEST = 5_760


class OpusPacket(NamedTuple):
    """``content`` as it was recorded; ``samples`` at :data:`OPUS_RATE`, how long it is."""

    content: bytes
    samples: int


def samples_of(packet: bytes) -> int:
    """How long ``packet`` is, in samples at :data:`OPUS_RATE`; 0 if it cannot be one."""
    if not packet:
        return 0
    code = packet[0] & 3
    count = COUNTS[code] if code < 3 else packet[1] & 63 if len(packet) > 1 else 0
    samples = FRAMES[packet[0] >> 3] * count
    return samples if samples <= LONGEST else 0


def skipped_at_the_start(head: bytes) -> int:
    """How many samples a decoder drops first, by a header of Opus (RFC 7845, section 5.1)."""
    return int.from_bytes(head[10:12], "little")
