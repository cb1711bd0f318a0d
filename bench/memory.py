"""What the product's processes hold in memory after a hundred notes, as one app on a folder.

    python -m bench.memory [--notes 100] [--postgres] [NAME=VALUE ...]

Starts `python -m project.start` in role all with its settings as shipped, a Valkey of its own (not
counted) and the fake provider, sends the notes with four clients, waits until all are done and the
worker is at rest, and prints each process's PSS, where pages that processes share are counted in
parts.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.fakes.provider import FakeProvider
from tests.marks import marked
from tests.services.postgres import Postgres
from tests.services.rest import Client
from tests.services.valkey import Valkey
from tests.stack import Stack

CLIENTS = 4
WIDE = "1000000"
#: A worker gives memory back with each sweep, every five seconds.
REST_SECONDS = 6.0


def main() -> int:
    """Measure and print; 1 if a note did not become complete."""
    options = parse()
    with ExitStack() as parts:
        provider = parts.enter_context(FakeProvider())
        valkey = parts.enter_context(Valkey())
        database = None
        if options.postgres:
            database = parts.enter_context(Postgres()).create_database("memory")
        stack = parts.enter_context(
            Stack(
                {
                    "USER_NOTES_PER_DAY": WIDE,
                    "USER_REQUESTS_PER_MINUTE": WIDE,
                    **dict(each.split("=", 1) for each in options.env),
                },
                database=database,
                redis=valkey.url,
                provider=provider.url,
            )
        )
        stack.worker_pid()
        begun = stack.memory()
        lost = send(stack.create_user("ana"), options.notes)
        time.sleep(REST_SECONDS)
        show(f"after {options.notes} notes", begun, stack.memory())
    if lost:
        print(f"{lost} notes were not completed", file=sys.stderr)
    return int(lost > 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--notes", type=int, default=100, help="how many are sent; 100")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("env", nargs="*", metavar="NAME=VALUE", help="a setting to try")
    return parser.parse_args()


def send(client: Client, count: int) -> int:
    """Upload ``count`` recordings and wait for all; how many did not become complete."""
    recordings = [marked()[0] for _ in range(count)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = [note["id"] for note in pool.map(client.upload, recordings)]
    ended = [client.wait(note, timeout=120)["processing_status"] for note in sent]
    return count - ended.count("completed")


def show(when: str, before: dict[str, float], after: dict[str, float]) -> None:
    """A line for each process, and the sum."""
    print(f"{'MB at start':>11}  {when}")
    for process in {**before, **after}:
        print(f"{before.get(process, 0.0):11.1f}  {after.get(process, 0.0):9.1f}  {process}")
    print(f"{sum(before.values()):11.1f}  {sum(after.values()):9.1f}  PSS in MB")


if __name__ == "__main__":
    sys.exit(main())
