"""Random faults at random times under a steady stream of uploads; at the end the books must agree.

The same seed chooses the same faults, as long as they take the same time to recover from.
"""

from __future__ import annotations

import argparse
import os
import sys


def main() -> int:
    options = parse()
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    # The rig reads the product's models, and these want settings that are not a developer's own.
    import django

    import tests.environment  # noqa: F401

    django.setup()
    from tests.faults.storm import soak

    return soak(options.minutes, options.seed, write=options.write)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/soak", description=__doc__)
    parser.add_argument("minutes", type=float, metavar="MINUTES", help="how long faults go on")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--write", action="store_true", help="put the figures into docs/reliability.md"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
