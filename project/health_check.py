"""The container's own health check: exit code 0 if all that its role runs is alive, else 1.

``python -m project.health_check`` asks web for ``/healthz`` and looks when the worker's loop last
came round. It asks no database and no Redis, since a container that is started anew does not bring
those back, and it loads no Django, since it runs every few seconds.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: The file that a worker touches whenever its loop comes round, if this names one.
ALIVE_FILE = "BAU_ALIVE_FILE"
#: As long as the database has to answer one statement of the loop, and then some.
SILENCE_ALLOWED = 60.0
ANSWER_SECONDS = 4.0


def say_alive() -> None:
    """Touch the file of the environment's ``BAU_ALIVE_FILE``, if it names one that can be."""
    if path := os.environ.get(ALIVE_FILE):
        with suppress(OSError):
            Path(path).touch()


def troubles() -> Iterator[str]:
    """One sentence for each part of this container's role that is not well."""
    role = os.environ.get("PROCESS_ROLE") or "all"
    if role in ("all", "web"):
        yield from _trouble_of_web(int(os.environ.get("PORT") or 8000))
    if role in ("all", "worker"):
        yield from _trouble_of_worker(Path(os.environ.get(ALIVE_FILE, "")))


def _trouble_of_web(port: int) -> Iterator[str]:
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            status = connection.recv(64).split(b"\r\n")[0].decode("ascii", "replace")
    except OSError as fault:
        yield f"web does not answer on port {port}: {fault}"
        return
    if status.split()[1:2] != ["200"]:
        yield f"web answers /healthz with {status!r}"


def _trouble_of_worker(path: Path) -> Iterator[str]:
    try:
        silent = time.time() - path.stat().st_mtime
    except OSError:
        yield f"the worker has not come up: there is no {path}"
        return
    allowed = max(SILENCE_ALLOWED, 3.0 * float(os.environ.get("SWEEP_SECONDS") or 5))
    if silent > allowed:
        yield f"the worker was last alive {silent:.0f} s ago"


def main() -> int:
    """Print what is wrong, if anything is."""
    found = list(troubles())
    print("\n".join(found) or "ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
