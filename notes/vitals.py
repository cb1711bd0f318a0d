"""How a worker is: what it has in work, what it costs, and what web feels of it."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
from pathlib import Path
from typing import Any

from django.conf import settings

#: Averages look back over about so many seconds.
MEMORY_SECONDS = 600.0
PROBE_TIMEOUT = 2.0
CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


class Vitals:
    """Moving averages, one sample with each heartbeat."""

    def __init__(self) -> None:
        self._asked_at, self._cpu_used = time.monotonic(), _cpu_seconds()
        self._cpu_share: float | None = None
        self._web_seconds: float | None = None

    def sample(self, running: int) -> dict[str, Any]:
        """What a heartbeat tells; ``running`` notes are in work.

        ``cpu_share``: of the processors that we may use, 0 to 1. ``web_seconds``: how long web of
        the same container takes for a trivial answer while we are busy; None where there is none.
        """
        now, used = time.monotonic(), _cpu_seconds()
        passed, spent = max(now - self._asked_at, 0.001), used - self._cpu_used
        self._asked_at, self._cpu_used = now, used
        weight = min(1.0, passed / MEMORY_SECONDS)
        self._cpu_share = _average(self._cpu_share, spent / passed / processors(), weight)
        if running and settings.PROCESS_ROLE == "all" and (felt := _web_seconds()) is not None:
            # Of a few busy minutes in a quiet day something must be left to see.
            self._web_seconds = _average(self._web_seconds, felt, 0.1)
        return {
            "role": settings.PROCESS_ROLE,
            "threads": settings.WORKER_THREADS,
            "running": running,
            "cpu_share": round(min(self._cpu_share, 1.0), 3),
            "web_seconds": self._web_seconds and round(self._web_seconds, 3),
        }


def processors() -> float:
    """How many processors this process may use, a container's limit included."""
    count = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    with contextlib.suppress(OSError, ValueError):
        quota, period = CGROUP_LIMIT.read_text().split()
        count = min(count, int(quota) / int(period))
    return max(count, 0.01)


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _average(before: float | None, value: float, weight: float) -> float:
    return value if before is None else before + weight * (value - before)


def _web_seconds() -> float | None:
    """How long web takes to say that it is alive; None where there is none to ask."""
    started = time.monotonic()
    port = int(os.environ.get("BAU_WEB_PORT", "0"))
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_TIMEOUT)
    try:
        web.request("GET", "/healthz")
        web.getresponse().read()
    except TimeoutError:
        return PROBE_TIMEOUT
    except (OSError, http.client.HTTPException):
        return None
    finally:
        web.close()
    return time.monotonic() - started
