"""The Celery system's tables and audio, as it leaves them behind: on SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.services.postgres import Postgres

#: uuid, time and JSON are text to SQLite.
TYPES = {"sqlite": ("char(32)", "datetime", "text"), "postgres": ("uuid", "timestamptz", "jsonb")}
TABLES = """
CREATE TABLE accounts_user (id {uuid} PRIMARY KEY, email varchar(254) NOT NULL);
CREATE TABLE accounts_workspace
  (id {uuid} PRIMARY KEY, name varchar(255) NOT NULL, slug varchar(255) NOT NULL);
CREATE TABLE {prefix}box (
  id {uuid} PRIMARY KEY, workspace_id {uuid} NOT NULL, name varchar(255) NOT NULL,
  color varchar(7), description text, keywords varchar(500), note_count integer NOT NULL,
  last_note_at {time}, summary text, summary_generated_at {time}, summary_stale boolean,
  created_at {time} NOT NULL, updated_at {time} NOT NULL, deleted_at {time});
CREATE TABLE {prefix}note (
  id {uuid} PRIMARY KEY, workspace_id {uuid} NOT NULL, box_id {uuid}, audio_file varchar(255),
  transcript text, source_type varchar(20) NOT NULL, processing_status varchar(20) NOT NULL,
  ai_confidence double precision, duration_seconds double precision, file_size_bytes integer,
  metadata {json}, created_by_id {uuid}, last_edited_by_id {uuid}, last_edited_at {time},
  created_at {time} NOT NULL, updated_at {time} NOT NULL, deleted_at {time})
"""
MADE, CHANGED = "2026-03-01 10:00:00+00:00", "2026-03-02 11:00:00+00:00"


class CelerySystem:
    """A database with its tables, and a folder with its audio.

    ``url`` is what IMPORT_DATABASE_URL has to say.
    """

    def __init__(
        self, folder: Path, postgres: Postgres | None, *, prefix: str = "bau_mental_"
    ) -> None:
        self.media = folder / "media"
        self.media.mkdir()
        self.prefix = prefix
        self._file = folder / "old.sqlite3"
        self._postgres = postgres
        if postgres:
            self._database = f"old_{uuid.uuid4().hex[:8]}"
            self.url = postgres.create_database(self._database)
        else:
            self.url = f"sqlite:///{self._file}"
        names = dict(zip(("uuid", "time", "json"), TYPES[self.kind], strict=True))
        for statement in TABLES.format(prefix=prefix, **names).split(";"):
            self._run([(statement, ())])

    @property
    def kind(self) -> str:
        return "postgres" if self._postgres else "sqlite"

    def person(self, email: str) -> uuid.UUID:
        return self._insert("accounts_user", {"email": email})

    def workspace(self, slug: str) -> uuid.UUID:
        return self._insert("accounts_workspace", {"name": slug.title(), "slug": slug})

    def box(self, workspace: uuid.UUID, name: str, **columns: Any) -> uuid.UUID:
        row = {"workspace_id": workspace, "name": name, "note_count": 0, **columns}
        return self._insert(f"{self.prefix}box", {"created_at": MADE, "updated_at": CHANGED, **row})

    def note(self, workspace: uuid.UUID, **columns: Any) -> uuid.UUID:
        return self.notes([{"workspace_id": workspace, **columns}])[0]

    def notes(self, rows: Sequence[dict[str, Any]]) -> list[uuid.UUID]:
        """Many notes at once; ``audio`` in a row is stored under its ``audio_file``."""
        statements, ids = [], []
        for row in rows:
            audio = row.pop("audio", None)
            if audio is not None:
                path = self.media / row.pop("stored_as", row["audio_file"])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(audio)
                row["file_size_bytes"] = len(audio)
            defaults = {"source_type": "memo", "processing_status": "completed"}
            times = {"created_at": MADE, "updated_at": CHANGED}
            ids.append(uuid.uuid4())
            row = {"id": ids[-1], **defaults, **times, **row}
            statements.append(self._insertion(f"{self.prefix}note", row))
        self._run(statements)
        return ids

    def close(self) -> None:
        if self._postgres:
            self._postgres.drop_database(self._database)

    def _insert(self, table: str, row: dict[str, Any]) -> uuid.UUID:
        new_id = uuid.uuid4()
        self._run([self._insertion(table, {"id": new_id, **row})])
        return new_id

    def _insertion(self, table: str, row: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
        place = "%s" if self._postgres else "?"
        places = ", ".join([place] * len(row))
        values = tuple(self._value(value) for value in row.values())
        return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", values

    def _value(self, value: Any) -> Any:
        return value.hex if isinstance(value, uuid.UUID) and not self._postgres else value

    def _run(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        if self._postgres:
            with self._postgres.connect(self._database) as server, server.transaction():
                for statement, values in statements:
                    server.execute(statement.encode(), values)
            return
        connection = sqlite3.connect(self._file)
        try:
            with connection:
                for statement, values in statements:
                    connection.execute(statement, values)
        finally:
            connection.close()
