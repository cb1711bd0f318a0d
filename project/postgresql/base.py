"""Connections from the pool are looked at where they are taken, mostly without asking the server.

Django's CONN_HEALTH_CHECKS makes a round trip for each connection taken, and a request takes
another after each wait (notes.connections): a tenth of what an upload cost when it took three. One
that was in use a moment ago is only dead if the server has hung up, which the socket knows.
"""

from __future__ import annotations

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

#: After so many seconds without use something between here and the server may have dropped it
#: without a word; Docker Swarm's network does so after 900.
TRUSTED_SECONDS = 30.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for what it calls a check."""

    @property
    def pool(self) -> Any:
        """This database's, made when first asked for; None where the settings want none."""
        pool = super().pool
        # Django gives it ConnectionPool.check_connection, with no place to name another.
        if pool is not None and not isinstance(pool._check, Check):
            pool._check = Check()
        return pool


class Check:
    """Called by the pool with a connection that somebody is about to get."""

    def __init__(self) -> None:
        self._taken: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()

    def __call__(self, connection: psycopg.Connection[Any]) -> None:
        """Nothing, or:

        Raises:
          psycopg.OperationalError: it is dead; the pool throws it away.
        """
        now = time.monotonic()
        known = now - self._taken.get(connection, -TRUSTED_SECONDS) < TRUSTED_SECONDS
        if not known or _has_spoken(connection):
            ConnectionPool.check_connection(connection)
        self._taken[connection] = now


def _has_spoken(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has sent something unasked, such as a good-bye."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLRDHUP)
    return bool(poll.poll(0))
