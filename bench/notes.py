"""A million notes in PostgreSQL, the same ones for the same seed."""

from __future__ import annotations

import json
import random
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from django.contrib.auth.models import User
from django.db import connection
from psycopg import sql

from bench.vocabulary import SEED, vocabulary
from notes.models import Box, Note

START = datetime(2025, 1, 1, tzinfo=UTC)
ORDINARY = 1000  # notes of an ordinary user
BOXES = 8


def build(notes: int, heavy: int) -> None:
    """Users, boxes and ``notes`` notes, ``heavy`` of them of the user ``heavy``.

    Notes of all users come in turn, over two years. The words are indexed after the notes are
    there, by two connections; a running product does it note by note.
    """
    chance = random.Random(SEED)
    users = [User.objects.create(username="heavy")]
    users += User.objects.bulk_create(
        User(username=f"user{n}") for n in range((notes - heavy) // ORDINARY or 1)
    )
    boxes = {user.pk: _boxes(user) for user in users}
    say(f"copying {notes:,} notes of {len(users):,} users")
    connection.close()
    with psycopg.connect(url()) as link, link.cursor() as cursor:
        # Without triggers, those of foreign keys included.
        cursor.execute("SET session_replication_role = replica")
        with cursor.copy(copy_statement()) as copy:
            for row in rows(chance, notes, heavy, users, boxes):
                copy.write_row(row)
    say("indexing their words")
    index_words()
    with psycopg.connect(url(), autocommit=True) as link:
        link.execute("VACUUM ANALYZE notes_note, notes_search")


def say(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)


def url() -> str:
    """Where Django's database is, for psycopg."""
    given = connection.settings_dict
    return f"postgres://{given['USER']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def _boxes(user: User) -> list[uuid.UUID]:
    made = Box.objects.bulk_create(Box(owner=user, name=f"Caixa {n}") for n in range(BOXES))
    return [box.pk for box in made]


def _columns() -> list[Any]:
    return [
        field
        for field in Note._meta.concrete_fields
        if field.column == "created_at" or not field.has_db_default()
    ]


def copy_statement() -> sql.Composed:
    """COPY of when a note was made, and of every column without a default in the database."""
    names = sql.SQL(", ").join(sql.Identifier(field.column) for field in _columns())
    return sql.SQL("COPY notes_note ({}) FROM STDIN").format(names)


def rows(
    chance: random.Random,
    notes: int,
    heavy: int,
    users: list[User],
    boxes: dict[int, list[uuid.UUID]],
) -> Iterator[list[Any]]:
    """A row for COPY per note, oldest first."""
    words, weights = vocabulary(SEED)
    blank = [field.get_default() for field in _columns()]
    place = {field.column: index for index, field in enumerate(_columns())}
    blank[place["filing_suggestions"]] = json.dumps([])
    step = timedelta(days=700) / notes
    for number in range(notes):
        is_heavy = chance.random() < heavy / notes
        owner = users[0] if is_heavy else users[chance.randrange(1, len(users))]
        said = chance.choices(words, cum_weights=weights, k=chance.randint(6, 60))
        values = {
            "id": uuid.UUID(int=chance.getrandbits(128), version=4),
            "owner_id": owner.pk,
            "created_at": START + number * step,
            "transcribed_at": START + number * step,
            "transcript": " ".join(said).capitalize() + ".",
            "language": "pt",
            "box_id": chance.choice(boxes[owner.pk]) if chance.random() < 0.7 else None,
            # One in a thousand has failed, the rest is done.
            "processing_status": "failed" if chance.random() < 0.001 else "completed",
        }
        row = blank[:]
        for column, value in values.items():
            row[place[column]] = value
        yield row


def index_words() -> None:
    """Fill ``notes_search``, and make its indexes when it is full."""
    with psycopg.connect(url(), autocommit=True) as link:
        names = ("notes_search_words", "notes_search_newest")
        made = [
            link.execute("SELECT pg_get_indexdef(%s::regclass)", (name,)).fetchone()[0]  # type: ignore[index]
            for name in names
        ]
        for name in names:
            link.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    halves = [threading.Thread(target=_fill, args=(half,)) for half in (0, 1)]
    for half in halves:
        half.start()
    for half in halves:
        half.join()
    say("making the indexes")
    with psycopg.connect(url(), autocommit=True) as link:
        link.execute("SET maintenance_work_mem = '512MB'")
        for statement in made:
            link.execute(statement)


def _fill(half: int) -> None:
    middle = uuid.UUID(int=1 << 127)
    with psycopg.connect(url(), autocommit=True) as link:
        link.execute(
            "INSERT INTO notes_search (note_id, owner_id, created_at, words)"
            " SELECT id, owner_id, created_at, notes_search_vector(transcript, language, owner_id)"
            f" FROM notes_note WHERE id {'<' if half == 0 else '>='} %s",
            (middle,),
        )
