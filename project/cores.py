"""Which core the threads of a Python process keep to.

The interpreter runs one thread of a process at a time (python.org, "global interpreter lock"), so a
second core makes none of them faster. It makes them slower: each hand-over of the lock then wakes a
thread on the other core. With 16 uploads at once a web process was seen to have 180 voluntary
context switches and 7.2 ms of CPU an upload on two cores, and 20 and 4.6 on one (/proc/PID/task).

Linux moves other work away from a core that such a process keeps busy.
"""

from __future__ import annotations

import os
import socket
import zlib
from collections import Counter
from collections.abc import Iterable

#: Those this process was started with; none where the system has no such thing.
_OURS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []


def in_turn() -> list[int]:
    """The cores in the order in which this container takes them: web from the front, the worker
    from the back. Containers on one machine begin with different ones. Empty if there is no choice.
    """
    if len(_OURS) < 2:
        return []
    first = zlib.crc32(socket.gethostname().encode()) % len(_OURS)
    return _OURS[first:] + _OURS[:first]


def least_used(taken: Iterable[int]) -> int | None:
    """A core for one more process beside others that keep to ``taken``."""
    count = Counter(taken)
    return min(in_turn(), key=lambda core: count[core], default=None)


def keep_to(core: int | None) -> None:
    """Have this thread, and all that it will start, run on ``core`` alone; None changes nothing."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def use_all(pid: int) -> None:
    """Let a process that has just been started use all cores again."""
    if len(_OURS) > 1:
        os.sched_setaffinity(pid, _OURS)


def others() -> list[int]:
    """The cores that this process does not keep to; all, if it keeps to none or has only one."""
    if not _OURS:
        return []
    kept = os.sched_getaffinity(0)
    return [core for core in _OURS if core not in kept] or _OURS
