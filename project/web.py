"""How gunicorn serves: threads that stay with a connection for a moment.

gunicorn's own threads give a connection back after each answer. Its main thread then watches for
the next request, and hands it to a thread again: two more threads to wake and twenty system calls,
in a process that runs one thread at a time.
"""

from __future__ import annotations

import logging
import select
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

#: What sends one request after the other does so within this. Milliseconds.
PATIENCE = 20


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Serves what a connection asks next without handing it around, while no thread is short."""

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
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(PATIENCE))


class QuietLogger(Logger):  # type: ignore[misc]
    """Composes no access line that is not written: the product has its own, without addresses."""

    def access(self, *told: Any) -> None:
        """Log a request, if anybody wants gunicorn's line."""
        if self.access_log.isEnabledFor(logging.INFO):
            super().access(*told)
