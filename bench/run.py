"""The product beside a Celery twin: same PostgreSQL and provider, same machine, same run.

    python -m bench.run [MEASURE ...] [--repeat 3] [--smoke] [--write]

Both run at once, and are asked in turn, ``--repeat`` times (three times as often for uploads and
twice for the pages of a million notes, which take a second and are as noisy as the machine).
Printed is the median of the rounds of each side, and the product's as a share of the twin's. The
twin's packages are installed below var/ when they are missing. ``--write`` keeps the figures in
bench/results and composes the tables and the picture of docs/performance.md from all there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench import day, million
from bench.all_measures import MEASURES
from bench.kinds import Figures, Measure, Scale
from bench.report import Line, between, keep, table, write
from bench.servers import Servers
from bench.sides import Product, Side
from bench.twin import Twin, make_venv
from tests.services import this_run


def main() -> int:
    """Measure what was named, or all; 0."""
    options = parse()
    chosen = [one for one in MEASURES if not options.measures or one.name in options.measures]
    make_venv()
    scatter(this_run().directory)
    begun = time.monotonic()
    for number, measure in enumerate(chosen, 1):
        rounds = 1 if options.smoke or measure.once else options.repeat * measure.rounds
        say(f"{number}/{len(chosen)} {measure.name}")
        since = time.monotonic()
        lines = compare(measure, Scale(repeat=rounds, small=options.smoke), options.directory)
        say(f"  {time.monotonic() - since:.0f} s")
        print(f"\n{measure.name}\n{table(lines)}", flush=True)
        if options.write:
            keep(measure.name, lines)
    say(f"{time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
    if options.write:
        write([one.name for one in MEASURES])
        between(day.MARKS, day.table())
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [measure.name for measure in MEASURES]
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(names)}")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of each measure; 3")
    parser.add_argument("--smoke", action="store_true", help="little of everything, once")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("/var/tmp/bau-bench"),  # noqa: S108  # nosec B108  # gigabytes, and kept
        help="where the database with a million notes is kept; /var/tmp/bau-bench",
    )
    options = parser.parse_args()
    if unknown := set(options.measures) - set(names):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def scatter(directory: Path) -> None:
    """Have ext4 put the folders of ``directory`` into different parts of the disk.

    It looks at each file deleted in the last minutes before it makes a new one beside it, for
    which a run that follows another was seen to pay half a millisecond of each upload.
    """
    with suppress(OSError):
        subprocess.run(["chattr", "+T", directory], capture_output=True, check=False)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def compare(measure: Measure, scale: Scale, directory: Path) -> list[Line]:
    """Both sides up, asked in turn; which goes first changes from round to round."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        sides: list[Side] = [
            stack.enter_context(side) for side in stack.enter_context(_sides(measure, directory))
        ]
        for turn in range(scale.repeat):
            for side, figures in _asked(measure, sides[:: 1 if turn % 2 == 0 else -1], scale):
                say(f"  {side.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
                for name, value in figures.items():
                    found[_labelled(name, measure)][side.name].append(value)
    return [Line(name, both["product"], both["twin"]) for name, both in found.items()]


@contextmanager
def _sides(measure: Measure, directory: Path) -> Iterator[list[Side]]:
    """The two, not started yet; for what is asked at the same time each with its own provider."""
    with ExitStack() as stack:
        if measure.million:
            big = stack.enter_context(million.servers(directory))
            yield [
                million.Owner(big, measure.role, database=million.OURS),
                million.OwnersTwin(big, measure.role, database=million.THEIRS),
            ]
            return
        first = stack.enter_context(Servers())
        second = stack.enter_context(Servers()) if measure.once else first
        yield [Product(first, measure.role, measure.env), Twin(second, measure.role, measure.env)]


def _asked(measure: Measure, sides: list[Side], scale: Scale) -> Iterator[tuple[Side, Figures]]:
    if not measure.once:
        for side in sides:
            yield side, measure.ask(side, scale)
        return
    with ThreadPoolExecutor(len(sides)) as pool:
        yield from zip(sides, pool.map(lambda side: measure.ask(side, scale), sides), strict=True)


def _labelled(name: str, measure: Measure) -> str:
    threads = measure.env.get("WORKER_THREADS")
    return f"{name} ({threads} threads)" if threads else name


if __name__ == "__main__":
    sys.exit(main())
