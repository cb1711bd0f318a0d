"""Connections from the pool are looked at where they are taken, mostly without asking the server;
and statements that are asked again and again are prepared there.

Django's CONN_HEALTH_CHECKS makes a round trip for each connection taken, and a request takes
another after each wait (notes.connections): a tenth of what an upload cost when it took three. One
that was in use a moment ago is only dead if the server has hung up, which the socket knows.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from django.db import Error
from django.db.backends.postgresql import base, operations
from django.db.backends.utils import CursorWrapper
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int2, Int2Dumper, Int4, Int4Dumper, Int8, Int8Dumper
from psycopg_pool import ConnectionPool

#: After so many seconds without use something between here and the server may have dropped it
#: without a word; Docker Swarm's network does so after 900.
TRUSTED_SECONDS = 30.0
#: Where PostgreSQL (plancache.c) refuses a plan whose result a migration has changed: the code of
#: that error, 0A000, has many other meanings, and its text is in the server's language.
SPOILED_PLAN = "RevalidateCachedQuery"


# A value for a column of a known size. Their binary forms, which a server's parameters take, would
# cut one that is too large to that size; as text the server refuses it.
for _size, _dumper in ((Int2, Int2Dumper), (Int4, Int4Dumper), (Int8, Int8Dumper)):
    psycopg.adapters.register_dumper(_size, _dumper)


class DatabaseOperations(operations.DatabaseOperations):
    """Django's, which reads what was executed from a cursor that puts parameters in by itself."""

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> Any:
        """For logs and tests: the statement with its parameters in it."""
        if not isinstance(cursor, PreparedCursor):
            return super().last_executed_query(cursor, sql, params)
        try:
            return self.compose_sql(sql, params)
        except (psycopg.Error, Error):  # it failed for the same reason
            return sql


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for what it calls a check, and with prepared statements."""

    ops_class = DatabaseOperations

    @property
    def pool(self) -> Any:
        """This database's, made when first asked for; None where the settings want none."""
        pool = super().pool
        # Django gives it ConnectionPool.check_connection, with no place to name another.
        if pool is not None and not isinstance(pool._check, Check):
            pool._check = Check()
        return pool

    def prepared_cursor(self) -> CursorWrapper:
        """A cursor for statements of which there are few, asked often: see PreparedCursor.

        Any cursor where the settings want none of that (project.databases).
        """
        if not self.settings_dict.get("PREPARE"):
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors:
            prepared: CursorWrapper = self._prepare_cursor(PreparedCursor(self.connection))  # type: ignore[attr-defined]
            return prepared


class PreparedCursor(psycopg.Cursor[Any]):
    """Has a statement parsed when its connection first meets it with such types of parameters.

    From the sixth time on PostgreSQL may keep one plan for all parameters; for that one a partial
    index serves only what is not a parameter.
    """

    def execute(self, query: Any, params: Any = None, **told: Any) -> Self:
        """As psycopg's.

        Raises:
          psycopg.OperationalError: in a transaction, after a migration has changed the type of what
            was planned. The connection is closed.
        """
        with _preparing(self.connection):
            try:
                return super().execute(query, params, **told)
            except psycopg.errors.FeatureNotSupported as fault:
                if fault.diag.source_function != SPOILED_PLAN:
                    raise
                if self.connection.info.transaction_status != TransactionStatus.IDLE:
                    self.connection.close()
                    raise psycopg.OperationalError("planned before a migration") from fault
                # What the server forgets after this statement must not be prepared by it.
                self.connection._prepared.clear()
                return super().execute(query, params, **told, prepare=False)


@contextmanager
def _preparing(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Statements are prepared within, and nowhere else: psycopg would keep Django's last hundred,
    words of people in them, to see whether one comes again.
    """
    connection.prepare_threshold = 0
    try:
        yield
    finally:
        connection.prepare_threshold = None


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
