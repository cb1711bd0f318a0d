"""Who goes first where both want the CPU: people who wait for web's answer."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Of the worker and of what it starts. Web has 0.
NICENESS = 10


def give_way(pid: int) -> None:
    """Lower the priority of a process that has just started, and of all that it will start."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        # Outside of containers Linux may weigh whole sessions instead (sched(7), autogrouping).
        Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
