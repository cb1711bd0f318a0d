"""What databases need for search: how it comes, how it stays, and what happens without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.test import Client

from notes.models import Note
from notes.search import postgresql_schema, sqlite_schema
from tests.services import minimal_environment
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY
from tests.test_search import ask, ids

NewNote = Callable[..., Note]
SCHEMAS: dict[str, Any] = {"postgresql": postgresql_schema, "sqlite": sqlite_schema}


@pytest.mark.database
@pytest.mark.django_db
def test_notes_that_were_there_before_are_found(api: Client, new_note: NewNote) -> None:
    note = new_note(transcript="Comprar jabuticaba")
    new_note()
    # Only the connection is used; a real editor refuses to work inside a test's transaction.
    editor = cast(Any, SimpleNamespace(connection=connection))
    schema = SCHEMAS[connection.vendor]
    schema.drop(editor)
    schema.create(editor)
    assert ids(ask(api, "jabuticaba")) == [str(note.pk)]
    note.edit_transcript("Comprar pitanga")
    assert ids(ask(api, "pitanga")) == [str(note.pk)]


@pytest.mark.database
@pytest.mark.django_db
def test_search_survives_migrations_that_lose_its_triggers(api: Client, new_note: NewNote) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name in ("insert", "update", "delete"):
                cursor.execute(f"DROP TRIGGER notes_search_{name}")
    emit_post_migrate_signal(0, False, "default")
    note = new_note(transcript="Comprar jabuticaba")
    assert ids(ask(api, "jabuticaba")) == [str(note.pk)]


def migrate(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0", *arguments],
        cwd=REPOSITORY,
        env={
            **minimal_environment(),
            "SECRET_KEY": "for-tests-only-" * 4,
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_the_extension_a_migration_says_what_to_do(postgres: Postgres) -> None:
    url = postgres.create_database("without_unaccent").replace("postgres@", "tenant@")
    postgres.execute("CREATE ROLE tenant LOGIN")
    postgres.execute("GRANT ALL ON SCHEMA public TO tenant", database="without_unaccent")
    refused = migrate(url)
    assert refused.returncode == 1
    assert "CREATE EXTENSION unaccent" in refused.stderr
    assert '"without_unaccent"' in refused.stderr
    assert "Traceback" not in refused.stderr
    # A schema of its own, as some hosts have it.
    postgres.execute("CREATE SCHEMA extensions", database="without_unaccent")
    postgres.execute("CREATE EXTENSION unaccent SCHEMA extensions", database="without_unaccent")
    postgres.execute("GRANT USAGE ON SCHEMA extensions TO tenant", database="without_unaccent")
    again = migrate(url)
    assert (again.returncode, again.stderr) == (0, "")
    found = postgres.execute(
        "SELECT notes_search_vector('Reuniões', '', 7) @@ $$'7/reunia'$$::tsquery",
        database="without_unaccent",
    )
    assert found == [(True,)]
    postgres.drop_database("without_unaccent")
