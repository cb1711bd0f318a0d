"""From whatever a codec gives to mono, 16 bit, :data:`RATE`: with FFmpeg, by PyAV, in the child.

PyAV's own resampler makes its graph of filters when the first frame comes, with threads that find
nothing to do, and hands out 60 ms frames one by one. Here the graph for what messengers send is
made before a decoder is forked, and what comes out of it stays in one piece: together 1.4 of
22.7 ms for a note of four seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from av.audio.frame import AudioFrame
from av.filter import Graph

from notes.audio.order import RATE


class Shape(NamedTuple):
    """What a graph can be given."""

    rate: int
    format: str
    layout: str


#: Opus with one channel, as FFmpeg decodes it.
VOICE = Shape(48_000, "fltp", "mono")


class Resampler:
    """For the frames of one recording, which are all of one shape."""

    def __init__(self, shape: Shape) -> None:
        self._graph = Graph()
        self._graph.threads = 1  # no other thread lives on in a fork, and one is enough
        source = self._graph.add(
            "abuffer",
            sample_rate=str(shape.rate),
            sample_fmt=shape.format,
            channel_layout=shape.layout,
            time_base=f"1/{shape.rate}",
        )
        target = self._graph.add(
            "aformat", sample_rates=str(RATE), sample_fmts="s16", channel_layouts="mono"
        )
        self._graph.link_nodes(source, target, self._graph.add("abuffersink")).configure()

    def take(self, frame: AudioFrame | None) -> bytes:
        """The samples that are known with ``frame``; with None the last ones."""
        self._graph.push(frame)
        pieces: list[bytes] = []
        while True:
            try:
                made = self._graph.pull()
            except (BlockingIOError, EOFError):
                return b"".join(pieces)
            assert isinstance(made, AudioFrame)  # noqa: S101  # nosec B101
            pieces.append(bytes(made.planes[0])[: made.samples * 2])


_ready: list[Resampler] = []


def make_ready() -> None:
    """Make the one for :data:`VOICE`, for whoever comes first: in each fork that is its sound."""
    _ready[:] = [Resampler(VOICE)]


def resampler_for(frame: AudioFrame) -> Resampler:
    """One for this frame and those that follow it."""
    shape = Shape(frame.sample_rate, frame.format.name, frame.layout.name)
    return _ready.pop() if shape == VOICE and _ready else Resampler(shape)
