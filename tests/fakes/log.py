"""What the fake was asked, when, and how much at once."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Entry:
    """One request. Times are seconds: monotonic, and wall clock where the name ends in ``_at``.

    ``fields`` are the form's, by the name on the wire (``languages[]``). ``status`` and ``ended``
    are set just before the answer goes out; a connection that was cut has the status 0.
    ``mark`` and ``seconds`` are heard in the sound itself (:mod:`tests.fakes.hearing`).
    """

    endpoint: str
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)
    ended: float | None = None
    ended_at: float | None = None
    status: int | None = None
    fields: dict[str, list[str]] = field(default_factory=dict)
    filename: str = ""
    mime: str = ""
    bytes: int = 0
    sha256: str = ""
    mark: str = ""
    seconds: float = 0.0
    model: str = ""
    json: Any = None


class Log:
    """Every request since the last reset, oldest first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._in_flight = 0
        self.max_in_flight = 0

    def begin(self, endpoint: str) -> Entry:
        with self._changed:
            entry = Entry(endpoint)
            self._entries.append(entry)
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            self._changed.notify_all()
        return entry

    def end(self, entry: Entry, status: int) -> None:
        """Call it before the answer goes out, so that who has the answer finds it in the log."""
        with self._changed:
            if entry.ended is None:
                entry.status, entry.ended, entry.ended_at = status, time.monotonic(), time.time()
                self._in_flight -= 1
                self._changed.notify_all()

    def entries(self, endpoint: str | None = None) -> list[Entry]:
        with self._changed:
            return [entry for entry in self._entries if endpoint in (None, entry.endpoint)]

    def wait_for(self, count: int, endpoint: str | None = None, timeout: float = 10.0) -> None:
        """Wait until ``count`` requests have begun.

        Raises:
          TimeoutError: they did not.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.entries(endpoint)) >= count, timeout):
                raise TimeoutError(f"{len(self.entries(endpoint))} of {count} requests")

    def clear(self) -> None:
        """Forget all; what is in flight still counts as in flight."""
        with self._changed:
            self._entries.clear()
            self.max_in_flight = self._in_flight

    def as_json(self) -> dict[str, Any]:
        with self._changed:
            requests = [asdict(entry) for entry in self._entries]
            return {
                "requests": requests,
                "in_flight": self._in_flight,
                "max_in_flight": self.max_in_flight,
            }
