"""What a measure is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.sides import Side

#: By the name that the table shows.
Figures = dict[str, float]


@dataclass(frozen=True)
class Measure:
    """``ask`` is done on each side in turn. ``role``: which of its processes run then."""

    name: str
    ask: Callable[[Side, Scale], Figures]
    role: str = "all"
    env: dict[str, str] = field(default_factory=dict)
    #: Both sides at the same time, and once: it counts what is left, and takes minutes.
    once: bool = False
    #: Rounds for each one that is asked for: more where one is short, and as noisy as the machine.
    rounds: int = 1
    #: On the database with a million notes.
    million: bool = False


@dataclass(frozen=True)
class Scale:
    """How much is asked: ``small`` for a smoke run. ``repeat`` rounds, interleaved."""

    repeat: int = 3
    small: bool = False

    def of(self, many: int, few: int) -> int:
        return few if self.small else many
