"""How fast notes are listed and found in an installation with very many of them.

    python -m bench.search --notes 1000000 --directory /var/tmp/bau-bench

builds a PostgreSQL with that many notes, a tenth of them of one user (once, where a directory is
given: it is kept there), starts the product on it, asks it over HTTP and prints medians and p95 in
milliseconds.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.services.postgres import NOBODY, Postgres

if TYPE_CHECKING:
    from tests.services.rest import Client

DATABASE = "bench"


class Question(NamedTuple):
    """One request to measure; ``user`` is whose list or search it is."""

    kind: str
    user: str
    path: str
    query: dict[str, Any]


def main() -> None:
    """Build what is missing, ask, print."""
    options = _options()
    server = Postgres(durable=True, options={"shared_buffers": "512MB", "max_wal_size": "4GB"})
    kept = options.directory and Path(options.directory).resolve()
    if kept:
        server.data = kept / f"postgres-{options.notes}"
        _make_reachable(kept)
    complete = kept and (kept / f"complete-{options.notes}")
    if complete and not complete.exists():
        shutil.rmtree(server.data, ignore_errors=True)
    with server:
        built = bool(complete and complete.exists())
        os.environ["DATABASE_URL"] = (
            server.url(DATABASE) if built else server.create_database(DATABASE)
        )
        _django()
        if not built:
            from bench.notes import build

            build(options.notes, options.notes // 10)
            if complete:
                complete.touch()
        measure(server.url(DATABASE), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--notes", type=int, default=100_000, help="how many; 100000")
    parser.add_argument("--directory", help="where the database is kept between runs")
    parser.add_argument("--requests", type=int, default=100, help="of each kind; 100")
    parser.add_argument("--seed", type=int, default=1, help="which words are asked for; 1")
    return parser.parse_args()


def _make_reachable(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:  # the server runs as somebody else then, who must make its folder
        os.chown(directory, NOBODY, NOBODY)


def _django() -> None:
    import django
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    os.environ["SECRET_KEY"] = "for-benchmarks-only-" * 4
    os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"  # nobody needs to hear a bell
    django.setup()
    call_command("migrate", verbosity=0)


def measure(url: str, options: argparse.Namespace) -> None:
    """Ask everything in turn, so that a slow minute hits all kinds alike, and print the table."""
    from tests.stack import Stack

    # One user asks more than 600 times a minute.
    with Stack({"USER_REQUESTS_PER_MINUTE": "0"}, database=url) as stack:
        clients = dict(zip(("heavy", "user7"), stack.create_users("heavy", "user7"), strict=True))
        questions = list(_questions(random.Random(options.seed), clients, options.requests))
        for question in questions[:: max(1, len(questions) // 200)]:
            _ask(clients, question)  # warm caches and connections
        random.Random(options.seed).shuffle(questions)
        taken: dict[str, list[float]] = {}
        answers: dict[str, list[Any]] = {}
        for number, question in enumerate(questions):
            milliseconds, page = _ask(clients, question)
            taken.setdefault(question.kind, []).append(milliseconds)
            answers.setdefault(question.kind, []).append(page)
            if sys.stderr.isatty():
                print(f"\r{number + 1}/{len(questions)}", end="", file=sys.stderr)
    _print(taken, answers)


def _ask(clients: dict[str, Client], question: Question) -> tuple[float, Any]:
    started = time.perf_counter()
    page = clients[question.user].call("GET", question.path, params=question.query)
    return (time.perf_counter() - started) * 1000, page


def _print(taken: dict[str, list[float]], answers: dict[str, list[Any]]) -> None:
    print(f"\n{'':46}{'n':>5}{'median':>9}{'p95':>9}{'max':>9}  order")
    for kind in sorted(taken):
        times = sorted(taken[kind])
        p95 = (
            statistics.quantiles(times, n=20, method="inclusive")[-1]
            if len(times) > 1
            else times[0]
        )
        orders = {(page.get("search") or {}).get("order", "-") for page in answers[kind]}
        print(
            f"{kind:46}{len(times):5}{statistics.median(times):9.1f}{p95:9.1f}{times[-1]:9.1f}"
            f"  {', '.join(sorted(orders))}"
        )


# --- What is asked -------------------------------------------------------------------------------


def _questions(
    chance: random.Random, clients: dict[str, Client], requests: int
) -> Iterator[Question]:
    words = _words_by_share()
    box = clients["heavy"].call("GET", "boxes")[0]["id"]
    deep = _deep_cursor()

    def searches(kind: str, make: Callable[[], str], user: str = "heavy", **more: Any) -> Any:
        for _ in range(requests):
            yield Question(f"search: {kind}", user, "notes", {"search": make(), **more})

    rare, selective, common = (words[name] for name in ("rare", "selective", "common"))
    yield from searches("word, under 1 % of the user's notes", lambda: chance.choice(rare))
    yield from searches("word, 1 to 10 %", lambda: chance.choice(selective))
    yield from searches("word, over 10 %", lambda: chance.choice(common))
    yield from searches("two words", lambda: " ".join(chance.sample(selective, 2)))
    yield from searches("two common words", lambda: " ".join(chance.sample(common, 2)))
    yield from searches("phrase", lambda: f'"{" ".join(chance.sample(selective, 2))}"')
    yield from searches(
        "word without another", lambda: f"{chance.choice(selective)} -{chance.choice(common)}"
    )
    yield from searches("beginning of three letters", lambda: chance.choice(selective)[:3])
    yield from searches("nothing found", lambda: f"jabuticaba{chance.random()}")
    yield from searches("1 to 10 %, in a box", lambda: chance.choice(selective), box=box)
    yield from searches("1 to 10 %, failed", lambda: chance.choice(selective), status="failed")
    yield from searches("over 10 %, failed", lambda: chance.choice(common), status="failed")
    yield from searches(
        "ordinary user, any word", lambda: chance.choice(selective + common), "user7"
    )
    for kind, query in {
        "newest": {},
        "page 1000 of 50": {"cursor": deep, "limit": 50},
        "a box": {"box": box},
        "a box, from the middle": {"box": box, "cursor": deep},
        "inbox": {"inbox": "true"},
        "filed": {"inbox": "false"},
        "failed": {"status": "failed"},
        "completed": {"status": "completed"},
        "pending (none)": {"status": "pending"},
        "failed, in a box": {"status": "failed", "box": box},
    }.items():
        yield from [Question(f"list: {kind}", "heavy", "notes", query)] * requests


def _words_by_share() -> dict[str, list[str]]:
    """Words of the vocabulary by the share of the user's notes that they find."""
    from django.contrib.auth.models import User
    from django.db import connection

    from bench.vocabulary import SEED, vocabulary
    from notes.search.query import fold
    from notes.search.stopwords import STOPWORDS

    heavy = User.objects.get(username="heavy").pk
    words = [w for w in vocabulary(SEED)[0] if len(w) > 2 and fold(w) not in STOPWORDS]
    chosen = words[:200] + random.Random(SEED).sample(words[200:], 200)
    shares: dict[str, list[str]] = {"rare": [], "selective": [], "common": []}
    count = (
        "SELECT count(*) FROM notes_search WHERE words @@ regexp_replace("
        "notes_search_term(%s)::text, '''([^'']+)''', %s, 'g')::tsquery"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notes_note WHERE owner_id = %s", (heavy,))
        total = cursor.fetchone()[0]
        for word in chosen:
            cursor.execute(count, (word, f"'{heavy}/\\1'"))
            share = cursor.fetchone()[0] / total
            if share:
                name = "rare" if share < 0.01 else "selective" if share < 0.1 else "common"
                shares[name].append(word)
    connection.close()
    print({name: len(found) for name, found in shares.items()}, file=sys.stderr)
    return shares


def _deep_cursor() -> str:
    """Where page 1000 of 50 begins, or the middle of what there is."""
    from django.contrib.auth.models import User
    from django.db import connection

    from notes.api.pages import cursor_after
    from notes.models import Note
    from notes.search import Place

    notes = Note.objects.for_user(User.objects.get(username="heavy").pk)
    note = notes[min(50_000, notes.count() // 2)]
    connection.close()
    return cursor_after(Place(note.created_at, note.pk))


if __name__ == "__main__":
    main()
