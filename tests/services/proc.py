"""What Linux says about processes (`/proc`), and how ours are told from others.

Every process a test starts carries a *mark* in its environment, and so does all it starts in turn,
whatever sessions and process groups those move to (honcho gives each child its own).
"""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MARK = "BAU_TEST_RUN"


class Status(NamedTuple):
    state: str  # R, S, T (stopped) ...; dead ones that wait for their parent (Z) are not listed
    parent: int


def table() -> dict[int, Status]:
    """All living processes by pid."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _read(entry / "stat")):
            state, parent = stat.rpartition(b")")[2].split()[:2]
            if state not in (b"Z", b"X"):
                found[int(entry.name)] = Status(state.decode(), int(parent))
    return found


def command_line(pid: int) -> str:
    """The arguments joined by spaces; empty when the process is gone."""
    return _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ").decode(errors="replace").strip()


def marked(mark: str, *, exact: bool = True) -> set[int]:
    """Living processes whose mark is, or begins with, this one."""
    wanted = f"\0{MARK}={mark}".encode() + (b"\0" if exact else b"")
    return {pid for pid in table() if wanted in b"\0" + _read(Path(f"/proc/{pid}/environ"))}


def mentioning(text: str) -> set[int]:
    """Living processes with this text among their arguments."""
    return {pid for pid in table() if text in command_line(pid)}


def pss(pid: int) -> float:
    """The proportional set size in MB; a process that has ended counts as nothing."""
    lines = _read(Path(f"/proc/{pid}/smaps_rollup")).decode().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def with_descendants(roots: Iterable[int]) -> set[int]:
    """The living ones of these processes and of all their children's children."""
    processes = table()
    family = set(roots) & processes.keys()
    while more := {pid for pid, of in processes.items() if of.parent in family} - family:
        family |= more
    return family


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """The signal to each that still lives."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _read(path: Path) -> bytes:
    # Processes end while we look, and other users' environments are not ours to read.
    with suppress(OSError):
        return path.read_bytes()
    return b""
