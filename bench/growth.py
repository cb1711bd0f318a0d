"""How the product's cost grows: with threads, with ten times the notes, with a second container.

    python -m bench.growth [--few] [--write]

Ten minutes on two cores, three without the cases of 2,000 notes. ``--write`` puts the table into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.measures import highest, send, sounds
from bench.report import between, machine
from bench.servers import Servers
from bench.sides import Product, cpu_seconds, named, pss_megabytes
from tests.services import Process
from tests.stack import Stack

MARKS = ("<!-- bench.growth: begin -->", "<!-- bench.growth: end -->")
SLOW, FAST = (5.0, 1.0), (0.3, 0.1)


@dataclass(frozen=True)
class Case:
    """So many notes wait for workers with so many threads each, at this pace of the provider."""

    threads: int
    notes: int
    provider: tuple[float, float]
    containers: int = 1

    def __str__(self) -> str:
        pace = "{:g} s + {:g} s".format(*self.provider)
        workers = "" if self.containers == 1 else f" in each of {self.containers} workers"
        return f"{self.threads} threads{workers}, {self.notes:,} notes at {pace}"


CASES = (
    *(Case(threads, max(32, 2 * threads), SLOW) for threads in (8, 32, 64, 128, 256)),
    Case(64, 200, FAST),
    Case(64, 2_000, FAST),
    Case(128, 2_000, FAST),
    Case(64, 2_000, FAST, containers=2),
)


@dataclass(frozen=True)
class Row:
    """What a case took."""

    case: str
    per_hour: float
    ideal: float
    cpu: float
    memory: float
    connections: int
    redis: float

    def __str__(self) -> str:
        return (
            f"| {self.case} | {self.per_hour:,.0f} | {self.ideal:.0%} | {self.cpu:.0f}"
            f" | {self.memory:.0f} | {self.connections} | {self.redis:.1f} |"
        )


COLUMNS = (
    "worker",
    "notes/h",
    "of its threads' ideal",
    "worker CPU a note, ms",
    "memory of all workers, MB",
    "connections to PostgreSQL",
    "Redis CPU a note, ms",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"


def main() -> int:
    """Measure every case, print and perhaps write; 0."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--few", action="store_true", help="no case of more than 1,000 notes")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    cases = [case for case in CASES if case.notes <= 1_000 or not options.few]
    rows = []
    with Servers() as servers:
        for number, case in enumerate(cases, 1):
            print(f"{number}/{len(cases)} {case}", file=sys.stderr, flush=True)
            rows.append(run(servers, case))
            print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    text = "\n".join([HEAD, *map(str, rows)])
    print(text)
    if options.write:
        between(MARKS, f"{machine()}; one run each.\n\n{text}")
    return 0


def part(one: Process, other: Process) -> None:
    """Give the worker of ``other`` the cores that the worker of ``one`` does not keep to.

    By its host's name a worker chooses its core (project.cores), and here both have the same name.
    """
    [mine], [theirs] = (named(process, "project.run_dramatiq") for process in (one, other))
    free = os.sched_getaffinity(0) - os.sched_getaffinity(mine)
    for thread in Path(f"/proc/{theirs}/task").iterdir():
        with suppress(ProcessLookupError):  # one that only warms up has ended
            os.sched_setaffinity(int(thread.name), free or os.sched_getaffinity(0))


def run(servers: Servers, case: Case) -> Row:
    """Drain the backlog of a case; its clock starts when the workers may look at it."""
    servers.provide(*case.provider)
    with ExitStack() as stack:
        side = stack.enter_context(Product(servers, env={"WORKER_THREADS": str(case.threads)}))
        others = [
            stack.enter_context(Stack(side.stack.env, role="worker"))
            for _ in range(1, case.containers)
        ]
        families = [side.worker, *(other.process.family for other in others)]

        def all_of_them() -> set[int]:
            return {pid for family in families for pid in family()}

        for other in others:
            part(side.process, other.process)
            other.process.suspend()
        with side.worker_stopped():
            send(side, sounds(case.notes), 8)
            groups = (all_of_them, side.valkey.process.family)
            before, begun = [cpu_seconds(group()) for group in groups], time.monotonic()
        for other in others:
            other.process.resume()
        with (
            highest(lambda: pss_megabytes(all_of_them())) as memory,
            highest(lambda: servers.postgres.connections(side.database)) as connections,
        ):
            took = side.settle(600) - begun
        after = [cpu_seconds(group()) for group in groups]
        by_workers, redis = (
            1000 * (late - early) / case.notes for early, late in zip(before, after, strict=True)
        )
        slots = case.threads * case.containers
        rounds = -(-case.notes // slots)
        return Row(
            str(case),
            3600 * case.notes / took,
            rounds * sum(case.provider) / took,
            by_workers,
            max(memory),
            int(max(connections)),
            redis,
        )


if __name__ == "__main__":
    sys.exit(main())
