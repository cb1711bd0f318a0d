"""The leases this process holds: renewed together, handed back together."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event

from notes.models import Note
from notes.models.job import renew_leases
from notes.models.work import hand_back


class Leases:
    """Which leases are ours, and whether we may still take new ones."""

    def __init__(self) -> None:
        self._tokens: set[uuid.UUID] = set()
        self._busy = 0
        self._changed = Condition()
        self.draining = Event()

    @contextmanager
    def admitted(self) -> Iterator[bool]:
        """Count the block as work that a stop waits for; yields False where the stop has begun."""
        with self._changed:
            welcome = not self.draining.is_set()
            self._busy += welcome
        try:
            yield welcome
        finally:
            with self._changed:
                self._busy -= welcome
                self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Admit nothing more, and wait up to ``seconds`` for what was admitted."""
        with self._changed:
            self.draining.set()
            self._changed.wait_for(lambda: not self._busy, seconds)

    @contextmanager
    def held(self, token: uuid.UUID) -> Iterator[None]:
        """Have the lease ``token`` renewed while the block runs."""
        with self._changed:
            self._tokens.add(token)
        try:
            yield
        finally:
            with self._changed:
                self._tokens.discard(token)

    def count(self) -> int:
        """How many notes this process has in work."""
        return len(self._snapshot())

    def renew(self) -> None:
        """Prolong what we hold: one statement, however many notes are in work."""
        if tokens := self._snapshot():
            renew_leases(Note.objects.all(), tokens)

    def hand_back(self) -> int:
        """Give up all we hold, so that the next worker need not wait for it to run out."""
        return hand_back(self._snapshot())

    def _snapshot(self) -> list[uuid.UUID]:
        with self._changed:
            return list(self._tokens)


leases = Leases()
