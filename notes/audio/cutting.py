"""Where to cut a recording that is longer than a model takes: at the quietest place."""

from __future__ import annotations

from collections.abc import Iterator

from notes.audio.levels import Block
from notes.audio.order import BLOCK_SECONDS

#: The place is looked for in this much sound before the limit, or in half of a short part.
WINDOW = 30.0
#: A place is as quiet as what surrounds it: so many blocks on each side (0.4 s in all).
AROUND = 3


class Cutter:
    """Deals blocks out to parts. A block comes with True where a new part begins with it.

    Only the window before the limit is held back, so a part may be sent while the rest of the
    recording is still being decoded.
    """

    def __init__(self, seconds_per_part: float | None) -> None:
        self._limit = max(int((seconds_per_part or 0) / BLOCK_SECONDS), 2 * AROUND + 2)
        self._unlimited = seconds_per_part is None
        self._window = min(int(WINDOW / BLOCK_SECONDS), self._limit // 2)
        self._passed = 0
        self._held: list[Block] = []

    def take(self, block: Block) -> Iterator[tuple[bool, Block]]:
        """The blocks whose part is known now."""
        if self._unlimited or self._passed < self._limit - self._window:
            yield self._pass(block)
            return
        self._held.append(block)
        if len(self._held) >= self._window:
            yield from self._cut()

    def rest(self) -> Iterator[tuple[bool, Block]]:
        """What was held back: it fits into the part that is open."""
        held, self._held = self._held, []
        for block in held:
            yield self._pass(block)

    def _pass(self, block: Block) -> tuple[bool, Block]:
        self._passed += 1
        return self._passed == 1, block

    def _cut(self) -> Iterator[tuple[bool, Block]]:
        held, self._held = self._held, []
        place = quietest(held)
        for block in held[:place]:
            yield self._pass(block)
        self._passed = 0
        for block in held[place:]:
            yield from self.take(block)


def quietest(blocks: list[Block]) -> int:
    """The index before which to cut: the middle of the quietest place, the last of equals.

    The place where a pause was shortened counts like any other: it is quiet.
    """
    best, lowest = len(blocks), float("inf")
    for at in range(AROUND, len(blocks) - AROUND + 1):
        loudness = sum(block.rms for block in blocks[at - AROUND : at + AROUND])
        if loudness <= lowest:
            best, lowest = at, loudness
    return best
