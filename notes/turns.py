"""Whose turn it is inside one worker. A turn is taken before the claim, never under a lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event, Lock

#: How often a thread that waits to run alone looks whether the worker is stopping.
LOOK_SECONDS = 0.5


class Turns:
    """Lets many notes run at once, one suspect alone, and one CPU-bound note at a time."""

    def __init__(self, stopping: Event) -> None:
        self._stopping = stopping
        self._changed = Condition()
        self._running = 0
        self._alone = False
        self._cpu = Lock()

    @contextmanager
    def take(self, *, alone: bool, cpu: bool, now: bool = False) -> Iterator[bool]:
        """Run the block in turn; yields False where it must not run.

        ``alone``: with no other note in this worker, waiting for those that run and holding up
        those that come; only if no other one has asked for that. ``cpu``: only if the CPU is free
        now. Whoever had such a turn rings for the next note, so no line of them takes the threads.
        ``now``: only if nobody has asked to be alone.
        """
        if cpu and not self._cpu.acquire(blocking=False):
            yield False
            return
        try:
            if not self._enter(alone, now):
                yield False
                return
            try:
                yield True
            finally:
                self._leave(alone)
        finally:
            if cpu:
                self._cpu.release()

    def _enter(self, alone: bool, now: bool) -> bool:
        with self._changed:
            if ((alone or now) and self._alone) or not self._wait(lambda: not self._alone):
                return False
            if alone:
                self._alone = True
                if not self._wait(lambda: self._running == 0):
                    self._alone = False
                    self._changed.notify_all()
                    return False
            self._running += 1
            return True

    def _leave(self, alone: bool) -> None:
        with self._changed:
            self._running -= 1
            if alone:
                self._alone = False
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool]) -> bool:
        while not condition():
            if self._stopping.is_set():
                return False
            self._changed.wait(LOOK_SECONDS)
        return not self._stopping.is_set()
