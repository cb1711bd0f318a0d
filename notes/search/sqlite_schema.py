"""What the database itself does for search on SQLite: an FTS5 table, and triggers that keep it.

``notes_searchrow`` gives each note with words a number that stays, since SQLite may renumber the
rows of a table without an integer key, and the full text is tied to numbers.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = (
    """
    CREATE TABLE notes_searchrow (
        id integer PRIMARY KEY AUTOINCREMENT, note_id char(32) NOT NULL UNIQUE
    )
    """,
    # The owner is a word of a column of its own ("u7"), so that the index itself keeps to it.
    """
    CREATE VIRTUAL TABLE notes_search USING fts5(
        transcript, owner, tokenize = 'unicode61 remove_diacritics 2', prefix = '3'
    )
    """,
)

_FORGET = """
    DELETE FROM notes_search WHERE rowid = (SELECT id FROM notes_searchrow WHERE note_id = OLD.id);
    DELETE FROM notes_searchrow WHERE note_id = OLD.id;
"""
_REMEMBER = """
    INSERT INTO notes_searchrow (note_id) SELECT NEW.id WHERE NEW.transcript <> '';
    INSERT INTO notes_search (rowid, transcript, owner)
    SELECT id, NEW.transcript, 'u' || NEW.owner_id FROM notes_searchrow WHERE note_id = NEW.id;
"""

TRIGGERS = (
    f"""
    CREATE TRIGGER IF NOT EXISTS notes_search_insert AFTER INSERT ON notes_note
    WHEN NEW.transcript <> '' BEGIN {_REMEMBER} END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS notes_search_update AFTER UPDATE OF transcript, owner_id
    ON notes_note WHEN OLD.transcript <> NEW.transcript OR OLD.owner_id <> NEW.owner_id
    BEGIN {_FORGET} {_REMEMBER} END
    """,
    f"""
    CREATE TRIGGER IF NOT EXISTS notes_search_delete AFTER DELETE ON notes_note
    WHEN OLD.transcript <> '' BEGIN {_FORGET} END
    """,
)

FILL = (
    "INSERT INTO notes_searchrow (note_id) SELECT id FROM notes_note WHERE transcript <> ''",
    """
    INSERT INTO notes_search (rowid, transcript, owner)
    SELECT r.id, n.transcript, 'u' || n.owner_id
    FROM notes_searchrow r JOIN notes_note n ON n.id = r.note_id
    """,
)


def create(editor: BaseDatabaseSchemaEditor) -> None:
    """Make tables and triggers, and fill them from the notes there are."""
    _run(editor.connection, *TABLES, *FILL, *TRIGGERS)


def drop(editor: BaseDatabaseSchemaEditor) -> None:
    """Undo :func:`create`."""
    names = ("insert", "update", "delete")
    triggers = (f"DROP TRIGGER IF EXISTS notes_search_{name}" for name in names)
    _run(editor.connection, *triggers, "DROP TABLE notes_search", "DROP TABLE notes_searchrow")


def keep_triggers(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers again where a migration has lost them.

    Django changes a table of SQLite by copying it into another one, and triggers are not copied.
    """
    if "notes_searchrow" in connection.introspection.table_names():
        _run(connection, *TRIGGERS)


def _run(connection: Any, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
