"""Waits for the end of a test run, then ends its processes and removes its files.

Started as `python -m tests.services.reaper DIRECTORY`, with a pipe from the run as standard input.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from . import proc


def main(directory: Path) -> None:
    sys.stdin.read()
    # Politely first: a killed PostgreSQL leaves a System V memory segment behind.
    for number, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + seconds
        while (pids := processes_of(directory)) and time.monotonic() < deadline:
            proc.send(pids, number)
            proc.send(pids, signal.SIGCONT)
            time.sleep(0.1)
    remove(directory)


def processes_of(directory: Path) -> set[int]:
    """All with the run's mark, and those that name its directory.

    The second finds PostgreSQL: root without CAP_SYS_PTRACE (a container) must not read the
    environment of a process that runs as somebody else.
    """
    ours = proc.marked(f"{directory.name}.", exact=False) | proc.mentioning(f"{directory}/")
    return proc.with_descendants(ours) - {os.getpid()}


def remove(directory: Path) -> None:
    leftovers = directory / "leftovers"
    for path in leftovers.read_text().splitlines() if leftovers.exists() else []:
        Path(path).unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
