"""The threads of a worker that deliver: their own share, so that no slow receiver takes a note's.

There is no queue in Redis for it: a note ends in a worker, so the worker that ended it is told
within the process; what that one leaves, each worker's next look finds in the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Thread

from django.db import connections

log = logging.getLogger(__name__)

#: How many calls a worker makes at once. Threads are started when there is something to deliver.
THREADS = 16

#: Delivers one that is due, calling its argument as soon as it has it; False if there is none.
DeliverNext = Callable[[Callable[[], None]], bool]


class Postman:
    """Delivers what is due when woken; silent in a process that has not started it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._running = 0
        self._deliver_next: DeliverNext | None = None

    def start(self, deliver_next: DeliverNext) -> None:
        """Be ready to be woken."""
        self._deliver_next = deliver_next

    def stop(self) -> None:
        """Begin nothing more; what is under way goes on."""
        self._deliver_next = None

    def wait(self, seconds: float) -> None:
        """Wait until all that is under way has ended, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=max(0.0, seconds))

    def wake(self) -> None:
        """Have one more thread look for what is due, if there may be one more."""
        with self._changed:
            if self._deliver_next is None or self._running >= THREADS:
                return
            self._running += 1
        Thread(name="webhooks", target=self._round, daemon=True).start()

    def _round(self) -> None:
        """Deliver until nothing is due; each find wakes another thread, so many go at once."""
        try:
            while (deliver_next := self._deliver_next) and deliver_next(self.wake):
                pass
        except Exception as fault:
            # The rows stay due, and the next look finds them.
            log.error("webhooks: %s; trying again", type(fault).__name__)
            log.debug("webhooks", exc_info=True)
        finally:
            connections.close_all()
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


postman = Postman()
