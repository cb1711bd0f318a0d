"""``python -m tests.contract [--examples N]`` prints cases and failures; exit code 0 or 1."""

from __future__ import annotations

import argparse
import os
import sys

from tests.contract.run import run


def main() -> int:
    """Run as told."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract", description=__doc__)
    parser.add_argument("--examples", type=int, default=60, help="per operation and user, at most")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same cases")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own")
    parser.add_argument("--at-least", type=int, default=0, help="fail with fewer cases in all")
    options = parser.parse_args()
    result = run(options.examples, options.seed, on_postgres=options.postgres)
    if not result.passed:
        print(result.output)
    print(result.summary)
    enough = result.cases >= options.at_least
    return 0 if result.passed and not result.server_errors and enough else 1


if __name__ == "__main__":
    # Settings of a developer's own installation stay outside.
    os.environ.pop("SCHEMATHESIS_HOOKS", None)
    sys.exit(main())
