"""The Celery system's database, read and never written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dj_database_url
from django.db import DatabaseError
from django.db.utils import ConnectionHandler

#: Its tables were renamed once.
PREFIXES = ("bau_mental_", "supbrainnote_")
PAGE = 500

Row = dict[str, Any]


class NotTheCelerySystem(Exception):
    """The address does not lead to its database; the text says why, without a password."""


class Source:
    """Its boxes, notes, people and workspaces. A context manager; reads only."""

    def __init__(self, url: str) -> None:
        self._connection = ConnectionHandler({"default": _options(url)})["default"]
        try:
            self._tables = set(self._connection.introspection.table_names())
        except (DatabaseError, OSError) as fault:
            text = f"The old database does not answer ({type(fault).__name__})."
            raise NotTheCelerySystem(text) from None
        found = [prefix for prefix in PREFIXES if f"{prefix}note" in self._tables]
        if not found:
            self.close()
            raise NotTheCelerySystem("There is no table bau_mental_note in the old database.")
        self._prefix = found[0]

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def emails(self) -> dict[uuid.UUID, str]:
        """The address of each of its users."""
        rows = self._rows("SELECT id, email FROM accounts_user", table="accounts_user")
        return {as_uuid(row["id"]): str(row["email"] or "").lower() for row in rows}

    def workspaces(self) -> dict[uuid.UUID, Row]:
        """Name and slug of each workspace."""
        table = "accounts_workspace"
        rows = self._rows("SELECT id, name, slug FROM accounts_workspace", table=table)
        return {as_uuid(row["id"]): row for row in rows}

    def boxes(self) -> list[Row]:
        """All boxes that are not deleted."""
        return self._rows(self._living("*", "box") + " ORDER BY id")

    def boxes_in_use(self) -> list[Row]:
        """``box_id``, ``created_by_id`` and ``workspace_id`` of all notes in boxes, each once."""
        columns = "DISTINCT box_id, created_by_id, workspace_id"
        return self._rows(self._living(columns, "note") + " AND box_id IS NOT NULL")

    def sizes(self) -> dict[uuid.UUID, int]:
        """The size of each note's audio in bytes, at least 1, for a progress bar."""
        rows = self._rows(self._living("id, file_size_bytes", "note"))
        return {as_uuid(row["id"]): max(row["file_size_bytes"] or 0, 1) for row in rows}

    def deleted_notes(self) -> int:
        """How many notes are deleted there, and are left behind."""
        where = f"FROM {self._prefix}note WHERE deleted_at IS NOT NULL"
        return int(self._rows(f"SELECT count(*) AS n {where}")[0]["n"])

    def notes(self) -> Iterator[Row]:
        """All notes that are not deleted, a page at a time: transcripts may not fit in memory."""
        select = self._living("*", "note")
        page = self._rows(f"{select} ORDER BY id LIMIT {PAGE}")
        while page:
            yield from page
            rest = f"{select} AND id > %s ORDER BY id LIMIT {PAGE}"
            page = self._rows(rest, page[-1]["id"])

    def _living(self, columns: str, table: str) -> str:
        # All three are words of this file.
        where = "WHERE deleted_at IS NULL"
        return f"SELECT {columns} FROM {self._prefix}{table} {where}"  # noqa: S608  # nosec B608

    def _rows(self, statement: str, *values: Any, table: str = "") -> list[Row]:
        if table and table not in self._tables:
            return []
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _options(url: str) -> dict[str, Any]:
    try:
        if not url.startswith(("sqlite:", "postgres:", "postgresql:")):
            raise ValueError
        options: dict[str, Any] = {**dj_database_url.parse(url)}
    except (ValueError, KeyError):
        # The parser's own words may quote the password.
        text = "IMPORT_DATABASE_URL must be a postgres:// or sqlite:// address."
        raise NotTheCelerySystem(text) from None
    if "sqlite" in str(options["ENGINE"]):
        return {**options, "OPTIONS": {"init_command": "PRAGMA query_only=ON;"}}
    read_only = {"options": "-c default_transaction_read_only=on", "connect_timeout": 5}
    return {**options, "OPTIONS": {**options.get("OPTIONS", {}), **read_only}}


def as_uuid(value: Any) -> uuid.UUID:
    """An id, which SQLite keeps as text."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


def as_moment(value: Any) -> datetime:
    """A time, which SQLite keeps as text in UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
