"""How far a command has got, for whoever sits in front of it."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import OutputWrapper


class Progress:
    """A bar on a terminal; elsewhere nothing, since the lines of the files tell it."""

    WIDTH = 30

    def __init__(self, stream: OutputWrapper, files: list[Path]) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._count = len(files)
        self._sizes = {path: path.stat().st_size for path in files}
        self._whole = max(sum(self._sizes.values()), 1)
        self._ended = self._ended_bytes = self._read = 0

    def advance(self, size: int) -> None:
        """So many bytes more of the present file are on their way."""
        self._read += size
        self._draw()

    def done(self, path: Path) -> None:
        """The present file is through, sent or not."""
        self._ended += 1
        self._ended_bytes += self._sizes[path]
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
