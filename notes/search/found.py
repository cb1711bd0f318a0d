"""What a search is asked, and what it gives."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Order = Literal["rank", "newest"]


@dataclass(frozen=True)
class Filters:
    """Which of the owner's notes are looked at; None: all."""

    box: uuid.UUID | None = None
    inbox: bool | None = None
    status: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a note stands in the results; ``score`` is None where they are newest first."""

    created_at: datetime
    note_id: uuid.UUID
    score: int | None = None


@dataclass(frozen=True)
class Found:
    """One page of places, in order, and who can say which words of a text were meant."""

    order: Order
    places: list[Place] = field(default_factory=list)
    meant: Callable[[set[str]], set[str]] = lambda words: set()
