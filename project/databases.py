"""How Django talks to the two databases we support."""

from __future__ import annotations

from typing import Any

import dj_database_url


def sqlite(url: str) -> dict[str, Any]:
    """Django's options for the SQLite at ``url``.

    WAL alone does not keep web and worker from "database is locked": a transaction that reads and
    then writes fails at once whatever the timeout. IMMEDIATE takes the one write lock at BEGIN.
    """
    return {
        **_parse(url),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            # SQLite lets those that wait for its lock try again at random, so with 80 writers a few
            # wait for very long.
            "timeout": 60,
            # FULL, since an accepted note must survive a power cut; NORMAL may forget the last.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }


def postgresql(url: str, *, pool_size: int, prepare: bool = True) -> dict[str, Any]:
    """Django's options for the PostgreSQL at ``url``, with at most ``pool_size`` connections.

    Connections are borrowed for a few statements and returned before any call to a vendor, so a
    few of them serve all threads of a process. Each may ``prepare`` statements of our own, never
    Django's, which have their parameters in them (project.postgresql).

    Raises:
      ValueError: ``url`` is not the address of a PostgreSQL database.
    """
    config = _parse(url)
    if config["ENGINE"] != "django.db.backends.postgresql":
        raise ValueError("Must be a postgres:// or sqlite:// address.")
    config["ENGINE"] = "project.postgresql"
    config["CONN_MAX_AGE"] = 0
    config["CONN_HEALTH_CHECKS"] = True
    config.setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": pool_size,
        "timeout": 10,
        # One connection less per so many seconds without need.
        "max_idle": 10,
        # The pool doubles the pauses between its tries to connect up to this bound; with its own
        # of five minutes a database that is back would be found as late as it was away.
        "reconnect_timeout": 5,
    }
    config["OPTIONS"].setdefault("connect_timeout", 5)
    config["PREPARE"] = prepare
    # A pooler that knows no prepared statements knows no cursors of the server either.
    config["DISABLE_SERVER_SIDE_CURSORS"] = not prepare
    return config


def _parse(url: str) -> dict[str, Any]:
    try:
        return dict(dj_database_url.parse(url))
    except (ValueError, KeyError) as fault:
        # The message of the parser may quote the password.
        raise ValueError("Must be a postgres:// or sqlite:// address.") from fault
