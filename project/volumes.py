"""Whether a folder of a container outlives it."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")


def is_on_volume(folder: Path, mounts: str | None = None) -> bool:
    """Whether ``folder`` or one above it, other than the root, is a mount.

    ``mounts`` is what ``/proc/self/mountinfo`` says (proc(5)); where a system has no such file
    there is nothing to compare, and the answer is yes.
    """
    if mounts is None:
        try:
            mounts = MOUNTS.read_text()
        except OSError:
            return True
    points = {line.split()[4] for line in mounts.splitlines()} - {"/"}
    return not points.isdisjoint(map(str, (folder, *folder.parents)))
