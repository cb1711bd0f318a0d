"""Waiting by condition and deadline, and ports to wait on."""

import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

_given: set[int] = set()
#: Processes that test at the same time give ports of their own: what one has given and not yet
#: started, no other can see.
_LANES = 16
_LANE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _LANES


def wait_for(
    condition: Callable[[], Found | None], timeout: float, message: str | Callable[[], str]
) -> Found:
    """The first truthy answer of the condition; TimeoutError with the message at the deadline.

    A message that is costly or that should tell the last state is given as a function.
    """
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() >= deadline:
            text = message if isinstance(message, str) else message()
            raise TimeoutError(f"after {timeout:g} s: {text}")
        time.sleep(0.02)
    return found


def free_port() -> int:
    """A TCP port nobody listens on, never given twice in one run.

    It lies below the ephemeral range: a port inside may become the source port of any client, even
    of the one that retries to reach this very port while a test keeps the service down.
    """
    for port in random.sample(range(10_000 + _LANE, _first_ephemeral_port(), _LANES), k=500):
        if port not in _given and _can_bind(port):
            _given.add(port)
            return port
    raise RuntimeError("no free TCP port found")


def _first_ephemeral_port() -> int:
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(setting.read_text().split()[0]) if setting.exists() else 0
    return first if first > 12_000 else 32_768


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
