"""Both sides on the same million notes, a tenth of them of one user, who asks.

The product's database is that of :mod:`bench.search`; the twin's is filled from it. Both are built
once and kept in ``--directory``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

import psycopg

from bench.kinds import Figures, Scale
from bench.measures import median, p95
from bench.servers import PREFIX, Servers
from bench.sides import Product, Side
from bench.twin import TWIN, VENV, Twin
from bench.vocabulary import SEED, vocabulary
from tests.services import minimal_environment
from tests.services.postgres import Postgres

NOTES = 1_000_000
OURS, THEIRS = "bench", "twin"
OWNER = "heavy"
PAGE = 25
#: By how many of the owner's notes a word is found if it is selective: up to one in a hundred.
SELECTIVE = 0.01
#: A user of the twin is a workspace; both have ids of 16 bytes.
COPY = (
    (
        "SELECT lpad(to_hex(id), 32, '0')::uuid, username FROM auth_user",
        "accounts_workspace (id, slug)",
    ),
    (
        "SELECT id, lpad(to_hex(owner_id), 32, '0')::uuid, name FROM notes_box",
        "bau_mental_box (id, workspace_id, name)",
    ),
    (
        "SELECT id, lpad(to_hex(owner_id), 32, '0')::uuid, box_id, 'bau_mental/audios/a.ogg',"
        " transcript, 'memo', processing_status, 0.9, 50000, '{}', created_at, created_at"
        " FROM notes_note",
        "bau_mental_note (id, workspace_id, box_id, audio_file, transcript, source_type,"
        " processing_status, ai_confidence, file_size_bytes, metadata, created_at, updated_at)",
    ),
)


class Owner(Product):
    """The product, asked by the owner of very many notes."""

    user = OWNER


class OwnersTwin(Twin):
    """The twin, asked by the same."""

    home = OWNER


@contextmanager
def servers(directory: Path) -> Iterator[Servers]:
    """PostgreSQL with both databases, built if they are not there."""
    postgres = Postgres(
        durable=True,
        options={"shared_buffers": "512MB", "max_wal_size": "4GB", **PREFIX},
    )
    postgres.data = directory / f"postgres-{NOTES}"
    build(directory)
    with Servers(postgres) as running:
        if not _has(postgres, THEIRS):
            fill_twin(postgres)
        yield running


def build(directory: Path) -> None:
    """The product's million notes, by a process of its own: it takes ten minutes."""
    if (directory / f"complete-{NOTES}").exists():
        return
    print(f"building {NOTES:,} notes in {directory}, once ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench.search", "--notes", str(NOTES), "--requests", "1"]
    subprocess.run([*command, "--directory", str(directory)], check=True)


def fill_twin(postgres: Postgres) -> None:
    """The twin's tables with the same notes."""
    print("copying the notes for the twin, once ...", file=sys.stderr, flush=True)
    unfinished = f"{THEIRS}_unfinished"
    postgres.drop_database(unfinished)
    url = postgres.create_database(unfinished)
    env = {**minimal_environment(), "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0"}
    env |= {"MEDIA_ROOT": "/nonexistent", "DJANGO_SETTINGS_MODULE": "twin.settings"}
    program = str(VENV / "bin" / "django-admin")
    migrate = [program, "migrate", "--verbosity", "0", "--pythonpath", "."]
    subprocess.run(migrate, cwd=TWIN, env=env, check=True)
    with psycopg.connect(postgres.url(OURS)) as ours, psycopg.connect(url) as theirs:
        for query, into in COPY:
            _pipe(ours, query, theirs, into)
    with postgres.connect(unfinished) as theirs:
        theirs.execute("VACUUM ANALYZE")
    postgres.execute(f"ALTER DATABASE {unfinished} RENAME TO {THEIRS}")


def _pipe(ours: psycopg.Connection, query: str, theirs: psycopg.Connection, into: str) -> None:
    with (
        ours.cursor().copy(f"COPY ({query}) TO STDOUT".encode()) as source,
        theirs.cursor().copy(f"COPY {into} FROM STDIN".encode()) as target,
    ):
        for piece in source:
            target.write(piece)


def _has(postgres: Postgres, database: str) -> bool:
    return bool(postgres.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)))


# --- What is asked -------------------------------------------------------------------------------


def pages(side: Side, scale: Scale) -> Figures:
    """The newest page, page 1,000, and a search of a selective word, by REST: medians."""
    count = scale.of(15, 2)
    asked = {
        "list, page 1": [_first(side)],
        "list, page 1,000": [_thousandth(side)],
        "search of a selective word": [
            f"{_list(side)}search={quote(word)}" for word in selective_words(side.servers, count)
        ],
    }
    figures: Figures = {}
    connection = side.connection()
    for what, paths in asked.items():
        side.get(connection, paths[0])  # caches and connections
        taken = [
            1000 * side.get(connection, path)[0]
            for path in (paths if len(paths) > 1 else paths * count)
        ]
        figures[f"{what} of 1,000,000 notes, p50 ms"] = median(taken)
        figures[f"{what} of 1,000,000 notes, p95 ms"] = p95(taken)
    size = side.count("SELECT pg_database_size(current_database())")
    return {**figures, "database of 1,000,000 notes, GB": size / 1e9}


def _list(side: Side) -> str:
    return "/api/v1/notes/?" if side.name == "twin" else f"/api/v1/notes?limit={PAGE}&"


def _first(side: Side) -> str:
    return _list(side).rstrip("?&")


def _thousandth(side: Side) -> str:
    """By number, or by the cursor of a client who has turned the pages."""
    if side.name == "twin":
        return f"{_list(side)}page=1000"
    connection, cursor, before = side.connection(), "", 999 * PAGE
    while before:
        limit = min(100, before)
        path = f"/api/v1/notes?limit={limit}&cursor={cursor}"
        cursor = quote(side.get(connection, path.removesuffix("&cursor="))[1]["next"])
        before -= limit
    return f"{_list(side)}cursor={cursor}"


@cache
def selective_words(servers: Servers, count: int) -> list[str]:
    """Words that few of the owner's notes have, the same for both sides and in each round."""
    found: list[str] = []
    query = (
        "SELECT count(*) FROM bau_mental_note n JOIN accounts_workspace w ON w.id = workspace_id"
        " WHERE w.slug = %s AND transcript ~* %s"
    )
    for word in vocabulary(SEED)[0][200::7]:
        [(notes,)] = servers.postgres.execute(query, (OWNER, rf"\m{word}\M"), database=THEIRS)
        if len(word) > 4 and 0 < notes < SELECTIVE * NOTES / 10:
            found.append(word)
        if len(found) == count:
            break
    return found
