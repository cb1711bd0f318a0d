"""A few database connections serve many threads, so nobody keeps one while waiting for others."""

from __future__ import annotations

from django.db import connection


def release_connection() -> None:
    """Give this thread's connection back to the pool, before a wait for a client or a vendor.

    The next statement takes one again. Nothing happens inside a transaction, nor without a pool:
    SQLite's connections cost others nothing.
    """
    if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
        connection.close()
