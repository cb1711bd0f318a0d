"""Commits that need not wait for the disk, because another one that does follows at once.

PostgreSQL writes commits to its log in their order: whoever waits until the last one is on the
disk has waited for those before it too (postgresql.org, "Asynchronous Commit"). An upload that is
not taken in at once (:mod:`notes.models.admission`) writes its key, then its count, then its note,
and is answered after the last. The seconds of a call are counted for its owner, then for all; the
call comes after that. If the machine dies in between, what was counted for a note that nobody was
promised, or for a call that was not made, may be gone with it.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import BooleanField, Func

#: Asked within a statement, this holds for the transaction that the statement is.
_LATER = "set_config('synchronous_commit', 'off', true)"


class CommitsLater(Func):
    """A condition that is always true; its statement's commit is not waited for on PostgreSQL."""

    template = "TRUE"
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return f"{_LATER} IS NOT NULL", ()


def commit_later() -> str:
    """What a statement selects or returns for the same; empty where it is no transaction alone."""
    alone = connection.vendor == "postgresql" and not connection.in_atomic_block
    return _LATER if alone else ""
