"""The product beside a Celery twin: same PostgreSQL, Valkey and provider, same machine, same run.

    python -m bench.run [MEASURE ...] [--repeat 3] [--smoke] [--write]

Both run at once, and are asked in turn, ``--repeat`` times; what is printed is the median of the
rounds of each side, and the product's as a share of the twin's. The twin's packages are installed
below var/ when they are missing. ``--write`` puts tables and pictures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from bench.measures import MEASURES, Figures, Measure, Scale
from bench.report import Line, table, write
from bench.sides import Product, Servers, Side, Twin, make_venv


def main() -> int:
    """Measure what was named, or all; 0."""
    options = parse()
    chosen = [one for one in MEASURES if not options.measures or one.name in options.measures]
    scale = Scale(repeat=1 if options.smoke else options.repeat, small=options.smoke)
    make_venv()
    lines: list[Line] = []
    begun = time.monotonic()
    with Servers() as servers:
        for number, measure in enumerate(chosen, 1):
            say(f"{number}/{len(chosen)} {measure.name}")
            lines += compare(servers, measure, scale)
    print(table(lines))
    say(f"{time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
    if options.json:
        rows = [(line.name, line.ours, line.twin) for line in lines]
        Path(options.json).write_text(json.dumps(rows, indent=1))
    if options.write:
        write(lines, scale.repeat)
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
    parser.add_argument("--json", metavar="FILE", help="keep every round's figures there")
    options = parser.parse_args()
    if unknown := set(options.measures) - set(names):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def compare(servers: Servers, measure: Measure, scale: Scale) -> list[Line]:
    """Both sides up, asked in turn; which goes first changes from round to round."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        sides: list[Side] = [
            stack.enter_context(kind(servers, measure.role, measure.env))
            for kind in (Product, Twin)
        ]
        for turn in range(scale.repeat):
            for side in sides[:: 1 if turn % 2 == 0 else -1]:
                figures: Figures = measure.ask(side, scale)
                say(f"  {side.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
                for name, value in figures.items():
                    found[_labelled(name, measure)][side.name].append(value)
    return [Line(name, both["product"], both["twin"]) for name, both in found.items()]


def _labelled(name: str, measure: Measure) -> str:
    threads = measure.env.get("WORKER_THREADS")
    return f"{name} ({threads} threads)" if threads else name


if __name__ == "__main__":
    sys.exit(main())
