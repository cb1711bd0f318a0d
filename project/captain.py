"""``captain-definition-worker.json``: the Dockerfile with the role worker, for CapRover.

``python3 -m project.captain`` writes it; ``--check`` says whether it is what would be written.
CapRover takes either the path of a Dockerfile or its lines, and knows no other place for a variable
that belongs to the build and not to the app. Standard library only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
WORKER = ROOT / "captain-definition-worker.json"
ROLE = "ENV PROCESS_ROLE=worker"


def worker_definition() -> str:
    """What the file has to hold."""
    lines = [*DOCKERFILE.read_text().splitlines(), ROLE]
    return json.dumps({"schemaVersion": 2, "dockerfileLines": lines}, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` compare it; 0, or 1 if it is stale."""
    if arguments not in ([], ["--check"]):
        print("usage: python3 -m project.captain [--check]", file=sys.stderr)
        return 2
    wanted = worker_definition()
    if not arguments:
        WORKER.write_text(wanted)
    elif not WORKER.exists() or WORKER.read_text() != wanted:
        print(f"{WORKER.name} is stale; write it anew: python3 -m project.captain")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
