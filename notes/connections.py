"""A few database connections serve many threads, so nobody keeps one while waiting for others; and
a result waits for a database that is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

#: Between two tries to reach a database that does not answer.
DATABASE_PAUSE = 0.5


def release_connection() -> None:
    """Give this thread's connection back to the pool, before a wait for a client or a vendor.

    The next statement takes one again. Nothing happens inside a transaction, nor without a pool:
    SQLite's connections cost others nothing.
    """
    if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
        connection.close()


def insist(step: Callable[[], T]) -> T:
    """Do ``step``; while the database is away, wait for it as long as a stage may take.

    For a result, which may have been paid for, and which the lease's token in the WHERE makes safe
    to write late: nobody can have taken over in a database that is away.

    Raises:
      django.db.OperationalError, django.db.InterfaceError: it stayed away.
    """
    deadline = time.monotonic() + settings.STAGE_SECONDS
    while True:
        try:
            return step()
        except (InterfaceError, OperationalError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(DATABASE_PAUSE)
