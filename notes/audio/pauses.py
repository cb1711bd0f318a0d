"""Long pauses are paid for like speech: in the copy, and only there, they are made shorter."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from notes.audio.levels import Block
from notes.audio.order import BLOCK_SECONDS, SHORT_SECONDS

#: Longer pauses are shortened ...
LONGEST = 2.0
#: ... to this on each side: a second in all still sounds like the end of a sentence.
KEPT = 0.5


def _blocks(seconds: float) -> int:
    return round(seconds / BLOCK_SECONDS)


class PauseShortener:
    """Passes blocks on, without the middle of long pauses."""

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled
        self._quiet = 0
        self._held: deque[Block] = deque()

    def take(self, block: Block) -> Iterator[Block]:
        """The blocks that may go on now."""
        # The beginning of any note stays, since nobody knows yet whether it will be a short one.
        if not self._enabled or block.index < _blocks(SHORT_SECONDS):
            yield block
        elif not block.quiet:
            yield from self.rest()
            yield block
        else:
            yield from self._hold(block)

    def rest(self) -> Iterator[Block]:
        """What was held back of the pause that ends now."""
        while self._held:
            yield self._held.popleft()
        self._quiet = 0

    def _hold(self, block: Block) -> Iterator[Block]:
        self._quiet += 1
        if self._quiet <= _blocks(KEPT):
            yield block
            return
        self._held.append(block)
        if self._quiet > _blocks(LONGEST):
            while len(self._held) > _blocks(KEPT):
                self._held.popleft()
