"""How far a command has got, for whoever sits in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper


class Progress:
    """A bar on a terminal; elsewhere nothing, since the lines of the parts tell it.

    ``sizes``: what each part of the work counts, such as the bytes of each file.
    """

    WIDTH = 30

    def __init__(self, stream: OutputWrapper, sizes: Mapping[Any, int]) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._count = len(sizes)
        self._sizes = sizes
        self._whole = max(sum(self._sizes.values()), 1)
        self._ended = self._ended_bytes = self._read = 0

    def advance(self, size: int) -> None:
        """So much more of the present part is done."""
        self._read += size
        self._draw()

    def done(self, part: Any) -> None:
        """The present part is through, well or not."""
        self._ended += 1
        self._ended_bytes += self._sizes[part]
        self._read = 0
        self._draw()

    def clear(self) -> None:
        """Make room for a line."""
        if self._live:
            self._stream.write("\r\x1b[K", ending="")

    def _draw(self) -> None:
        if not self._live:
            return
        share = min((self._ended_bytes + self._read) / self._whole, 1.0)
        bar = "#" * int(share * self.WIDTH)
        text = f"\r[{bar:<{self.WIDTH}}] {share:4.0%} {self._ended}/{self._count}"
        self._stream.write(text, ending="")
        self._stream.flush()
