"""The leases this process holds: renewed together, handed back together."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

from notes.models import Note
from notes.models.job import renew_leases
from notes.models.work import hand_back


class Leases:
    """Which leases are ours, and whether we may still take new ones."""

    def __init__(self) -> None:
        self._tokens: set[uuid.UUID] = set()
        self._lock = Lock()
        self.draining = Event()

    @contextmanager
    def held(self, token: uuid.UUID) -> Iterator[None]:
        """Have the lease ``token`` renewed while the block runs."""
        with self._lock:
            self._tokens.add(token)
        try:
            yield
        finally:
            with self._lock:
                self._tokens.discard(token)

    def renew(self) -> None:
        """Prolong what we hold: one statement, however many notes are in work."""
        if tokens := self._snapshot():
            renew_leases(Note.objects.all(), tokens)

    def hand_back(self) -> int:
        """Give up all we hold, so that the next worker need not wait for it to run out."""
        return hand_back(self._snapshot())

    def _snapshot(self) -> list[uuid.UUID]:
        with self._lock:
            return list(self._tokens)


leases = Leases()
