"""Damage good recordings at random and see that each ends with a result or a code.

    python -m tests.audio_fuzz 10000 [--seed 1]

Each case is one child process, 0.2 to 0.4 s of CPU. Exit code 1 if a case took too long, left the
parent with anything but a code, or left a process behind.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import sys
import time
from collections.abc import Iterator

#: A damaged recording of nine seconds that takes longer is stopped by nobody.
SLOWEST = 40.0


def damaged(content: bytes, dice: random.Random) -> bytes:
    """``content`` cut off, with some bits flipped, with a hole, or all of that."""
    changed = bytearray(content[: _some(dice, 48_000, len(content))])
    kind = dice.randrange(4)
    if kind == 0:
        return content[: dice.randrange(len(content))]
    if kind == 3:
        start = dice.randrange(len(changed))
        del changed[start : start + dice.randrange(1, 2_000)]
        return bytes(changed)
    head = kind == 1  # most of what decides is at the front
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(min(len(changed), 600) if head else len(changed))
        changed[at] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _some(dice: random.Random, least: int, most: int) -> int:
    return most if most <= least else dice.randrange(least, most)


def cases(count: int, seed: int) -> Iterator[bytes]:
    """``count`` damaged recordings, the same for the same ``seed``."""
    from tests.audio_traps import good_files

    dice, files = random.Random(seed), good_files()
    for number in range(count):
        yield damaged(files[number % len(files)], dice)


def run(count: int, seed: int, progress: bool = False) -> collections.Counter[str]:
    """How many cases ended how.

    Raises:
      AssertionError: one took too long.
    """
    from tests.audio_run import decide

    ends: collections.Counter[str] = collections.Counter()
    for number, content in enumerate(cases(count, seed)):
        begun = time.monotonic()
        ends[decide(content).code or "decoded"] += 1
        assert time.monotonic() - begun < SLOWEST, f"case {number} of seed {seed} took too long"
        if progress and number % 100 == 99:
            print(f"{number + 1}: {dict(ends)}", flush=True)
    return ends


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.nice(10)
    ends = run(options.count, options.seed, progress=True)
    bad = {code: many for code, many in ends.items() if code.startswith("later:")}
    print(f"{options.count} cases: {dict(ends)}; worth another try, which none should be: {bad}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
