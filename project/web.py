"""How gunicorn serves: threads that stay with a connection for a moment, processes that share.

gunicorn's own threads give a connection back after each answer. Its main thread then watches for
the next request, and hands it to a thread again: two more threads to wake and twenty system calls,
in a process that runs one thread at a time.

Its processes all wait for new connections, and whoever wakes first takes one. Of sixteen that stay
open one process was seen to have fourteen, and with them one core all the work.
"""

from __future__ import annotations

import logging
import mmap
import select
import time
from collections.abc import Iterable
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

#: What sends one request after the other does so within this. Milliseconds.
PATIENCE = 20
#: How long a new connection is left to a process with fewer of them, which may be dead. Seconds.
COURTESY = 0.01
#: How often it is looked whether that has taken it. Seconds.
PAUSE = 0.0005
#: More connections than a process can have: it takes none now.
CLOSED = 2**31 - 1


class Crowd:
    """How many connections each process has open, in memory that they share.

    Each process writes in a place of its own, and reads those of all.
    """

    def __init__(self, places: int) -> None:
        self._open = memoryview(mmap.mmap(-1, 4 * places)).cast("i")
        for place in range(places):
            self.say(place, CLOSED)

    def free_place(self, taken: Iterable[int | None]) -> int | None:
        """A place that is not ``taken``; None if there is none."""
        return min(set(range(len(self._open))) - set(taken), default=None)

    def say(self, place: int | None, count: int) -> None:
        """Who has ``place`` has ``count`` connections."""
        if place is not None:
            self._open[place] = count

    def least(self) -> int:
        """The fewest that any process has."""
        return min(self._open)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Serves what a connection asks next without handing it around, while no thread is short.

    ``crowd`` and ``place`` are set before it is forked; without a place nobody waits for it.
    """

    nr_conns: int
    crowd: Crowd | None = None
    place: int | None = None
    #: Until when a connection is left to others.
    _patient_until: float | None = None
    #: The fewest that another has, and did not take one more in time.
    _stuck_at: int | None = None

    def accept(self, listener: Any) -> None:
        """Take a new connection, unless a process that has fewer does so first."""
        if not self._leaves_it():
            super().accept(listener)
            self._tell()
            return
        # It comes back here at once, after what else there is to do.
        time.sleep(PAUSE)
        if not _can_read(listener, 0):
            self._patient_until = None

    def _leaves_it(self) -> bool:
        least = self.crowd.least() if self.crowd is not None else CLOSED
        if self.nr_conns <= least or least == self._stuck_at:
            self._patient_until = None
            return False
        now = time.monotonic()
        self._patient_until = self._patient_until or now + COURTESY
        if now < self._patient_until:
            self._stuck_at = None
            return True
        self._patient_until, self._stuck_at = None, least
        return False

    def finish_request(self, conn: Any, fs: Any) -> None:
        """gunicorn's, which takes a connection whose answer broke off from the count twice."""
        before = self.nr_conns
        super().finish_request(conn, fs)
        self.nr_conns = max(self.nr_conns, before - 1)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do what is to be done, and tell the others how many connections are open then."""
        super().wait_for_and_dispatch_events(timeout)
        self._tell()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take new connections or not, and tell the others from the beginning."""
        super().set_accept_enabled(enabled)
        self._tell()

    def _tell(self) -> None:
        if self.crowd is not None:
            self.crowd.say(self.place, self.nr_conns if self.alive else CLOSED)

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow it at once; what gunicorn's own answers."""
        kept = super().handle(conn)
        while kept is True and self.nr_conns <= self.cfg.threads and _asks_again(conn):
            kept = super().handle(conn)
        return kept


def _asks_again(conn: Any) -> bool:
    """Whether the next request begins to arrive within :data:`PATIENCE`."""
    if conn.is_http2:
        return False
    if conn.parser.unreader.buf.getvalue():
        return True
    return _can_read(conn.sock, PATIENCE)


def _can_read(sock: Any, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(milliseconds))


class QuietLogger(Logger):  # type: ignore[misc]
    """Composes no access line that is not written: the product has its own, without addresses."""

    def access(self, *told: Any) -> None:
        """Log a request, if anybody wants gunicorn's line."""
        if self.access_log.isEnabledFor(logging.INFO):
            super().access(*told)
